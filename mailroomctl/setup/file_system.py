"""Which file system, access point, subnets and security groups the stack gets, or how to make what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mailroomctl.setup import storage_steps
from mailroomctl.setup.account import Account
from mailroomctl.setup.calls import Calls
from mailroomctl.setup.questions import Questions
from mailroomctl.setup.steps import Step
from mailroomctl.setup.storage import AccessPoint, FileSystem, MountTarget, Network, look_at_network
from mailroomctl.stack import Stack

_MOST_SUBNETS = 16  # of a Lambda function
#: In the place of a file system's id: the stack makes it, and a network.
NEW = "new"


@dataclass(frozen=True)
class Given:
    """What was said on the command line; what is empty is asked for, or found. ``file_system`` may be ``NEW``."""

    file_system: str = ""
    access_point: str = ""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()


@dataclass
class Chosen:
    """What the stack gets; with ``missing``, not all of it is there yet."""

    parameters: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    after: list[Step] = field(default_factory=list)
    """What to do when the stack is there."""
    warnings: list[str] = field(default_factory=list)
    missing: bool = False

    def lacks(self, step: Step) -> None:
        """Note what has to be made before the stack can be deployed."""
        self.steps.append(step)
        self.missing = True


def choose(stack: Stack, calls: Calls, account: Account, given: Given, questions: Questions) -> Chosen:
    """Decide where the mailboxes are; a person is asked where there are several."""
    chosen = Chosen()
    system = _file_system(account, given, questions, chosen)
    if system is None:
        return chosen
    chosen.parameters["FileSystemId"] = system.id
    if _before(account, "Storage") == NEW:
        chosen.parameters["Storage"] = "existing"
    if not system.encrypted:
        chosen.warnings.append(f"the file system {system.id} is not encrypted at rest, which cannot be changed later.")
    if system.throughput == "bursting":
        chosen.warnings.append(
            f"the file system {system.id} has bursting throughput, which a small one exhausts; elastic does not."
        )
    _access_point(account, system, given, questions, chosen)
    _network(stack, calls, system, given, chosen)
    return chosen


def _file_system(account: Account, given: Given, questions: Questions, chosen: Chosen) -> FileSystem | None:
    """The file system, or ``None`` where the stack makes it, or it could not be looked at, or is not there."""
    found = {one.id: one for one in account.file_systems or ()}
    name = given.file_system
    if not name and account.file_systems is not None:
        named = ", ".join(str(one) for one in found.values() if one.name)
        text = f"File system of the mailboxes{f': {named}' if named else ''}; new makes one and a network"
        name = questions.choose(text, [*found, NEW], _usual(account, list(found)))
    if name == NEW:
        _new(account, chosen)
        return None
    if name in found:
        return found[name]
    if not name and questions.silent and found:
        chosen.missing = True
        chosen.warnings.append(f"there are several file systems: give --file-system {_or([*found, NEW])}.")
        return None
    if not name and account.file_systems is not None:
        chosen.lacks(storage_steps.new_file_system(account.stack_name, account.region))
        return None
    if account.file_systems is not None:
        chosen.warnings.append(f"there is no file system {name} in {account.region} that is available.")
    # What could not be looked at is taken as it was given.
    values = {
        "FileSystemId": name,
        "AccessPointId": given.access_point,
        "SubnetIds": ",".join(given.subnets),
        "SecurityGroupIds": ",".join(given.security_groups),
    }
    chosen.parameters |= {key: value for key, value in values.items() if value}
    chosen.missing = len(chosen.parameters) < len(values)
    if chosen.missing:
        chosen.warnings.append(
            "the file system could not be looked at: give --file-system, --access-point, --subnet and --security-group."
        )
    return None


def _usual(account: Account, found: list[str]) -> str:
    """What the stack has; else the only file system, or a new one where there is none."""
    if _before(account, "Storage") == NEW:
        return NEW
    before = _before(account, "FileSystemId")
    if before in found:
        return before
    return (found or [NEW])[0] if len(found) < 2 else ""


def _new(account: Account, chosen: Chosen) -> None:
    chosen.parameters["Storage"] = NEW
    chosen.after.append(storage_steps.join_dovecot(account.stack_name))
    if before := _before(account, "FileSystemId"):
        names = ", ".join(f'{name}=""' for name in ("FileSystemId", "AccessPointId", "SubnetIds", "SecurityGroupIds"))
        chosen.warnings.append(
            f"the stack has the file system {before}, and its mailboxes stay there: move them, and empty {names}."
        )


def _before(account: Account, parameter: str) -> str:
    return account.deployed.parameters.get(parameter, "") if account.deployed else ""


def _access_point(account: Account, system: FileSystem, given: Given, questions: Questions, chosen: Chosen) -> None:
    found = {one.id: one for one in system.access_points or ()}
    before = _before(account, "AccessPointId")
    name = given.access_point
    if not name and found:
        usable = [one.id for one in found.values() if one.uid is not None]
        usual = before if before in found else usable[0] if len(usable) == 1 else ""
        name = usual if len(found) == 1 and usual else questions.choose("Access point", list(found), usual)
    if not name:
        if system.access_points is None:
            chosen.missing = True
            chosen.warnings.append("the access points could not be looked at: give --access-point.")
        elif len(found) > 1 and questions.silent:
            chosen.missing = True
            chosen.warnings.append(f"there are several access points: give --access-point {_or(list(found))}.")
        else:
            chosen.lacks(storage_steps.new_access_point(system.id))
        return
    chosen.parameters["AccessPointId"] = name
    if name in found:
        chosen.warnings += _owner(found[name])
    elif system.access_points is not None:
        chosen.warnings.append(f"the file system {system.id} has no access point {name}.")


def _or(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _owner(point: AccessPoint) -> list[str]:
    if point.uid is None:
        return [f"the access point {point.id} has no POSIX user: mail would not belong to Dovecot's."]
    if point.uid == 0:
        return [f"the access point {point.id} writes as root: Dovecot could not read the mail as its own user."]
    return []


def _network(stack: Stack, calls: Calls, system: FileSystem, given: Given, chosen: Chosen) -> None:
    targets = _targets(system, given, chosen)
    if not targets:
        return
    chosen.parameters["SubnetIds"] = ",".join(given.subnets or tuple(one.subnet for one in targets))
    if len({one.zone for one in targets}) < 2:
        chosen.warnings.append("all subnets are in one zone: mail waits while that zone is down.")
    network = look_at_network(stack, calls, targets)
    if network.unrouted:
        vpc, endpoints = targets[0].vpc, network.endpoints or ()
        chosen.steps.append(storage_steps.way_to_s3(vpc, stack.region, endpoints, network.unrouted))
    groups = given.security_groups or _groups(stack, targets, network, chosen)
    if groups:
        chosen.parameters["SecurityGroupIds"] = ",".join(groups)


def _targets(system: FileSystem, given: Given, chosen: Chosen) -> list[MountTarget]:
    """The mount targets in the subnets that were given, or else in all."""
    if system.mount_targets is None:
        values = {"SubnetIds": ",".join(given.subnets), "SecurityGroupIds": ",".join(given.security_groups)}
        chosen.parameters |= {key: value for key, value in values.items() if value}
        if not all(values.values()):
            chosen.missing = True
            chosen.warnings.append("the mount targets could not be looked at: give --subnet and --security-group.")
        return []
    if not system.mount_targets:
        chosen.lacks(storage_steps.new_mount_targets(system.id))
        return []
    targets = [one for one in system.mount_targets if not given.subnets or one.subnet in given.subnets]
    for one in targets:
        if one.state != "available":
            chosen.warnings.append(f"the mount target in {one.subnet} is {one.state}: deploy when it is available.")
    for subnet in set(given.subnets) - {one.subnet for one in targets}:
        chosen.warnings.append(f"the file system {system.id} has no mount target in {subnet}.")
    return targets[:_MOST_SUBNETS]


def _groups(stack: Stack, targets: list[MountTarget], network: Network, chosen: Chosen) -> tuple[str, ...]:
    """A security group that may reach the mount targets."""
    protecting = sorted({group for one in targets for group in one.security_groups or ()})
    if network.allowed_groups:
        # Where the file system's own group lets itself in, that is the one that was made for this.
        own = [one for one in network.allowed_groups if one in protecting]
        return (*own, *network.allowed_groups)[:1]
    if network.allowed_ranges:
        ranges = ", ".join(network.allowed_ranges)
        chosen.warnings.append(f"the mount targets let in addresses: see that the subnets are within {ranges}.")
        return tuple(protecting[:1])
    if network.allowed_groups is None:
        chosen.missing = True
        chosen.warnings.append("the security groups could not be looked at: give --security-group.")
        return ()
    chosen.lacks(storage_steps.open_for_function(stack.name, targets[0].vpc, protecting))
    return ()
