"""The template deployed otherwise than the other tests have it, as far as the embedded AWS knows its resources."""

from typing import Any

import pytest

from mailroomctl.local import deploy
from mailroomctl.local.settings import Settings
from tests.e2e.world import World
from tools.deployed_template import KEY, WAYS

OFF = WAYS["everything-off"] | WAYS["key"]
NEW = {"Storage": "new", "Zones": "3", "MailUid": "1234"}


@pytest.fixture(scope="module")
def settings(world: World) -> Settings:
    """A key, a file system and a network of the stack's own, and everything else off."""
    settings = world.settings.model_copy(update={"stack_name": "mailroom-ways", "parameters": OFF | NEW})
    deploy.deploy(settings)
    return settings


@pytest.fixture(scope="module")
def made(settings: Settings) -> dict[str, str]:
    listed = settings.client("cloudformation").list_stack_resources(StackName=settings.stack_name)
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in listed["StackResourceSummaries"]}


def test_a_key_and_everything_else_off(settings: Settings, made: dict[str, str]) -> None:
    outputs = settings.stack().outputs
    for name in ("InboundQueueUrl", "DeadLetterQueueUrl", "ParkedQueueUrl"):
        answer = settings.client("sqs").get_queue_attributes(QueueUrl=outputs[name], AttributeNames=["All"])
        assert answer["Attributes"]["KmsMasterKeyId"] == KEY, name
    assert "StorageBreaker" not in made
    groups = [physical for logical, physical in made.items() if logical.endswith("LogGroup")]
    assert len(groups) == 5
    for group in groups:
        [found] = settings.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        assert found["kmsKeyId"] == KEY, group
    policies = settings.client("iam").list_role_policies(RoleName=made["WriteMailboxRole"])["PolicyNames"]
    assert set(policies) == {"WriteMailbox", "UseTheKey", "MountMailRoot"}


def test_a_file_system_and_a_network(settings: Settings, made: dict[str, str]) -> None:
    """As the services have them; what else the template says is checked without any."""
    outputs = settings.stack().outputs
    efs, ec2 = settings.client("efs"), settings.client("ec2")
    system, point = outputs["FileSystemOfMailboxes"], outputs["AccessPointOfMailboxes"]
    assert outputs["MountCommand"] == f"sudo mount -t efs -o tls,accesspoint={point} {system}:/ /mnt/mail"
    [described] = efs.describe_file_systems(FileSystemId=system)["FileSystems"]
    assert (described["Encrypted"], described["ThroughputMode"]) == (True, "elastic")
    assert efs.describe_backup_policy(FileSystemId=system)["BackupPolicy"]["Status"].startswith("ENABL")
    [access] = efs.describe_access_points(AccessPointId=point)["AccessPoints"]
    assert access["PosixUser"] == {"Uid": 1234, "Gid": 5000}
    subnets = ec2.describe_subnets(SubnetIds=outputs["PrivateSubnetIds"].split(","))["Subnets"]
    assert sorted(one["CidrBlock"] for one in subnets) == [f"10.25.{n}.0/24" for n in range(3)]
    assert len({one["AvailabilityZone"] for one in subnets}) == 3
    targets = efs.describe_mount_targets(FileSystemId=system)["MountTargets"]
    assert {one["SubnetId"] for one in targets} == {one["SubnetId"] for one in subnets}
    assert let_in(efs, ec2, system) == {outputs["WriteMailboxGroupId"], outputs["DovecotGroupId"]}


def test_what_the_stack_no_longer_makes_stays_and_is_taken_over(settings: Settings, made: dict[str, str]) -> None:
    outputs = settings.stack().outputs
    system = outputs["FileSystemOfMailboxes"]
    later = OFF | {
        "Storage": "existing",
        "FileSystemId": system,
        "AccessPointId": outputs["AccessPointOfMailboxes"],
        "SubnetIds": outputs["PrivateSubnetIds"],
        "SecurityGroupIds": outputs["WriteMailboxGroupId"],
        "ExistingMailBucket": outputs["MailBucketName"],
        "ExistingDirectoryTable": outputs["DirectoryTableName"],
        "ExistingDeliveriesTable": outputs["DeliveriesTableName"],
    }
    deploy.deploy(settings.model_copy(update={"parameters": later}))
    taken_over = settings.stack().outputs
    assert "MountCommand" not in taken_over
    for name in ("MailBucketName", "DirectoryTableName", "DeliveriesTableName"):
        assert taken_over[name] == outputs[name]
    assert settings.client("s3").get_bucket_policy(Bucket=outputs["MailBucketName"])["Policy"]
    description = settings.client("dynamodb").describe_table(TableName=outputs["DeliveriesTableName"])["Table"]
    assert description["TableStatus"] == "ACTIVE"
    variables = settings.client("lambda").get_function_configuration(FunctionName=made["ResolveMailboxes"])
    assert variables["Environment"]["Variables"]["DIRECTORY_TABLE"] == outputs["DirectoryTableName"]
    efs, ec2 = settings.client("efs"), settings.client("ec2")
    assert let_in(efs, ec2, system) == {outputs["WriteMailboxGroupId"], outputs["DovecotGroupId"]}
    assert ec2.describe_vpc_endpoints(VpcEndpointIds=[made["S3Endpoint"]])["VpcEndpoints"]
    policy = settings.client("iam").get_role_policy(RoleName=made["WriteMailboxRole"], PolicyName="MountMailRoot")
    assert policy["PolicyDocument"]["Statement"][0]["Resource"].endswith(f":file-system/{system}")


def let_in(efs: Any, ec2: Any, system: str) -> set[str]:
    """The security groups that may reach all mount targets of a file system."""
    targets = efs.describe_mount_targets(FileSystemId=system)["MountTargets"]
    [group] = {
        group
        for one in targets
        for group in efs.describe_mount_target_security_groups(MountTargetId=one["MountTargetId"])["SecurityGroups"]
    }
    [found] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert {one["FromPort"] for one in found["IpPermissions"]} == {2049}
    return {pair["GroupId"] for one in found["IpPermissions"] for pair in one["UserIdGroupPairs"]}
