"""Everything that is looked at before a first deployment."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mailroomctl.errors import CommandError
from mailroomctl.setup.calls import Calls
from mailroomctl.setup.left import Left, look_at_left
from mailroomctl.setup.receiving import Identity, Receiving, look_at_domains, look_at_rules
from mailroomctl.setup.storage import FileSystem, look_at_file_systems
from mailroomctl.stack import Stack


@dataclass(frozen=True)
class Deployed:
    """The stack as it is; ``status`` is empty when there is none."""

    status: str = ""
    version: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Topic:
    """An SNS topic: whether it is there, and its key."""

    exists: bool
    key: str = ""


@dataclass(frozen=True)
class Account:
    """An account in one region; ``None`` is what could not be asked."""

    id: str
    partition: str
    region: str
    stack_name: str
    deployed: Deployed | None
    receiving: Receiving
    identities: dict[str, Identity | None]
    file_systems: tuple[FileSystem, ...] | None
    concurrency: int | None
    left: Left = field(default_factory=lambda: Left({}))


def look(stack: Stack, calls: Calls, domains: Sequence[str]) -> Account:
    """Look at what concerns mail for ``domains``; raises ``CommandError`` when the stack's name is another's."""
    caller = stack.client("sts").get_caller_identity
    identity = calls.ask("sts:GetCallerIdentity", "which account this is", caller)
    assert identity is not None, "everybody may ask who they are, whatever a policy denies"
    deployed = _deployed(stack, calls)
    return Account(
        id=identity["Account"],
        partition=stack.partition,
        region=stack.region,
        stack_name=stack.name,
        deployed=deployed,
        receiving=look_at_rules(stack, calls),
        identities=look_at_domains(stack, calls, domains),
        file_systems=look_at_file_systems(stack, calls),
        concurrency=_concurrency(stack, calls),
        # What a stack has, it has not left.
        left=look_at_left(stack, calls) if deployed and not deployed.status else Left({}),
    )


def look_at_topic(stack: Stack, calls: Calls, arn: str) -> Topic | None:
    """Find out whether a topic is there; ``None`` when that could not be asked."""
    answer = calls.ask(
        "sns:GetTopicAttributes",
        "whether the topic of the alarms is there",
        stack.client("sns", region_name=arn.split(":")[3]).get_topic_attributes,
        absent=["NotFound", "NotFoundException"],
        TopicArn=arn,
    )
    if answer is None:
        return None
    return Topic(exists=bool(answer), key=answer.get("Attributes", {}).get("KmsMasterKeyId", ""))


def _deployed(stack: Stack, calls: Calls) -> Deployed | None:
    answer = calls.ask(
        "cloudformation:DescribeStacks",
        f"whether there is a stack {stack.name}",
        stack.client("cloudformation").describe_stacks,
        absent=["ValidationError"],
        StackName=stack.name,
    )
    if answer is None:
        return None
    if not answer.get("Stacks"):
        return Deployed()
    one = answer["Stacks"][0]
    status, outputs = one["StackStatus"], {each["OutputKey"]: each["OutputValue"] for each in one.get("Outputs", [])}
    if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE") and "DirectoryTableName" not in outputs:
        raise CommandError(f"the stack {stack.name} is there and is not Mailroom's: give another name, --stack-name.")
    return Deployed(
        status=status,
        version=outputs.get("Version", ""),
        parameters={each["ParameterKey"]: each.get("ParameterValue", "") for each in one.get("Parameters", [])},
    )


def _concurrency(stack: Stack, calls: Calls) -> int | None:
    answer = calls.ask(
        "lambda:GetAccountSettings",
        "how many functions may run at once",
        stack.client("lambda").get_account_settings,
    )
    return None if answer is None else int(answer["AccountLimit"]["ConcurrentExecutions"])
