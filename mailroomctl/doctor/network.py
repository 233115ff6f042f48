"""Does WriteMailbox reach the file system and S3? Subnets and mount targets, security groups, routes."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mailroomctl.doctor.findings import Finding, failure, not_applicable, passed, warning
from mailroomctl.doctor.patient import DeniedError, Patient
from mailroomctl.setup.calls import Calls
from mailroomctl.setup.storage import NFS, FileSystem, MountTarget, lets, look_at_file_systems, look_at_network
from mailroomctl.setup.storage_steps import way_to_s3

_HTTPS = 443
_EMBEDDED = "the embedded AWS keeps mailboxes in a folder of this machine"


def mount_targets(patient: Patient) -> Iterator[Finding]:
    """Whether each subnet of the function has a mount target in its zone, and a way to S3."""
    if (skipped := _without_file_system(patient)) is not None:
        yield skipped
        return
    system = _file_system(patient)
    if system is None:
        name = patient.parameter("FileSystemId")
        look = f"aws efs describe-file-systems --file-system-id {name}"
        yield failure(f"the file system {name} is not there, or not available", "nothing is delivered", look)
        return
    targets = [one for one in _targets(system) if one.state == "available"]
    subnets = _subnets(patient)
    problems = [*_point(patient, system), *_unreached(system, targets, subnets), *_way_to_s3(patient, subnets)]
    if gone := sorted(set(_of_function(patient, "SubnetIds")) - {one.id for one in subnets}):
        problems.append(
            failure(f"there is no subnet {', '.join(gone)}", "the function cannot be started", "sam deploy")
        )
    zones = ", ".join(sorted({one.zone for one in subnets}))
    yield from problems or [passed(f"{system}: mount targets in {zones}, and a way to S3")]


def security_groups(patient: Patient) -> Iterator[Finding]:
    """Whether the mount targets let the function in on NFS's port, and its own groups let it out."""
    if (skipped := _without_file_system(patient)) is not None:
        yield skipped
        return
    system = _file_system(patient)
    used = _of_function(patient, "SecurityGroupIds")
    subnets = _subnets(patient)
    own = {one["GroupId"]: one for one in _groups(patient, used)}
    problems: list[Finding] = []
    if gone := sorted(set(used) - own.keys()):
        seen = f"there is no security group {', '.join(gone)}"
        problems.append(failure(seen, "the function cannot be started", "sam deploy"))
    for target in _targets(system) if system else ():
        problems += _shut(patient, target, used, subnets)
    for port, what in ((NFS, "the file system"), (_HTTPS, "S3")):
        if not any(lets(rule, port) for group in own.values() for rule in group.get("IpPermissionsEgress", [])):
            group = used[0] if used else "GROUP"
            problems.append(
                failure(
                    f"the function's security groups let nothing out on TCP {port}",
                    f"it does not reach {what}, and nothing is delivered",
                    f"aws ec2 authorize-security-group-egress --group-id {group} --ip-permissions"
                    f" 'IpProtocol=tcp,FromPort={port},ToPort={port},IpRanges=[{{CidrIp=0.0.0.0/0}}]'",
                )
            )
    yield from problems or [passed(f"{', '.join(used)} may reach the mount targets (TCP {NFS}) and S3")]


@dataclass(frozen=True)
class _Subnet:
    id: str
    zone: str
    vpc: str
    range: str


def _without_file_system(patient: Patient) -> Finding | None:
    if patient.embedded:
        return not_applicable(_EMBEDDED)
    if not patient.parameter("FileSystemId"):
        return failure(
            "the stack has no file system (FileSystemId)",
            "mail is written into the function's own memory, and is lost",
            "mailroomctl init --write",
            "sam deploy",
        )
    return None


def _file_system(patient: Patient) -> FileSystem | None:
    def look() -> FileSystem | None:
        from botocore.exceptions import ClientError

        calls = Calls()
        try:
            found = look_at_file_systems(patient.stack, calls, patient.parameter("FileSystemId"))
        except ClientError as error:
            if error.response["Error"]["Code"] != "FileSystemNotFound":
                raise
            return None
        if calls.denied:
            raise DeniedError(next(iter(calls.denied)))
        return found[0] if found else None

    return patient.once("file system", look)


def _targets(system: FileSystem) -> tuple[MountTarget, ...]:
    return system.mount_targets or ()


def _of_function(patient: Patient, what: str) -> list[str]:
    """``SubnetIds`` or ``SecurityGroupIds`` of WriteMailbox as it is."""
    return list(patient.function("WriteMailbox").get("VpcConfig", {}).get(what, []))


