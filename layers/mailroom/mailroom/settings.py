"""A function's environment, typed, with everything that is wrong reported in one error."""

import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields

from mailroom.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class ValidateEventSettings:
    """What ValidateEvent needs to know.

    ``lease_seconds`` must outlive the longest workflow (300 s) plus the longest function timeout, and end before the
    queue's visibility timeout does.
    """

    mail_bucket: str
    lease_seconds: int
    record_retention_days: int
    mail_key_prefix: str = ""
    quarantine_prefix: str = "quarantine/"


@dataclass(frozen=True, slots=True)
class WriteMailboxSettings:
    """What WriteMailbox needs to know; ``mail_root`` is the mounted folder that holds all mailboxes."""

    mail_bucket: str
    mail_root: str


def load[S](cls: type[S], environ: Mapping[str, str] | None = None) -> S:
    """Fill the settings dataclass ``cls`` from the environment; a field ``x_y`` is the variable ``X_Y``.

    Fields are ``str`` or ``int``. A variable that is unset takes the field's default; one that is empty counts as
    unset unless the field's default is the empty text.

    Raises ``ConfigurationError`` that names every missing or malformed variable at once.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, object] = {}
    wrong: list[str] = []
    for field in fields(cls):  # type: ignore[arg-type]  # a dataclass by contract
        variable = field.name.upper()
        text = environ.get(variable, "")
        if text == "":
            if field.default is MISSING:
                wrong.append(f"{variable} is missing")
            continue
        if field.type is int:
            try:
                values[field.name] = int(text)
            except ValueError:
                wrong.append(f"{variable} is not a whole number: {text!r}")
        else:
            values[field.name] = text
    if wrong:
        raise ConfigurationError(f"{'; '.join(wrong)}. Set the function's environment in template.yaml.")
    return cls(**values)
