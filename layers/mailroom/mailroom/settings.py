"""A function's environment, typed, with everything that is wrong reported in one error."""

import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields

from mailroom.errors import ConfigurationError

#: Where the mail bucket keeps what is in quarantine; the same as in template.yaml.
QUARANTINE_PREFIX = "quarantine/"
#: Days by which a record outlives its raw mail: S3 may be days late with what a lifecycle rule has expired.
LATE_EXPIRY_DAYS = 7


@dataclass(frozen=True, slots=True)
class ValidateEventSettings:
    """What ValidateEvent needs to know.

    ``lease_seconds`` must outlive the longest workflow (300 s) plus the longest function timeout, and end before the
    queue's visibility timeout does. The retentions are the stack's, in days.
    """

    mail_bucket: str
    lease_seconds: int
    record_retention_days: int
    mail_key_prefix: str = ""
    quarantine_prefix: str = QUARANTINE_PREFIX
    copies_at_once: int = 10
    bounce_sender: str = ""
    mail_retention_days: int = 90
    quarantine_retention_days: int = 90

    @property
    def record_days(self) -> int:
        """Days that a record lives: always longer than the raw mail, which would else be delivered a second time."""
        raw_mail = max(self.mail_retention_days, self.quarantine_retention_days)
        return max(self.record_retention_days, raw_mail + LATE_EXPIRY_DAYS)


@dataclass(frozen=True, slots=True)
class ResolveMailboxesSettings:
    """What ResolveMailboxes needs to know.

    ``cache_seconds`` is how long an entry of the directory is remembered, ``cache_negative_seconds`` how long the
    absence of one is. ``verdict_policy`` is the stack's policy as ``finding=action,…``: ``mailroom.resolve.policy``.
    """

    directory_table: str
    mailbox_path_template: str = "{domain}/{local_part}/Maildir"
    fan_out_limit: int = 500
    cache_seconds: int = 60
    cache_negative_seconds: int = 15
    cache_entries: int = 10_000
    verdict_policy: str = ""


@dataclass(frozen=True, slots=True)
class WriteMailboxSettings:
    """What WriteMailbox needs to know.

    ``mail_root`` is the mounted folder that holds all mailboxes. ``publish_seconds`` is how long after the workflow
    entered the state a first attempt may still publish; it must end at least 2 s before the state's TimeoutSeconds.
    """

    mail_bucket: str
    mail_root: str
    publish_seconds: int = 16


def load[S](cls: type[S], environ: Mapping[str, str] | None = None) -> S:
    """Fill the settings dataclass ``cls`` from the environment; a field ``x_y`` is the variable ``X_Y``.

    Fields are ``str`` or ``int``. A variable that is unset takes the field's default; one that is empty counts as
    unset unless the field's default is the empty text.

    Raises ``ConfigurationError`` that names every missing or malformed variable together.
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


def pairs(variable: str, text: str) -> dict[str, str]:
    """Read ``name=value,name=value`` from the variable of that name; the empty text holds no pairs.

    Raises ``ConfigurationError`` where a pair has no ``=``.
    """
    found = {}
    for pair in filter(None, text.split(",")):
        name, separator, value = pair.partition("=")
        if not separator:
            raise ConfigurationError(f"{variable} holds {pair!r}, which is not name=value.")
        found[name.strip()] = value.strip()
    return found