def _subnets(patient: Patient) -> list[_Subnet]:
    ec2, wanted = patient.client("ec2"), _of_function(patient, "SubnetIds")

    def look() -> list[dict[str, Any]]:
        # A filter, unlike a list of ids, leaves out what is not there.
        filters = [{"Name": "subnet-id", "Values": wanted}]
        return patient.pages("ec2:DescribeSubnets", ec2, "describe_subnets", "Subnets", Filters=filters)

    found = patient.once("subnets", look) if wanted else []
    return [_Subnet(one["SubnetId"], one["AvailabilityZone"], one["VpcId"], one["CidrBlock"]) for one in found]


def _groups(patient: Patient, names: list[str]) -> list[dict[str, Any]]:
    filters = [{"Name": "group-id", "Values": names}]
    ec2, operation = patient.client("ec2"), "describe_security_groups"
    if not names:
        return []
    return patient.pages("ec2:DescribeSecurityGroups", ec2, operation, "SecurityGroups", Filters=filters)


def _point(patient: Patient, system: FileSystem) -> Iterator[Finding]:
    """The access point, and the user that mail belongs to."""
    name = patient.parameter("AccessPointId")
    points = {one.id: one for one in system.access_points or ()}
    create = f"aws efs create-access-point --file-system-id {system.id} --posix-user Uid=5000,Gid=5000"
    if name not in points:
        yield failure(f"the file system has no access point {name}", "nothing is delivered", create)
    elif points[name].uid is None:
        yield failure(f"the access point {name} has no POSIX user", "mail does not belong to Dovecot's user", create)
    elif points[name].uid == 0:
        yield failure(f"the access point {name} writes as root", "Dovecot cannot read mail as its own user", create)


def _unreached(system: FileSystem, targets: list[MountTarget], subnets: list[_Subnet]) -> Iterator[Finding]:
    for subnet in subnets:
        if any(one.zone == subnet.zone and one.vpc == subnet.vpc for one in targets):
            continue
        states = [one.state for one in _targets(system) if one.zone == subnet.zone]
        seen = f"{subnet.id} ({subnet.zone}) has no mount target" + (
            f" that is available: {states[0]}" if states else ""
        )
        yield failure(
            seen,
            "a function that starts in this subnet cannot deliver: some attempts fail, and mail is late",
            f"aws efs create-mount-target --file-system-id {system.id} --subnet-id {subnet.id} --security-groups GROUP",
        )


def _way_to_s3(patient: Patient, subnets: list[_Subnet]) -> Iterator[Finding]:
    """The subnets' route tables have to lead to S3's gateway endpoint, or to a NAT."""
    if not subnets:
        return
    calls = Calls()
    network = look_at_network(
        patient.stack,
        calls,
        [MountTarget(id="", subnet=one.id, zone=one.zone, vpc=one.vpc, security_groups=()) for one in subnets],
    )
    if calls.denied:
        raise DeniedError(next(iter(calls.denied)))
    without = network.unrouted
    if not without:
        return
    step = way_to_s3(subnets[0].vpc, patient.region, network.endpoints or (), without)
    yield warning(
        f"the route tables {', '.join(without)} do not lead to a gateway endpoint of S3",
        "without another way, such as a NAT gateway, no mail can be read from S3, and nothing is delivered",
        *step.commands,
    )


def _shut(patient: Patient, target: MountTarget, used: list[str], subnets: list[_Subnet]) -> Iterator[Finding]:
    """Whether a mount target lets none of the function's groups in, nor its subnets."""
    groups = _groups(patient, list(target.security_groups or ()))
    rules = [rule for group in groups for rule in group.get("IpPermissions", []) if lets(rule, NFS)]
    allowed = {pair["GroupId"] for rule in rules for pair in rule.get("UserIdGroupPairs", [])}
    ranges = [ipaddress.ip_network(one["CidrIp"]) for rule in rules for one in rule.get("IpRanges", [])]
    outside = [
        one
        for one in subnets
        if not any(ipaddress.ip_network(one.range).subnet_of(each) for each in ranges if each.version == 4)  # type: ignore[arg-type]
    ]
    if allowed & set(used) or (subnets and not outside):
        return
    group = (target.security_groups or ("GROUP",))[0]
    yield failure(
        f"the mount target {target.id} does not let the function in on TCP {NFS}",
        "the function cannot mount the file system: nothing is delivered",
        f"aws ec2 authorize-security-group-ingress --group-id {group} --protocol tcp --port {NFS}"
        f" --source-group {used[0] if used else 'GROUP'}",
    )
