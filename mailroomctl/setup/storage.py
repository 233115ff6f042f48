"""File systems, and the ways between them, a function and S3."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mailroomctl.setup.calls import Calls
from mailroomctl.stack import Stack

NFS = 2049

type Groups = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class AccessPoint:
    """An access point; without a POSIX user it writes as whoever mounts it."""

    id: str
    path: str
    uid: int | None
    gid: int | None


@dataclass(frozen=True)
class MountTarget:
    """A file system's address in one subnet."""

    id: str
    subnet: str
    zone: str
    vpc: str
    security_groups: tuple[str, ...] | None
    state: str = "available"


@dataclass(frozen=True)
class FileSystem:
    """An EFS file system; ``None`` is what could not be asked."""

    id: str
    name: str
    encrypted: bool
    throughput: str
    access_points: tuple[AccessPoint, ...] | None
    mount_targets: tuple[MountTarget, ...] | None

    def __str__(self) -> str:
        """Its id, and its name where it has one."""
        return f"{self.id} ({self.name})" if self.name else self.id


@dataclass(frozen=True)
class Network:
    """What leads from the subnets of one file system to it and to S3."""

    endpoints: tuple[str, ...] | None
    """Gateway endpoints of S3 in the VPC."""
    unrouted: tuple[str, ...]
    """Route tables of the subnets that lead to none of these endpoints."""
    allowed_groups: tuple[str, ...] | None
    """Security groups that the mount targets let in on NFS's port."""
    allowed_ranges: tuple[str, ...] = ()


def look_at_file_systems(stack: Stack, calls: Calls, only: str = "") -> tuple[FileSystem, ...] | None:
    """List the file systems that are available, with what belongs to them; ``only`` the one of that id."""
    efs = stack.client("efs")
    request = {"FileSystemId": only} if only else {}
    found = calls.list(
        "elasticfilesystem:DescribeFileSystems",
        "which file systems there are",
        efs,
        "describe_file_systems",
        "FileSystems",
        **request,
    )
    if found is None:
        return None
    return tuple(_file_system(efs, calls, one) for one in found if one.get("LifeCycleState") == "available")


def look_at_network(stack: Stack, calls: Calls, mount_targets: Iterable[MountTarget]) -> Network:
    """Find the ways from the subnets of ``mount_targets``, which are in one VPC."""
    ec2, targets = stack.client("ec2"), list(mount_targets)
    groups = sorted({group for one in targets for group in one.security_groups or ()})
    allowed, ranges = _let_in(ec2, calls, groups)
    endpoints = _endpoints(ec2, calls, targets[0].vpc, f".{stack.region}.s3")
    return Network(
        endpoints=None if endpoints is None else tuple(endpoints),
        unrouted=() if endpoints is None else _unrouted(ec2, calls, targets, endpoints),
        allowed_groups=allowed,
        allowed_ranges=ranges,
    )


def _file_system(efs: Any, calls: Calls, one: dict[str, Any]) -> FileSystem:
    points = calls.list(
        "elasticfilesystem:DescribeAccessPoints",
        "which access points a file system has",
        efs,
        "describe_access_points",
        "AccessPoints",
        FileSystemId=one["FileSystemId"],
    )
    targets = calls.list(
        "elasticfilesystem:DescribeMountTargets",
        "in which subnets a file system can be reached",
        efs,
        "describe_mount_targets",
        "MountTargets",
        FileSystemId=one["FileSystemId"],
    )
    return FileSystem(
        id=one["FileSystemId"],
        name=one.get("Name", ""),
        encrypted=bool(one.get("Encrypted")),
        throughput=one.get("ThroughputMode", ""),
        access_points=None if points is None else tuple(map(_access_point, points)),
        mount_targets=None if targets is None else tuple(_mount_target(efs, calls, each) for each in targets),
    )


def _access_point(one: dict[str, Any]) -> AccessPoint:
    user = one.get("PosixUser", {})
    return AccessPoint(
        one["AccessPointId"], one.get("RootDirectory", {}).get("Path", "/"), user.get("Uid"), user.get("Gid")
    )


def _mount_target(efs: Any, calls: Calls, one: dict[str, Any]) -> MountTarget:
    groups = calls.ask(
        "elasticfilesystem:DescribeMountTargetSecurityGroups",
        "which security groups protect a file system",
        efs.describe_mount_target_security_groups,
        # Of a target that is being made or deleted.
        absent=["IncorrectMountTargetState", "MountTargetNotFound"],
        MountTargetId=one["MountTargetId"],
    )
    return MountTarget(
        id=one["MountTargetId"],
        subnet=one["SubnetId"],
        zone=one.get("AvailabilityZoneName", ""),
        vpc=one.get("VpcId", ""),
        security_groups=None if groups is None else tuple(groups.get("SecurityGroups", [])),
        state=one.get("LifeCycleState", ""),
    )


def _let_in(ec2: Any, calls: Calls, groups: list[str]) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """The security groups and the address ranges that ``groups`` let in on NFS's port."""
    if not groups:
        return None, ()
    answer = calls.list(
        "ec2:DescribeSecurityGroups",
        "whom the file system lets in",
        ec2,
        "describe_security_groups",
        "SecurityGroups",
        GroupIds=groups,
    )
    if answer is None:
        return None, ()
    rules = [rule for group in answer for rule in group.get("IpPermissions", []) if lets(rule, NFS)]
    allowed = [pair["GroupId"] for rule in rules for pair in rule.get("UserIdGroupPairs", [])]
    ranges = [one["CidrIp"] for rule in rules for one in rule.get("IpRanges", [])]
    return tuple(dict.fromkeys(allowed)), tuple(dict.fromkeys(ranges))


def lets(rule: dict[str, Any], port: int) -> bool:
    """Whether a rule of a security group is about a TCP port."""
    if rule["IpProtocol"] == "-1":
        return True
    first, last = int(rule.get("FromPort", 0)), int(rule.get("ToPort", 65535))
    return rule["IpProtocol"] in ("tcp", "6") and first <= port <= last


def _endpoints(ec2: Any, calls: Calls, vpc: str, service: str) -> Groups | None:
    """S3's gateway endpoints in a VPC, with the route tables that lead to each."""
    found = calls.list(
        "ec2:DescribeVpcEndpoints",
        "whether the subnets have a way to S3",
        ec2,
        "describe_vpc_endpoints",
        "VpcEndpoints",
        Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "vpc-endpoint-type", "Values": ["Gateway"]}],
    )
    if found is None:
        return None
    return {
        one["VpcEndpointId"]: tuple(one.get("RouteTableIds", []))
        for one in found
        if one["ServiceName"].endswith(service)
    }


def _unrouted(ec2: Any, calls: Calls, targets: list[MountTarget], endpoints: Groups) -> tuple[str, ...]:
    """The targets' route tables that lead to no endpoint; a subnet without a table of its own has the main one."""
    tables = calls.list(
        "ec2:DescribeRouteTables",
        "which route tables the subnets have",
        ec2,
        "describe_route_tables",
        "RouteTables",
        Filters=[{"Name": "vpc-id", "Values": [targets[0].vpc]}],
    )
    if tables is None:
        return ()
    by_subnet, main = dict[str, str](), ""
    for table in tables:
        for association in table.get("Associations", []):
            if association.get("Main"):
                main = table["RouteTableId"]
            elif "SubnetId" in association:
                by_subnet[association["SubnetId"]] = table["RouteTableId"]
    routed = {table for one in endpoints.values() for table in one}
    needed = dict.fromkeys(by_subnet.get(one.subnet, main) for one in targets)
    return tuple(table for table in needed if table and table not in routed)
