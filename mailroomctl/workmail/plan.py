"""What becomes of an organisation here: entries of the directory, and what has no counterpart."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mailroom.addresses import parse
from mailroom.domain_names import normalise_domain
from mailroom.errors import InvalidAddress

from mailroomctl.directory.models import (
    DomainModel,
    ForwardModel,
    MailboxModel,
    domain_item,
    forward_item,
    mailbox_item,
)
from mailroomctl.directory.table import Item
from mailroomctl.workmail.circles import members_without_circles
from mailroomctl.workmail.organisation import Entity, Group, Organisation

_OWN = ".awsapps.com"
"""Domains that WorkMail gives each organisation, and that end with it."""

_KINDS = {"ROOM": "room", "EQUIPMENT": "piece of equipment"}


@dataclass(frozen=True, slots=True)
class Note:
    """Something of WorkMail that is not as it was."""

    about: str
    text: str


@dataclass(slots=True)
class Plan:
    """Entries, notes, and whose mail has to come along."""

    items: list[Item] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    mailboxes: dict[str, str] = field(default_factory=dict)
    """The address here of each entity that has mail, by its id."""


def make_plan(organisation: Organisation) -> Plan:
    """Plan the whole directory; the result is the same for the same organisation."""
    return _Planner(organisation).plan


class _Planner:
    def __init__(self, organisation: Organisation) -> None:
        self.plan = Plan()
        self._notes: set[Note] = set()
        self._taken: dict[str, str] = {}
        self._here: dict[str, str] = {}
        self._domains(organisation)
        self._people(organisation)
        groups = [group for group in _sorted(organisation.Groups) if self._is_live(group)]
        for group in groups:
            if group.State == "ENABLED":
                self._address(group, "group")
            else:
                self._note(group.Email, "is a disabled group, and left out: its mail is rejected as before")
        self._members = members_without_circles(groups)
        self._leave_out_empty(groups)
        for group in groups:
            self._group(group)
        for entity in _sorted([*organisation.Users, *organisation.Resources, *organisation.Groups]):
            self._aliases(entity)
        self._retention(organisation)

    def _domains(self, organisation: Organisation) -> None:
        for one in organisation.MailDomains:
            if one.DomainName.lower().endswith(_OWN):
                self._note(one.DomainName, "WorkMail's own domain ends with it; nobody receives there any more")
                continue
            try:
                name = normalise_domain(one.DomainName)
            except InvalidAddress as error:
                self._note(one.DomainName, f"cannot be a domain here: {error}")
                continue
            self.plan.items.append(domain_item(name, DomainModel()))

    def _people(self, organisation: Organisation) -> None:
        for user in _sorted(organisation.Users):
            if user.UserRole == "SYSTEM_USER":
                continue
            if user.UserRole == "REMOTE_USER":
                self._note(user.Email or user.Name, "has the mailbox on another server; nothing is made here")
            elif user.UserRole != "RESOURCE" and self._is_live(user) and (address := self._address(user, "user")):
                enabled = user.State == "ENABLED"
                self._mailbox(user, address, enabled=enabled)
                if not enabled:
                    since = f" since {user.DisabledDate[:10]}" if user.DisabledDate else ""
                    self._note(
                        user.Email,
                        f"is disabled in WorkMail{since}, and so is the mailbox here: its mail is rejected; WorkMail"
                        " deletes the old mail 30 days after that day",
                    )
        for resource in _sorted(organisation.Resources):
            if self._is_live(resource) and (address := self._address(resource, "resource")):
                self._mailbox(resource, address, enabled=resource.State == "ENABLED")
                kind = _KINDS.get(resource.Type, "resource")
                self._note(
                    resource.Email, f"is a {kind}: a mailbox here, which answers no invitation and knows no delegates"
                )

    def _mailbox(self, entity: Entity, address: str, *, enabled: bool) -> None:
        self.plan.items.append(mailbox_item(address, MailboxModel(enabled=enabled)))
        self.plan.mailboxes[entity.Id] = address

    def _group(self, group: Group) -> None:
        address = self._here.get(group.Id)
        if not address:
            return
        members = self._members[group.Id]
        if {member.Id for member in members} != {member.Id for member in group.Members}:
            self._note(
                group.Email, "is in a circle of groups, each a member of the next; it has the people of all of them"
            )
        for member in members:
            if member.Id not in self._here:
                self._note(group.Email, f"has the member {member.Name or member.Id}, who has no address here")
        targets = {self._here[member.Id] for member in members if member.Id in self._here}
        self.plan.items.append(forward_item(address, "group", ForwardModel(targets=sorted(targets))))

    def _leave_out_empty(self, groups: list[Group]) -> None:
        """Leave out groups that lead to nobody, until none does: one may have had another as its only member."""
        while empty := [
            group
            for group in groups
            if group.Id in self._here and not any(member.Id in self._here for member in self._members[group.Id])
        ]:
            for group in empty:
                self._note(group.Email, "is a group without members; its mail would be for nobody, so it is left out")
                self._taken.pop(self._here.pop(group.Id))

    def _aliases(self, entity: Entity) -> None:
        target = self._here.get(entity.Id)
        if not target:
            return
        for written in sorted({*entity.Aliases, entity.Email}):
            alias = self._parsed(written, f"another address of {target}")
            if not alias or alias == target:
                continue
            if (owner := self._taken.get(alias)) is not None:
                self._note(written, f"is an address of {target} and of {owner} too; it stays with {owner}")
                continue
            self._taken[alias] = target
            self.plan.items.append(forward_item(alias, "alias", ForwardModel(targets=[target])))

    def _retention(self, organisation: Organisation) -> None:
        for rule in organisation.RetentionPolicy.FolderConfigurations:
            if rule.Action != "NONE":
                days = f" after {rule.Period} days" if rule.Period else ""
                text = f"WorkMail deletes what is in it{days}; here nothing is deleted (Dovecot has autoexpunge)"
                self._note(f"folder {rule.Name}", text)

    def _is_live(self, entity: Entity) -> bool:
        """Say whether it has an address; what never had one, or is deleted, has no mail either."""
        if entity.State == "DELETED":
            return False
        if not entity.Email:
            self._note(entity.Name or entity.Id, "has no address in WorkMail; nothing is made here")
        return bool(entity.Email)

    def _address(self, entity: Entity, kind: str) -> str | None:
        """Find the entity's address here: the primary one, or an alias where that is in WorkMail's own domain."""
        for written in (entity.Email, *sorted(entity.Aliases)):
            if address := self._parsed(written, f"the address of a {kind}", say=written == entity.Email):
                if (owner := self._taken.get(address)) is not None:
                    self._note(written, f"is an address of {owner} already; the {kind} {entity.Name} is left out")
                    return None
                if written != entity.Email:
                    self._note(entity.Email, f"is in WorkMail's own domain; {address} is its address here")
                self._taken[address] = address
                self._here[entity.Id] = address
                return address
        self._note(entity.Email, f"is a {kind} without an address of your own domains; nothing is made here")
        return None

    def _parsed(self, written: str, what: str, *, say: bool = True) -> str | None:
        if written.lower().endswith(_OWN):
            return None
        try:
            return parse(written).text
        except InvalidAddress as error:
            if say:
                self._note(written, f"{what}, cannot be one here: {error}")
            return None

    def _note(self, about: str, text: str) -> None:
        note = Note(about, text)
        if note not in self._notes:
            self._notes.add(note)
            self.plan.notes.append(note)


def _sorted[E: Entity](entities: Iterable[E]) -> Iterator[E]:
    yield from sorted(entities, key=lambda one: (one.Email.lower(), one.Id))
