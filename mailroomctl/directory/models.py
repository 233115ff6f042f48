"""What an entry may hold, as it is written in commands and in the directory's YAML file.

The commands and the import build every entry through these models, so what is in the table has been checked. The
function that resolves recipients does not rely on that (``mailroom.resolve.entries``), and does without pydantic.
"""

from typing import Annotated, Any, Literal

from mailroom.addresses import parse
from mailroom.domain_names import normalise_domain
from mailroom.errors import InvalidAddress, MailboxPathRejected
from mailroom.mailbox_paths import check_path
from mailroom.resolve.entries import DEFAULT_SEPARATORS, catch_all_key, domain_key
from mailroom.resolve.policy import wrong_policy
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from mailroomctl.directory.table import Item
from mailroomctl.errors import CommandError

MAX_TARGETS = 10_000  # of one entry: a table item holds 400 KB

_SEPARATORS = "+-=_.~#!"
"""Characters that may separate a tag: legal without quotes, and no letter or digit."""


def _address(text: str) -> str:
    try:
        address = parse(text)
    except InvalidAddress as error:
        raise ValueError(f"{text!r} is not an address: {error}") from None
    if address.text == catch_all_key(address.domain):
        raise ValueError(f"{text!r} is the catch-all of its domain, which mailroomctl catch-all sets")
    return address.text


def _domain(text: str) -> str:
    try:
        return normalise_domain(text)
    except InvalidAddress as error:
        raise ValueError(f"{text!r} is not a domain: {error}") from None


def _path(text: str) -> str:
    try:
        return check_path(text)
    except MailboxPathRejected as error:
        raise ValueError(f"{text!r}: {error}") from None


def _policy(policy: dict[str, str]) -> dict[str, str]:
    for name, value in policy.items():
        if wrong := wrong_policy(name, value):
            raise ValueError(wrong)
    return dict(sorted(policy.items()))


def _separators(text: str) -> str:
    if wrong := [character for character in text if character not in _SEPARATORS]:
        raise ValueError(f"{wrong[0]!r} cannot separate a tag; these can: {' '.join(_SEPARATORS)}")
    return "".join(dict.fromkeys(text))


def _targets(targets: list[str]) -> list[str]:
    return list(dict.fromkeys(targets))


AddressText = Annotated[str, AfterValidator(_address)]
DomainText = Annotated[str, AfterValidator(_domain)]
PathText = Annotated[str, AfterValidator(_path)]
PolicyMap = Annotated[dict[str, str], AfterValidator(_policy)]
SeparatorsText = Annotated[str, AfterValidator(_separators)]
# One target may be written without the brackets of a list.
Targets = Annotated[
    list[AddressText],
    BeforeValidator(lambda given: [given] if isinstance(given, str) else given),
    AfterValidator(_targets),
    Field(min_length=1, max_length=MAX_TARGETS),
]


class Model(BaseModel):
    """Base of all: an unknown field is a mistake, not something to lose."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class MailboxModel(Model):
    """A mailbox: its own path, or the one from the stack's template."""

    path: PathText | None = None
    enabled: bool = True
    subaddress_folders: bool = False
    policy: PolicyMap = {}
    records_under: AddressText | None = None


class DomainModel(Model):
    """Settings of a domain."""

    separators: SeparatorsText = DEFAULT_SEPARATORS
    alias_of: DomainText | None = None
    policy: PolicyMap = {}


class ForwardModel(Model):
    """What an alias, a group or a catch-all leads to."""

    targets: Targets


ForwardKind = Literal["alias", "group", "catch_all"]


def mailbox_item(address: str, model: MailboxModel) -> Item:
    """Return the table item of a mailbox."""
    item: Item = {
        "address": address,
        "type": "mailbox",
        "enabled": model.enabled,
        "subaddress_folders": model.subaddress_folders,
    }
    return item | _given(
        path=model.path,
        policy=model.policy,
        records_under=model.records_under if model.records_under != address else None,
    )


def domain_item(domain: str, model: DomainModel) -> Item:
    """Return the table item of a domain's settings."""
    item: Item = {"address": domain_key(domain), "type": "domain", "separators": model.separators}
    return item | _given(alias_of=model.alias_of, policy=model.policy)


def forward_item(address: str, kind: ForwardKind, model: ForwardModel) -> Item:
    """Return the table item of an alias, a group, or (``address`` is then the domain) a catch-all."""
    key = catch_all_key(address) if kind == "catch_all" else address
    return {"address": key, "type": kind, "targets": model.targets}


def checked[M: BaseModel](model: type[M], **values: Any) -> M:
    """Build a model, or raise ``CommandError`` with what is wrong in one line."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise CommandError("; ".join(explain_error(one) for one in error.errors()) + ".") from None


def checked_address(text: str) -> str:
    """Return the normalised address, or raise ``CommandError``."""
    return _checked(_address, text)


def checked_domain(text: str) -> str:
    """Return the normalised domain, or raise ``CommandError``."""
    return _checked(_domain, text.removeprefix("@"))


_PLAIN = {
    "extra_forbidden": "there is no such setting",
    "too_short": "it needs an address that it leads to",
    "too_long": f"it leads to more than {MAX_TARGETS:,} addresses",
    "list_type": "it must be an address or a list of addresses",
    "dict_type": "it must have settings, such as {enabled: false}",
    "model_type": "it must have settings, such as {enabled: false}",
    "bool_type": "it must be true or false",
    "string_type": "it must be a text; quotes make one of a number or a word such as no",
}
"""What pydantic's errors mean here, in the words of the file."""


def explain_error(error: Any) -> str:
    """Put one of pydantic's errors into words."""
    message = _PLAIN.get(error["type"]) or str(error["msg"]).removeprefix("Value error, ")
    where = ".".join(str(part) for part in error["loc"] if part not in ("targets", "[key]"))
    return f"{where}: {message}" if where else message


def _given(**optional: Any) -> Item:
    return {name: value for name, value in optional.items() if value}


def _checked(check: Any, text: str) -> str:
    try:
        return str(check(text))
    except ValueError as error:
        raise CommandError(f"{error}.") from None
