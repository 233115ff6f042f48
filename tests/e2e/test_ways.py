"""The template deployed otherwise than the other tests have it, as far as the embedded AWS knows its resources."""

from mailroomctl.local import deploy
from tests.e2e.world import World
from tools.deployed_template import KEY, WAYS


def test_a_key_and_a_file_system_and_everything_else_off(world: World) -> None:
    parameters = WAYS["everything-off"] | WAYS["existing-network"] | WAYS["key"]
    settings = world.settings.model_copy(update={"stack_name": "mailroom-ways", "parameters": parameters})
    deploy.deploy(settings)
    outputs = settings.stack().outputs
    for name in ("InboundQueueUrl", "DeadLetterQueueUrl", "ParkedQueueUrl"):
        answer = world.client("sqs").get_queue_attributes(QueueUrl=outputs[name], AttributeNames=["All"])
        assert answer["Attributes"]["KmsMasterKeyId"] == KEY, name
    resources = world.client("cloudformation").list_stack_resources(StackName=settings.stack_name)
    made = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources["StackResourceSummaries"]}
    assert "StorageBreaker" not in made
    groups = [physical for logical, physical in made.items() if logical.endswith("LogGroup")]
    assert len(groups) == 5
    for group in groups:
        [found] = world.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        assert found["kmsKeyId"] == KEY, group
    policies = world.client("iam").list_role_policies(RoleName=made["WriteMailboxRole"])["PolicyNames"]
    assert set(policies) == {"WriteMailbox", "UseTheKey", "MountMailRoot"}
