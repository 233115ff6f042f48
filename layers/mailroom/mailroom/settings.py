"""A function's environment, typed, with everything that is wrong reported in one error.

A field ``x_y`` is the variable ``X_Y``. docs/settings.md has them all in tables, with the template's parameters; a test
compares the three.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from mailroom.errors import ConfigurationError

#: Where the mail bucket keeps what is in quarantine; the same as in template.yaml.
QUARANTINE_PREFIX = "quarantine/"
#: Days by which a record outlives its raw mail: S3 may be days late with what a lifecycle rule has expired.
LATE_EXPIRY_DAYS = 7


@dataclass(frozen=True, slots=True)
class Range:
    """The whole numbers that a setting may be, both ends included, and what they count."""

    least: int
    most: int
    unit: str

    def __call__(self, text: str) -> int:
        """Read the number; raises ``ValueError``."""
        digits = text.removeprefix("-")
        # int() would also take 1_000 and the digits of other scripts.
        if digits.isascii() and digits.isdigit() and self.least <= int(text) <= self.most:
            return int(text)
        raise ValueError(text)

    def __str__(self) -> str:
        """Give what an error says."""
        return f"a whole number of {self.unit} from {self.least} to {self.most}"


def number(least: int, most: int, unit: str, default: object = MISSING) -> Any:
    """Make a field for a whole number; it must be set unless it has a default."""
    return field(default=default, metadata={"read": Range(least, most, unit)})


class Pairs:
    """``name=value,name=value``; the empty text holds no pairs."""

    def __call__(self, text: str) -> Mapping[str, str]:
        """Read the pairs; raises ``ValueError`` where one has no ``=``."""
        parts = [pair.partition("=") for pair in text.split(",") if pair]
        if not all(separator for _, separator, _ in parts):
            raise ValueError(text)
        return {name.strip(): value.strip() for name, _, value in parts}

    def __str__(self) -> str:
        """Give what an error says."""
        return "name=value, separated by commas"


@dataclass(frozen=True, slots=True)
class ValidateEventSettings:
    """What ValidateEvent needs to know.

    ``lease_seconds`` must outlive the longest workflow (300 s) plus the longest function timeout, and end before the
    queue's visibility timeout does. The retentions are the stack's, in days.
    """

    mail_bucket: str
    lease_seconds: int = number(316, 399, "seconds")
    record_retention_days: int = number(15, 3650, "days")
    mail_key_prefix: str = ""
    quarantine_prefix: str = QUARANTINE_PREFIX
    copies_at_once: int = number(1, 40, "copies", 10)
    bounce_sender: str = ""
    mail_retention_days: int = number(30, 3650, "days", 90)
    quarantine_retention_days: int = number(1, 3650, "days", 90)

    @property
    def record_days(self) -> int:
        """Days that a record lives: always longer than the raw mail, which would else be delivered a second time."""
        raw_mail = max(self.mail_retention_days, self.quarantine_retention_days)
        return max(self.record_retention_days, raw_mail + LATE_EXPIRY_DAYS)


@dataclass(frozen=True, slots=True)
class ResolveMailboxesSettings:
    """What ResolveMailboxes needs to know.

    ``cache_seconds`` is how long an entry of the directory is remembered, ``cache_negative_seconds`` how long the
    absence of one is. ``directory_attempts`` and ``directory_wait_milliseconds`` are for keys that DynamoDB leaves
    unprocessed. ``verdict_policy`` is the stack's policy: ``mailroom.resolve.policy``.
    """

    directory_table: str
    mailbox_path_template: str = "{domain}/{local_part}/Maildir"
    fan_out_limit: int = number(1, 1000, "mailboxes", 500)
    cache_seconds: int = number(0, 3600, "seconds", 60)
    cache_negative_seconds: int = number(0, 3600, "seconds", 15)
    cache_entries: int = number(0, 100_000, "entries", 10_000)
    directory_attempts: int = number(2, 10, "calls", 5)
    directory_wait_milliseconds: int = number(1, 500, "milliseconds", 500)
    directory_connect_seconds: int = number(1, 5, "seconds", 1)
    directory_read_seconds: int = number(1, 5, "seconds", 2)
    sdk_attempts: int = number(1, 3, "calls", 2)
    verdict_policy: Mapping[str, str] = field(default_factory=dict, metadata={"read": Pairs()})


@dataclass(frozen=True, slots=True)
class WriteMailboxSettings:
    """What WriteMailbox needs to know.

    ``mail_root`` is the mounted folder that holds all mailboxes. ``publish_seconds`` is how long after the workflow
    entered the state a first attempt may still publish; it must end at least 2 s before the state's TimeoutSeconds.
    """

    mail_bucket: str
    mail_root: str
    publish_seconds: int = number(1, 16, "seconds", 16)
    raw_mail_resumes: int = number(0, 20, "connections", 4)
    raw_mail_wait_milliseconds: int = number(1, 2000, "milliseconds", 1000)
    raw_mail_connect_seconds: int = number(1, 5, "seconds", 2)
    raw_mail_read_seconds: int = number(1, 10, "seconds", 3)
    sdk_attempts: int = number(1, 3, "calls", 2)
    storage_patience_milliseconds: int = number(0, 5000, "milliseconds", 800)


@dataclass(frozen=True, slots=True)
class AuditMailSettings:
    """What AuditMail needs to know.

    ``audit_days`` are the days before the day of the audit. ``audit_reserve_seconds`` before its timeout the function
    gives up by itself, so that this is counted.
    """

    mail_bucket: str
    deliveries_table: str
    mail_key_prefix: str = ""
    audit_days: int = number(1, 30, "days", 2)
    audit_reserve_seconds: int = number(10, 300, "seconds", 30)
    audit_file: str = "/tmp/audit.sqlite"  # noqa: S108 - a worker's own


def load[S](cls: type[S], environ: Mapping[str, str] | None = None) -> S:
    """Fill the settings dataclass ``cls`` from the environment.

    A variable that is unset or empty takes the field's default.

    Raises ``ConfigurationError`` that names every variable that is missing or wrong, with what it is and may be.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, object] = {}
    wrong: list[str] = []
    for one in fields(cls):  # type: ignore[arg-type]  # a dataclass by contract
        variable = one.name.upper()
        text = environ.get(variable, "")
        read: Callable[[str], object] | None = one.metadata.get("read")
        if text == "":
            if one.default is MISSING and one.default_factory is MISSING:
                wrong.append(f"{variable} is missing; it must be {read or 'a text'}")
            continue
        try:
            values[one.name] = read(text) if read else text
        except ValueError:
            wrong.append(f"{variable} is {text!r}; it must be {read}")
    if wrong:
        raise ConfigurationError(f"{'. '.join(wrong)}. Set the function's environment in template.yaml.")
    return cls(**values)
