"""An organisation of WorkMail as it is read once: from AWS, or from a file that an earlier reading wrote.

The file is JSON with WorkMail's own names; an entity has its ``Aliases`` with it, a group also its ``Members``.
"""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TextIO

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from mailroomctl.errors import CommandError

State = Literal["ENABLED", "DISABLED", "DELETED"]

# An answer says nothing, or null, of what it does not know.
_Text = Annotated[str, BeforeValidator(lambda value: value or "")]
_List = BeforeValidator(lambda value: value or [])


def _as_text(value: Any) -> Any:
    """A time is seconds since 1970 in what version 1 of AWS's command line prints."""
    return datetime.fromtimestamp(value, UTC).isoformat() if isinstance(value, int | float) else value or ""


_Time = Annotated[str, BeforeValidator(_as_text)]


class _Model(BaseModel):
    """WorkMail may say more than is needed here."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Entity(_Model):
    """What has an address: a user, a group or a resource."""

    Id: str
    Email: _Text = ""
    Name: _Text = ""
    State: State
    DisabledDate: _Time = ""
    Aliases: Annotated[list[str], _List] = []


class User(Entity):
    """A person, or what WorkMail made for itself."""

    UserRole: _Text = "USER"


class Resource(Entity):
    """A room or a piece of equipment."""

    Type: _Text = ""


class Member(_Model):
    """Who gets the mail of a group."""

    Id: str
    Name: _Text = ""
    State: _Text = ""


class Group(Entity):
    """An address that leads to its members."""

    Members: Annotated[list[Member], _List] = []


class Domain(_Model):
    """A domain for which the organisation receives."""

    DomainName: str


class ExportJob(_Model):
    """An export of one mailbox."""

    JobId: str
    EntityId: str
    State: Literal["RUNNING", "COMPLETED", "FAILED", "CANCELLED"]
    StartTime: _Time = ""
    EstimatedProgress: int | None = None
    S3BucketName: _Text = ""
    S3Path: _Text = ""
    ErrorInfo: _Text = ""


class FolderRule(_Model):
    """What the retention policy does in one folder."""

    Name: str
    Action: str
    Period: int | None = None


class Retention(_Model):
    """How long the organisation keeps mail."""

    FolderConfigurations: Annotated[list[FolderRule], _List] = []


class Organisation(_Model):
    """All of it."""

    OrganizationId: str
    MailDomains: Annotated[list[Domain], _List] = []
    Users: Annotated[list[User], _List] = []
    Groups: Annotated[list[Group], _List] = []
    Resources: Annotated[list[Resource], _List] = []
    Jobs: Annotated[list[ExportJob], _List] = []
    RetentionPolicy: Annotated[Retention, BeforeValidator(lambda value: value or {})] = Retention()


def load(stream: TextIO, name: str) -> Organisation:
    """Read the file; raises ``CommandError`` with what is wrong."""
    try:
        return parsed(json.load(stream), name)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CommandError(f"{name} is not JSON: {error}.") from None


def parsed(document: Any, name: str) -> Organisation:
    """Check a document; raises ``CommandError`` with the first things that are wrong."""
    try:
        return Organisation.model_validate(document)
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:3])
        raise CommandError(f"{name} is no organisation of WorkMail: {said}.") from None


def saved(organisation: Organisation) -> str:
    """Write the file."""
    return json.dumps(organisation.model_dump(), ensure_ascii=False, indent=1) + "\n"
