"""init: an account is looked at, and nothing in it changes; the plan leads from there to the first message."""

import json
import shlex
import subprocess
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import loads
from typer.main import get_command

from mailroomctl import key_policy
from mailroomctl.main import app
from tests.integration.aws_account import (
    ACCOUNT,
    REGION,
    Account,
    Newcomer,
    access_point,
    endpoint,
    file_system,
    furnished,
    left,
    mount_target,
    newcomer,
    route_table,
    rule,
    security_group,
)

ROOT = Path(__file__).parents[2]
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:mailroom-alarms"
DYNAMODB = f"com.amazonaws.{REGION}.dynamodb"
STORAGE = {
    "FileSystemId": "fs-0a",
    "AccessPointId": "fsap-0a",
    "SubnetIds": "subnet-0000000a,subnet-0000000b",
    "SecurityGroupIds": "sg-0000000a",
}


@pytest.fixture
def empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Newcomer]:
    with newcomer(Account(), monkeypatch, tmp_path) as one:
        yield one


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Newcomer]:
    with newcomer(furnished(), monkeypatch, tmp_path) as one:
        yield one


def titles(plan: dict[str, Any]) -> list[str]:
    return [step["title"] for step in plan["steps"]]


def commands(plan: dict[str, Any]) -> list[str]:
    return [one for step in plan["steps"] for one in step["commands"]]


def test_an_empty_account_gets_every_step(empty: Newcomer) -> None:
    plan = empty.plan("--alarms ops@example.net")
    assert titles(plan) == [
        "Tell this shell which stack is meant",
        "Make example.com known to SES",
        "Ask for more concurrency",
        "Make the topic of the alarms",
        "Run mailroomctl init again",
        "Deploy the stack",
        "Let the Dovecot server reach the mailboxes",
        "Say who receives mail",
        "Activate the receipt rule",
        "Set the MX record",
        "Send the first message",
    ]
    assert commands(plan)[0] == (f"export AWS_REGION={REGION} AWS_DEFAULT_REGION={REGION} MAILROOM_STACK_NAME=mailroom")
    assert "aws sesv2 create-email-identity --email-identity example.com" in commands(plan)
    assert "mailroomctl init --domain=example.com --alarms=ops@example.net --write" in commands(plan)
    # The rule set is made, filled, and only then activated.
    assert plan["steps"][8]["commands"] == [
        "aws ses create-receipt-rule-set --rule-set-name mailroom",
        "sam deploy --parameter-overrides ReceiptRuleSetName=mailroom MailDomains=example.com",
        "aws ses set-active-receipt-rule-set --rule-set-name mailroom",
    ]
    assert plan["parameters"] == {"Storage": "new", "AlarmTopicArn": TOPIC}
    assert [(one["type"], one["name"], one["value"]) for one in plan["records"]] == [
        ("MX", "example.com", f"10 inbound-smtp.{REGION}.amazonaws.com"),
        ("TXT", "example.com", "v=spf1 include:amazonses.com ~all"),
        ("TXT", "_dmarc.example.com", "v=DMARC1; p=none; rua=mailto:postmaster@example.com"),
    ]
    assert (plan["denied"], plan["warnings"]) == ({}, [])


def test_a_furnished_account_gets_what_is_there(full: Newcomer) -> None:
    plan = full.plan("--alarms ops@example.net")
    assert titles(plan) == [
        "Tell this shell which stack is meant",
        "See that somebody reads the alarms",
        "Deploy the stack",
        "Say who receives mail",
        "Activate the receipt rule",
        "Set the MX record",
        "Send the first message",
    ]
    assert plan["parameters"] == STORAGE | {"AlarmTopicArn": TOPIC}
    # WorkMail's rule set stays active: ours goes into it.
    assert [one for one in commands(plan) if "rule-set" in one] == []
    assert "sam deploy --parameter-overrides ReceiptRuleSetName=INBOUND_MAIL MailDomains=example.com" in commands(plan)
    assert any(one.startswith("aws workmail list-users --organization-id m-1 ") for one in commands(plan))
    (about_workmail,) = plan["warnings"]
    assert "every message arrives in both places" in about_workmail
    dkim = [one for one in plan["records"] if one["type"] == "CNAME"]
    assert [(one["name"], one["value"]) for one in dkim] == [
        (f"tok{n}._domainkey.example.com", f"tok{n}.dkim.amazonses.com") for n in (1, 2, 3)
    ]
    assert {one["when"] for one in dkim} == {"is there: SES has seen it"}


def test_the_page_for_people_has_all_of_it(full: Newcomer) -> None:
    page = full.run("init --domain example.com --alarms ops@example.net --no-input")
    assert page.startswith(f"Mailroom in account {ACCOUNT}, region {REGION}. Nothing was changed there.")
    plan = full.plan("--alarms ops@example.net")
    for line in [*commands(plan), *titles(plan), *(one["value"] for one in plan["records"])]:
        assert line in page
    assert "m-1: example.com → WorkMail m-1" in page
    assert "fs-0a (mail): access points fsap-0a (/mail, uid 5000); reached from eu-west-1a, eu-west-1b" in page
    assert '"FileSystemId=fs-0a",' in page


def test_what_the_plan_names_exists(empty: Newcomer, full: Newcomer) -> None:
    """Parameters are the template's, and commands have the options that they are given."""
    template = loads((ROOT / "template.yaml").read_text(), "template.yaml")
    for someone in (empty, full):
        plan = someone.plan("--alarms ops@example.net")
        given = [word.partition("=")[0] for line in commands(plan) if "overrides" in line for word in line.split()[3:]]
        assert given == ["ReceiptRuleSetName", "MailDomains"]
        assert {*plan["parameters"], *given} <= set(template["Parameters"])
        for line in commands(plan):
            words = shlex.split(line)
            if words[0] == "mailroomctl":
                assert_can_be_typed(words[1:])


def test_the_readme_has_the_same_commands(empty: Newcomer) -> None:
    """Whoever goes by the README alone types what the plan says."""
    readme = (ROOT / "README.md").read_text().splitlines()
    plan = {step["title"]: step["commands"] for step in empty.plan("--alarms ops@example.net")["steps"]}
    for title in ("Deploy the stack", "Activate the receipt rule"):
        at = readme.index(plan[title][0])
        assert readme[at - 1 : at + len(plan[title]) + 1] == ["```", *plan[title], "```"]


def assert_can_be_typed(words: list[str]) -> None:
    found: Any = get_command(app)
    while hasattr(found, "commands"):
        found = found.commands[words.pop(0)]
    options = {option for parameter in found.params for option in parameter.opts}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= options


# --- Where mail is received -------------------------------------------------------------------------------------


def test_a_region_that_does_not_receive_says_which_do(empty: Newcomer) -> None:
    empty.account.answers["ses.DescribeActiveReceiptRuleSet"] = Account.refuse("InvalidAction")
    message = empty.fails("init --domain example.com --no-input")
    assert message == f"SES does not receive mail in {REGION}, but in us-east-1, us-west-2: give --region."


def test_credentials_that_reach_no_other_region(empty: Newcomer, monkeypatch: pytest.MonkeyPatch) -> None:
    empty.account.answers["ses.DescribeActiveReceiptRuleSet"] = Account.refuse("InvalidAction")
    empty.account.receive = ()
    assert "but in no region that these credentials reach" in empty.fails("init --domain example.com --no-input")


def test_a_domain_that_is_known_and_not_verified(full: Newcomer) -> None:
    full.account.answers["sesv2.GetEmailIdentity"] = {
        "VerificationStatus": "PENDING",
        "DkimAttributes": {"Status": "PENDING", "Tokens": ["tok1"], "SigningHostedZone": "dkim.eu-west-1.example"},
    }
    plan = full.plan("--alarms ops@example.net")
    assert titles(plan)[1] == "Let SES see that example.com is yours"
    assert plan["records"][0]["value"] == "tok1.dkim.eu-west-1.example"
    assert plan["records"][0]["when"] == "now: it verifies the domain"


def test_a_key_of_one_s_own_has_no_record_to_print(full: Newcomer) -> None:
    full.account.answers["sesv2.GetEmailIdentity"] = {
        "VerificationStatus": "SUCCESS",
        "DkimAttributes": {"Tokens": ["selector"], "SigningAttributesOrigin": "EXTERNAL"},
    }
    assert "CNAME" not in [one["type"] for one in full.plan()["records"]]


@pytest.mark.parametrize(
    ("other", "warning"),
    [
        (rule("all", [], BounceAction={}), None),
        (rule("sub", [".com"], StopAction={"Scope": "RuleSet"}), "the rule sub takes mail for example.com too (Stop)"),
        (rule("bob", ["Bob@Example.com"], SNSAction={"TopicArn": TOPIC}), "(SNS): it goes on to act"),
        (rule("off", ["example.com"], enabled=False, SNSAction={"TopicArn": TOPIC}), ""),
        (rule("else", ["example.org"], SNSAction={"TopicArn": TOPIC}), ""),
        (rule("like", ["notexample.com"], SNSAction={"TopicArn": TOPIC}), ""),
    ],
)
def test_rules_of_others(full: Newcomer, other: dict[str, Any], warning: str | None) -> None:
    if warning is None:
        other["Actions"] = [{"BounceAction": {"SmtpReplyCode": "550", "Message": "no", "Sender": "a@example.com"}}]
        warning = "bounces it"
    full.account.answers["ses.DescribeActiveReceiptRuleSet"] = {"Metadata": {"Name": "set"}, "Rules": [other]}
    warnings = full.plan("--alarms ops@example.net")["warnings"]
    assert [warning in one for one in warnings] == ([True] if warning else [])


def test_a_rule_set_of_one_s_own_switches_the_active_one_off(full: Newcomer) -> None:
    plan = full.plan("--alarms ops@example.net --rule-set old")
    assert any("to activate old switches its 2 rules off" in one for one in plan["warnings"])
    assert [one for one in commands(plan) if "rule-set" in one] == [
        "aws ses set-active-receipt-rule-set --rule-set-name old"
    ]


def test_our_own_rule_is_left_out_when_it_takes_the_domain(full: Newcomer) -> None:
    ours = rule("mailroom-store-and-notify", ["example.com"], S3Action={"BucketName": "mail"})
    full.account.answers["ses.DescribeActiveReceiptRuleSet"] = {"Metadata": {"Name": "set"}, "Rules": [ours]}
    full.account.answers["cloudformation.DescribeStacks"] = deployed(
        MailDomains="example.com", ReceiptRuleSetName="set"
    )
    plan = full.plan("--alarms ops@example.net")
    assert "Activate the receipt rule" not in titles(plan)
    assert "Deploy the stack again" in titles(plan)
    assert plan["warnings"] == []
    # Another domain comes to those that the rule takes.
    plan = full.plan("--alarms ops@example.net --domain Example.org")
    assert "sam deploy --parameter-overrides ReceiptRuleSetName=set MailDomains=example.com,example.org" in commands(
        plan
    )


# --- The stack ---------------------------------------------------------------------------------------------------


def deployed(status: str = "UPDATE_COMPLETE", *, version: str = "0.1.0", **parameters: str) -> dict[str, Any]:
    outputs = {"Version": version, "DirectoryTableName": "directory"} if version else {}
    return {
        "Stacks": [
            {
                "StackName": "mailroom",
                "CreationTime": "2026-11-24T10:00:00Z",
                "StackStatus": status,
                "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
                "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            }
        ]
    }


def commands_to_deploy(plan: dict[str, Any]) -> list[str]:
    [step] = [one for one in plan["steps"] if one["title"] == "Deploy the stack again"]
    *deployments, last = step["commands"]
    assert last == "mailroomctl directory check"
    return deployments


def test_a_stack_of_this_version_is_deployed_at_once(full: Newcomer) -> None:
    full.account.answers["cloudformation.DescribeStacks"] = deployed(AttentionIndex="enabled")
    assert commands_to_deploy(full.plan()) == ["sam build && sam deploy"]


@pytest.mark.parametrize("changes", [False, True])
def test_a_stack_of_version_0_1_gets_one_index_after_the_other(full: Newcomer, changes: bool) -> None:
    """What is given on the command line goes before samconfig.toml, so a change there takes a deployment of its own."""
    parameters = STORAGE | ({} if changes else {"AlarmTopicArn": TOPIC})
    full.account.answers["cloudformation.DescribeStacks"] = deployed(**parameters)
    of_file = ["sam deploy"] if changes else []
    second = "sam deploy --parameter-overrides AttentionIndex=enabled"
    first = "sam build && sam deploy --parameter-overrides AttentionIndex=later"
    assert commands_to_deploy(full.plan("--alarms ops@example.net")) == [first, second, *of_file]
    full.account.answers["cloudformation.DescribeStacks"] = deployed(AttentionIndex="later", **parameters)
    assert commands_to_deploy(full.plan("--alarms ops@example.net")) == [f"sam build && {second}", *of_file]


def test_a_stack_of_somebody_else_keeps_its_name(empty: Newcomer) -> None:
    empty.account.answers["cloudformation.DescribeStacks"] = deployed(version="")
    assert "the stack mailroom is there and is not Mailroom's" in empty.fails("init --domain example.com --no-input")


@pytest.mark.parametrize(
    ("status", "warning"),
    [("ROLLBACK_COMPLETE", "with sam delete"), ("UPDATE_ROLLBACK_FAILED", "see why in the CloudFormation console")],
)
def test_a_stack_that_cannot_be_deployed_is_told(full: Newcomer, status: str, warning: str) -> None:
    full.account.answers["cloudformation.DescribeStacks"] = deployed(status, version="")
    assert any(status in one and warning in one for one in full.plan()["warnings"])


def test_a_stack_keeps_what_it_has(full: Newcomer) -> None:
    """Its file system is taken where there are several, and its topic."""
    account = full.account
    account.answers["efs.DescribeFileSystems"] = {"FileSystems": [file_system("fs-0b"), file_system("fs-0a")]}
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:ops"
    account.answers["cloudformation.DescribeStacks"] = deployed(
        FileSystemId="fs-0a", AccessPointId="fsap-0a", AlarmTopicArn=topic
    )
    assert full.plan()["parameters"] == STORAGE | {"AlarmTopicArn": topic}
    assert full.plan("--alarms ops@example.net")["parameters"]["AlarmTopicArn"] == topic


# --- What an earlier stack has left ------------------------------------------------------------------------------

BUCKET = left("MailBucket", "arn:aws:s3:::mailroom-mailbucket-1")
DIRECTORY = left("DirectoryTable", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/mailroom-DirectoryTable-1")
DELIVERIES = left("DeliveriesTable", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/mailroom-DeliveriesTable-1")
TAKEN_OVER = {
    "ExistingMailBucket": "mailroom-mailbucket-1",
    "ExistingDirectoryTable": "mailroom-DirectoryTable-1",
    "ExistingDeliveriesTable": "mailroom-DeliveriesTable-1",
}


def leave(account: Account, *resources: dict[str, Any], indexes: Sequence[str] = ()) -> None:
    account.answers["resourcegroupstaggingapi.GetResources"] = {"ResourceTagMappingList": list(resources)}
    there = [{"IndexName": one} for one in ("by_mailbox", *indexes)]
    account.answers["dynamodb.DescribeTable"] = {"Table": {"GlobalSecondaryIndexes": there}}


def test_a_new_stack_takes_over_what_an_earlier_one_has_left(full: Newcomer) -> None:
    other = left("InboundQueue", "arn:aws:sqs:eu-west-1:1:mailroom-InboundQueue-1")
    leave(full.account, DELIVERIES, other, BUCKET, DIRECTORY, indexes=["by_time", "needs_attention"])
    plan = full.plan()
    assert plan["parameters"] == STORAGE | TAKEN_OVER
    [warning] = [one for one in plan["warnings"] if "earlier stack" in one]
    assert all(name in warning for name in TAKEN_OVER.values())
    assert not [one for one in titles(plan) if "indexes" in one]


def test_a_table_of_an_earlier_version_gets_its_indexes(full: Newcomer) -> None:
    leave(full.account, DELIVERIES)
    plan = full.plan()
    [step] = [one for one in plan["steps"] if "indexes" in one["title"]]
    made = [shlex.split(one)[-1] for one in step["commands"] if "update-table" in one]
    assert [json.loads(one)[0]["Create"]["IndexName"] for one in made] == ["by_time", "needs_attention"]
    assert titles(plan).index(step["title"]) < titles(plan).index("Deploy the stack")
    leave(full.account, DELIVERIES, indexes=["by_time"])
    [step] = [one for one in full.plan()["steps"] if "indexes" in one["title"]]
    assert len(step["commands"]) == 2


def test_a_table_that_cannot_be_looked_at_is_taken_over_all_the_same(full: Newcomer) -> None:
    leave(full.account, DELIVERIES)
    full.account.denied["dynamodb.DescribeTable"] = "AccessDeniedException"
    plan = full.plan()
    assert plan["parameters"]["ExistingDeliveriesTable"] == TAKEN_OVER["ExistingDeliveriesTable"]
    assert plan["denied"] == {"dynamodb:DescribeTable": "which indexes the table of an earlier stack has"}


def test_of_several_a_person_chooses(full: Newcomer) -> None:
    older = left("DirectoryTable", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/mailroom-DirectoryTable-0")
    leave(full.account, DIRECTORY, older)
    plan = full.plan()
    assert plan["parameters"] == STORAGE
    assert any("put the one to take over into ExistingDirectoryTable" in one for one in plan["warnings"])


def test_what_a_stack_has_it_has_not_left(full: Newcomer) -> None:
    leave(full.account, BUCKET, DIRECTORY, DELIVERIES)
    full.account.answers["cloudformation.DescribeStacks"] = deployed()
    assert full.plan()["parameters"] == STORAGE
    assert "resourcegroupstaggingapi.GetResources" not in full.account.calls


# --- Storage -----------------------------------------------------------------------------------------------------


def test_the_stack_makes_the_file_system_where_somebody_says_so(full: Newcomer) -> None:
    plan = full.plan("--file-system new --alarms ops@example.net")
    assert plan["parameters"] == {"Storage": "new", "AlarmTopicArn": TOPIC}
    assert titles(plan)[2:4] == ["Deploy the stack", "Let the Dovecot server reach the mailboxes"]
    assert [one for one in full.account.calls if one.startswith("ec2.")] == [], "no network is looked at"
    page = full.run("init --domain example.com", stdin="\nnew\n\n")
    assert "fs-0a (mail); new makes one and a network (fs-0a, new, or none) [fs-0a]: " in full.stderr
    assert '"Storage=new",' in page


def test_a_stack_keeps_the_file_system_that_it_has_made(full: Newcomer) -> None:
    full.account.answers["cloudformation.DescribeStacks"] = deployed(Storage="new")
    assert full.plan()["parameters"] == {"Storage": "new"}
    assert full.plan("--file-system fs-0a")["parameters"] == STORAGE | {"Storage": "existing"}


def test_mailboxes_do_not_move_by_themselves(full: Newcomer) -> None:
    full.account.answers["cloudformation.DescribeStacks"] = deployed(FileSystemId="fs-0a", Storage="existing")
    [warning] = [one for one in full.plan("--file-system new")["warnings"] if "fs-0a" in one]
    assert "its mailboxes stay there" in warning
    assert 'empty FileSystemId="", AccessPointId="", SubnetIds="", SecurityGroupIds=""' in warning


def test_one_of_several_file_systems_has_to_be_named(full: Newcomer) -> None:
    systems = [file_system("fs-0b"), file_system("fs-0a", Name="mail"), file_system("fs-0c", LifeCycleState="deleting")]
    full.account.answers["efs.DescribeFileSystems"] = {"FileSystems": systems}
    plan = full.plan()
    assert "there are several file systems: give --file-system fs-0b, fs-0a or new." in plan["warnings"]
    assert plan["parameters"] == {}
    assert "Make a file system for the mailboxes" not in titles(plan)
    assert "Run mailroomctl init again" in titles(plan)
    assert full.plan("--file-system fs-0a")["parameters"] == STORAGE
    plan = full.plan("--file-system fs-0c")
    assert f"there is no file system fs-0c in {REGION} that is available." in plan["warnings"]
    assert "FileSystemId" not in plan["parameters"]


@pytest.mark.parametrize(
    ("answer", "content", "title", "command"),
    [
        ("efs.DescribeAccessPoints", {"AccessPoints": []}, "Make an access point", "create-access-point"),
        ("efs.DescribeMountTargets", {"MountTargets": []}, "Make mount targets", "create-mount-target"),
        (
            "ec2.DescribeSecurityGroups",
            {"SecurityGroups": [security_group("sg-0000000a", "sg-0000000b", port=443)]},
            "Let the functions reach the file system",
            "authorize-security-group-ingress --group-id sg-0000000a --protocol tcp --port 2049 --source-group $GROUP",
        ),
    ],
)
def test_what_a_file_system_lacks_is_made(
    full: Newcomer, answer: str, content: dict[str, Any], title: str, command: str
) -> None:
    full.account.answers[answer] = content
    plan = full.plan()
    assert any(command in one for one in commands(plan))
    assert titles(plan)[titles(plan).index(title) + 1] == "Run mailroomctl init again"
    # The template refuses half of a file system.
    assert plan["parameters"] == {}


@pytest.mark.parametrize(
    ("endpoints", "tables", "command"),
    [
        ([], [route_table("rtb-0a", "subnet-0000000a", main=True)], "create-vpc-endpoint --vpc-id vpc-0a"),
        ([endpoint("vpce-0a", "rtb-0b")], [route_table("rtb-0a", main=True)], "modify-vpc-endpoint --vpc-endpoint-id"),
        ([endpoint("vpce-0a", "rtb-0a", service=DYNAMODB)], [route_table("rtb-0a", main=True)], "create-vpc-endpoint"),
        ([endpoint("vpce-0a", "rtb-0a")], [route_table("rtb-0a", main=True)], ""),
    ],
)
def test_the_way_to_s3(full: Newcomer, endpoints: list[Any], tables: list[Any], command: str) -> None:
    full.account.answers["ec2.DescribeVpcEndpoints"] = {"VpcEndpoints": endpoints}
    full.account.answers["ec2.DescribeRouteTables"] = {"RouteTables": tables}
    plan = full.plan()
    assert plan["parameters"] == STORAGE, "the stack can be deployed meanwhile"
    found = [one for one in commands(plan) if "vpc-endpoint" in one]
    assert [(command in one, one.endswith("rtb-0a")) for one in found] == ([(True, True)] if command else [])


def test_a_file_system_that_lets_addresses_in(full: Newcomer) -> None:
    group = security_group("sg-0000000a", ranges=("10.0.0.0/16",))
    full.account.answers["ec2.DescribeSecurityGroups"] = {"SecurityGroups": [group]}
    plan = full.plan()
    assert plan["parameters"]["SecurityGroupIds"] == "sg-0000000a"
    assert any("see that the subnets are within 10.0.0.0/16" in one for one in plan["warnings"])


def test_a_file_system_that_lets_everything_of_another_group_in(full: Newcomer) -> None:
    group = security_group("sg-0000000a", "sg-0000000c")
    group["IpPermissions"][0] = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-0000000c"}]}
    full.account.answers["ec2.DescribeSecurityGroups"] = {"SecurityGroups": [group]}
    assert full.plan()["parameters"]["SecurityGroupIds"] == "sg-0000000c"


def test_everything_about_storage_can_be_said(full: Newcomer) -> None:
    full.account.answers["efs.DescribeAccessPoints"] = {
        "AccessPoints": [access_point("fsap-0b"), access_point("fsap-0a")]
    }
    plan = full.plan(
        "--file-system fs-0a --access-point fsap-0b --subnet subnet-0000000b --subnet subnet-0000000z"
        " --security-group sg-1 --security-group sg-2"
    )
    assert plan["parameters"] == {
        "FileSystemId": "fs-0a",
        "AccessPointId": "fsap-0b",
        "SubnetIds": "subnet-0000000b,subnet-0000000z",
        "SecurityGroupIds": "sg-1,sg-2",
    }
    assert "the file system fs-0a has no mount target in subnet-0000000z." in plan["warnings"]
    assert "all subnets are in one zone: mail waits while that zone is down." in plan["warnings"]


@pytest.mark.parametrize(
    ("answer", "content", "warning"),
    [
        ("efs.DescribeFileSystems", {"FileSystems": [file_system("fs-0a", Encrypted=False)]}, "is not encrypted"),
        ("efs.DescribeFileSystems", {"FileSystems": [file_system("fs-0a", ThroughputMode="bursting")]}, "bursting"),
        ("efs.DescribeAccessPoints", {"AccessPoints": [access_point("fsap-0a", 0)]}, "fsap-0a writes as root"),
        ("efs.DescribeMountTargets", {"MountTargets": [mount_target("a")]}, "all subnets are in one zone"),
    ],
)
def test_what_is_risky_is_told(full: Newcomer, answer: str, content: dict[str, Any], warning: str) -> None:
    assert not any(warning in one for one in full.plan()["warnings"])
    full.account.answers[answer] = content
    assert any(warning in one for one in full.plan()["warnings"])


def test_one_of_several_access_points_has_to_be_named(full: Newcomer) -> None:
    points = [access_point("fsap-0a"), access_point("fsap-0b", 1000)]
    full.account.answers["efs.DescribeAccessPoints"] = {"AccessPoints": points}
    plan = full.plan("--file-system fs-0a --subnet subnet-0000000a --security-group sg-1")
    assert "there are several access points: give --access-point fsap-0a or fsap-0b." in plan["warnings"]
    assert "Make an access point" not in titles(plan)
    # What was given is not lost on the way.
    [again] = [one for one in commands(plan) if one.startswith("mailroomctl init")]
    given = "--file-system=fs-0a --subnet=subnet-0000000a --security-group=sg-1"
    assert again == f"mailroomctl init --domain=example.com {given} --write"
    page = full.run("init --domain example.com --alarms ops@example.net", stdin="\n\nfsap-0b\nn\n")
    assert '"AccessPointId=fsap-0b",' in page
    assert "Make an access point" in full.run("init --domain example.com", stdin="\n\nnone\n\n")


def test_a_mount_target_that_is_being_made(full: Newcomer) -> None:
    targets = [mount_target("a") | {"LifeCycleState": "creating"}, mount_target("b")]
    full.account.answers["efs.DescribeMountTargets"] = {"MountTargets": targets}
    plan = full.plan()
    assert plan["warnings"][-2] == "the mount target in subnet-0000000a is creating: deploy when it is available."
    assert plan["parameters"] == STORAGE


def test_an_access_point_without_a_user_is_taken_only_when_named(full: Newcomer) -> None:
    full.account.answers["efs.DescribeAccessPoints"] = {"AccessPoints": [access_point("fsap-0a", None)]}
    assert "Make an access point" in titles(full.plan())
    plan = full.plan("--access-point fsap-0a")
    assert any("fsap-0a has no POSIX user" in one for one in plan["warnings"])
    plan = full.plan("--access-point fsap-0z")
    assert any("has no access point fsap-0z" in one for one in plan["warnings"])


# --- Alarms and quotas -------------------------------------------------------------------------------------------


def test_a_topic_of_one_s_own(full: Newcomer) -> None:
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:ops"
    plan = full.plan(f"--alarms {topic}")
    assert plan["parameters"]["AlarmTopicArn"] == topic
    assert not any("alarms" in title for title in titles(plan))
    full.account.answers["sns.GetTopicAttributes"] = Account.refuse("NotFound", 404)
    plan = full.plan(f"--alarms {topic}")
    assert f"aws sns create-topic --region {REGION} --name ops" in commands(plan)


def test_a_topic_that_alarms_cannot_publish_to(full: Newcomer) -> None:
    full.account.answers["sns.GetTopicAttributes"] = {"Attributes": {"KmsMasterKeyId": "alias/aws/sns"}}
    assert any("AWS's own key" in one for one in full.plan("--alarms ops@example.net")["warnings"])


def test_alarms_need_another_way_than_the_mail_itself(full: Newcomer) -> None:
    assert any("take another domain" in one for one in full.plan("--alarms ops@Example.com")["warnings"])


def test_nobody_who_is_told(full: Newcomer) -> None:
    assert any("nobody is told of alarms" in one for one in full.plan()["warnings"])
    message = full.fails("init --domain example.com --alarms ops --no-input")
    assert message == "'ops' is neither a mail address nor the ARN of an SNS topic."


# --- Permissions and credentials ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "permission"),
    [
        ("ses.DescribeActiveReceiptRuleSet", "ses:DescribeActiveReceiptRuleSet"),
        ("ses.ListReceiptRuleSets", "ses:ListReceiptRuleSets"),
        ("sesv2.GetEmailIdentity", "ses:GetEmailIdentity"),
        ("cloudformation.DescribeStacks", "cloudformation:DescribeStacks"),
        ("efs.DescribeFileSystems", "elasticfilesystem:DescribeFileSystems"),
        ("efs.DescribeAccessPoints", "elasticfilesystem:DescribeAccessPoints"),
        ("efs.DescribeMountTargets", "elasticfilesystem:DescribeMountTargets"),
        ("efs.DescribeMountTargetSecurityGroups", "elasticfilesystem:DescribeMountTargetSecurityGroups"),
        ("ec2.DescribeSecurityGroups", "ec2:DescribeSecurityGroups"),
        ("ec2.DescribeVpcEndpoints", "ec2:DescribeVpcEndpoints"),
        ("ec2.DescribeRouteTables", "ec2:DescribeRouteTables"),
        ("lambda.GetAccountSettings", "lambda:GetAccountSettings"),
        ("resourcegroupstaggingapi.GetResources", "tag:GetResources"),
        ("sns.GetTopicAttributes", "sns:GetTopicAttributes"),
    ],
)
def test_a_denied_call_is_told_and_the_others_go_on(full: Newcomer, operation: str, permission: str) -> None:
    full.account.denied[operation] = "UnauthorizedOperation" if operation.startswith("ec2") else "AccessDeniedException"
    plan = full.plan("--alarms ops@example.net")
    assert list(plan["denied"]) == [permission]
    assert titles(plan)[-1] == "Send the first message"
    assert f"  - {permission}: {plan['denied'][permission]}" in full.run(
        "init --domain example.com --alarms ops@example.net --no-input"
    )


def test_with_no_permission_at_all_the_plan_is_what_was_said(full: Newcomer) -> None:
    full.account.denied = dict.fromkeys(full.account.answers, "AccessDenied")
    del full.account.denied["sts.GetCallerIdentity"]
    plan = full.plan("--alarms ops@example.net")
    assert any("give --file-system, --access-point, --subnet and --security-group" in one for one in plan["warnings"])
    assert plan["parameters"] == {"AlarmTopicArn": TOPIC}
    # To activate a new rule set would switch an active one off that nobody has seen.
    assert not any("set-active" in one for one in commands(plan))
    assert any("ReceiptRuleSetName=$RULE_SET" in one for one in commands(plan))
    plan = full.plan(
        "--file-system fs-0a --access-point fsap-0a --subnet subnet-0000000a --subnet subnet-0000000b"
        " --security-group sg-0000000a"
    )
    assert plan["parameters"] == STORAGE
    assert "Run mailroomctl init again" not in titles(plan)


@pytest.mark.parametrize(
    "operation", ["efs.DescribeAccessPoints", "efs.DescribeMountTargets", "ec2.DescribeSecurityGroups"]
)
def test_half_of_a_file_system_is_not_written(full: Newcomer, operation: str) -> None:
    full.account.denied[operation] = "AccessDenied"
    assert full.plan()["parameters"] == {}
    given = "--access-point fsap-0a --subnet subnet-0000000a --subnet subnet-0000000b --security-group sg-0000000a"
    assert full.plan(given)["parameters"] == STORAGE


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidClientTokenId"])
def test_credentials_that_aws_does_not_take(empty: Newcomer, code: str) -> None:
    empty.account.answers["sts.GetCallerIdentity"] = Account.refuse(code, 403)
    assert empty.fails("init --domain example.com --no-input").startswith(
        f"AWS does not take these credentials ({code}): sign in again"
    )
    assert empty.account.calls == ["sts.GetCallerIdentity"]


def test_no_credentials(empty: Newcomer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    assert empty.fails("init --domain example.com --no-input").startswith("no AWS credentials: give --profile")


def test_an_error_that_is_no_denial_ends_it(empty: Newcomer) -> None:
    empty.account.answers["efs.DescribeFileSystems"] = Account.refuse("BadRequest")
    assert empty.fails("init --domain example.com --no-input") == "AWS refused DescribeFileSystems: BadRequest it is"


# --- Questions ---------------------------------------------------------------------------------------------------


def test_questions(full: Newcomer) -> None:
    full.account.answers["efs.DescribeFileSystems"] = {"FileSystems": [file_system("fs-0b"), file_system("fs-0a")]}
    answers = ["Example.com, example.org", "post", "fs-9", "fs-0a", "ops@example.net", "y"]
    page = full.run("init", stdin="\n".join(answers))
    assert "fs-9 is none of them." in full.stderr
    assert "MAILROOM_STACK_NAME=post" in page
    assert "MailDomains=example.com,example.org" in page
    config = tomllib.loads(Path("samconfig.toml").read_text())["default"]
    assert config["global"]["parameters"] == {"stack_name": "post", "region": REGION}
    assert config["deploy"]["parameters"]["parameter_overrides"] == [
        f"{name}={value}" for name, value in (STORAGE | {"AlarmTopicArn": TOPIC.replace("mailroom-", "post-")}).items()
    ]


def test_empty_answers_are_the_defaults(full: Newcomer) -> None:
    full.run("init --domain example.com", stdin="\n\n\n\n")
    assert "Name of the stack [mailroom]: " in full.stderr
    assert not Path("samconfig.toml").exists()


def test_none_of_the_file_systems(full: Newcomer) -> None:
    assert "Make a file system for the mailboxes" in full.run("init --domain example.com", stdin="\nnone\n\n")


def test_nobody_who_answers(full: Newcomer) -> None:
    assert full.fails("init", stdin="") == "domain whose mail is received: give --domain."
    page = full.run("init --domain example.com", stdin="")
    assert '"FileSystemId=fs-0a",' in page


@pytest.mark.parametrize(
    "domain",
    ["exam_ple.com", "example", "localhost", "192.0.2.1", "bob@example.com", "https://example.com", "*.example.com"],
)
def test_a_domain_that_is_none(empty: Newcomer, domain: str) -> None:
    assert f"{domain!r} is not a domain" in empty.fails(f"init --domain {domain} --no-input")
    assert empty.account.calls == []


@pytest.mark.parametrize(
    ("typed", "name"),
    [("Example.COM", "example.com"), ("example.com.", "example.com"), ("Bücher.example", "xn--bcher-kva.example")],
)
def test_a_domain_as_people_write_it(full: Newcomer, typed: str, name: str) -> None:
    page = full.run(f"init --domain {typed} --no-input")
    assert f"MailDomains={name}" in page
    assert f"  {name}  " in page


@pytest.mark.parametrize("name", ["my_stack", "1abc", "-x", "'mail room'", "mail.room", "a" * 48])
def test_a_name_that_no_stack_can_have(empty: Newcomer, name: str) -> None:
    said = empty.fails(f"init --domain example.com --stack-name {name} --no-input")
    assert said.startswith(f"{shlex.split(name)[0]!r} cannot be the name of a stack: letters, digits and hyphens")
    assert empty.account.calls == []
    empty.run("init --domain example.com", 1, stdin=f"{shlex.split(name)[0]}\n")
    assert "cannot be the name of a stack" in empty.stderr


def test_the_longest_name_of_a_stack_is_that_of_its_receipt_rule(empty: Newcomer) -> None:
    empty.run(f"init --domain example.com --stack-name {'a' * 47} --no-input")
    template = loads((ROOT / "template.yaml").read_text(), "template.yaml")
    rule_name = template["Resources"]["ReceiptRule"]["Properties"]["Rule"]["Name"]["Fn::Sub"]
    assert len(rule_name.replace("${AWS::StackName}", "a" * 47)) == 64


@pytest.mark.parametrize("code", ["Throttling", "ThrottlingException", "RequestLimitExceeded"])
def test_a_service_that_has_no_time(empty: Newcomer, code: str) -> None:
    empty.account.answers["efs.DescribeFileSystems"] = Account.refuse(code)
    assert empty.fails("init --domain example.com --no-input").startswith("AWS refused DescribeFileSystems: ")


def test_interrupted(empty: Newcomer) -> None:
    def interrupt(_: Any) -> dict[str, Any]:
        raise KeyboardInterrupt

    empty.account.answers["efs.DescribeFileSystems"] = interrupt
    assert empty.run("init --domain example.com --no-input --write", 130) == ""
    assert empty.stderr == "mailroomctl: interrupted\n"
    assert list(Path.cwd().iterdir()) == []


# --- A key of one's own ------------------------------------------------------------------------------------------

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/01234567-89ab-cdef-0123-456789abcdef"
ROOT_MAY = {"Sid": "Enable IAM User Permissions", "Effect": "Allow", "Action": "kms:*", "Resource": "*"}


def with_key(account: Account, *statements: dict[str, Any]) -> None:
    account.answers["kms.DescribeKey"] = {"KeyMetadata": {"KeyId": KEY.rpartition("/")[2], "KeyState": "Enabled"}}
    document = {"Version": "2012-10-17", "Statement": [ROOT_MAY, *statements]}
    account.answers["kms.GetKeyPolicy"] = {"Policy": json.dumps(document)}


def needed(*, alarms: bool = False) -> list[dict[str, Any]]:
    found = key_policy.statements("mailroom", region=REGION, account=ACCOUNT)
    return [one for one in found if alarms or one["Sid"] != "LetAlarmsNotify"]


def test_a_key_gets_the_statements_that_the_services_need(full: Newcomer) -> None:
    with_key(full.account, needed()[0])
    plan = full.plan(f"--kms-key {KEY} --alarms ops@example.net")
    assert plan["parameters"] == STORAGE | {"AlarmTopicArn": TOPIC, "KmsKeyArn": KEY}
    [step] = [one for one in plan["steps"] if one["title"] == "Let the services use your key"]
    assert titles(plan).index(step["title"]) < titles(plan).index("Deploy the stack")
    [command] = step["commands"]
    assert command.startswith(f"aws kms put-key-policy --key-id {KEY} --policy-name default --policy ")
    document = json.loads(shlex.split(command)[-1])
    assert document == {"Version": "2012-10-17", "Statement": [ROOT_MAY, *needed()]}
    # What it has to say it says once.
    with_key(full.account, *needed())
    assert step["title"] not in titles(full.plan(f"--kms-key {KEY}"))


def test_one_key_for_two_stacks_keeps_what_it_says_of_the_first(full: Newcomer) -> None:
    first = key_policy.statements("post", region=REGION, account=ACCOUNT)[:3]
    with_key(full.account, *first)
    [step] = [one for one in full.plan(f"--kms-key {KEY}")["steps"] if "your key" in one["title"]]
    statements = json.loads(shlex.split(step["commands"][0])[-1])["Statement"]
    of_stack = [one | {"Sid": f"{one['Sid']}Mailroom"} for one in needed()[1:]]
    assert statements == [ROOT_MAY, *first, *of_stack], "SES's is the same for both"


def test_a_policy_with_one_statement_may_have_no_brackets(full: Newcomer) -> None:
    with_key(full.account)
    full.account.answers["kms.GetKeyPolicy"] = {"Policy": json.dumps({"Statement": ROOT_MAY})}
    [step] = [one for one in full.plan(f"--kms-key {KEY}")["steps"] if "your key" in one["title"]]
    assert json.loads(shlex.split(step["commands"][0])[-1])["Statement"] == [ROOT_MAY, *needed()]


def test_the_topic_of_the_alarms_may_be_under_the_key_too(full: Newcomer) -> None:
    with_key(full.account, *needed())
    full.account.answers["sns.GetTopicAttributes"] = {"Attributes": {"KmsMasterKeyId": KEY}}
    [step] = [one for one in full.plan(f"--kms-key {KEY} --alarms {TOPIC}")["steps"] if "your key" in one["title"]]
    assert json.loads(shlex.split(step["commands"][0])[-1])["Statement"] == [ROOT_MAY, *needed(alarms=True)]


def test_a_key_whose_policy_cannot_be_read_gets_them_by_hand(full: Newcomer, tmp_path: Path) -> None:
    full.account.denied = dict.fromkeys(("kms.DescribeKey", "kms.GetKeyPolicy"), "AccessDeniedException")
    plan = full.plan(f"--kms-key {KEY}")
    assert list(plan["denied"]) == ["kms:DescribeKey", "kms:GetKeyPolicy"]
    [step] = [one for one in plan["steps"] if "your key" in one["title"]]
    read, *written, put = step["commands"]
    assert read.endswith("> key-policy.json")
    assert put.endswith("--policy file://key-policy.json")
    Path("key-policy.json").write_text(json.dumps({"Statement": ROOT_MAY}))
    for line in written:
        subprocess.run(["bash", "-c", line], check=True)
    assert json.loads(Path("key-policy.json").read_text()) == {"Statement": [ROOT_MAY, *needed()]}


@pytest.mark.parametrize("state", ["Disabled", "PendingDeletion", "not there"])
def test_a_key_that_cannot_be_used(full: Newcomer, state: str) -> None:
    with_key(full.account)
    full.account.answers["kms.DescribeKey"] = (
        Account.refuse("NotFoundException")
        if state == "not there"
        else {"KeyMetadata": {"KeyId": "k", "KeyState": state}}
    )
    assert f"the key {KEY} is {state}: nothing could be stored or read." in full.plan(f"--kms-key {KEY}")["warnings"]


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("alias/mail", "'alias/mail' is not the ARN of a key: neither its id nor an alias will do."),
        (KEY.replace("key/", "alias/"), "is not the ARN of a key"),
        (KEY.replace(REGION, "us-east-1"), f"the key is in us-east-1, and has to be in {REGION}."),
    ],
)
def test_what_is_no_key_for_this_stack(full: Newcomer, key: str, why: str) -> None:
    assert why in full.fails(f"init --domain example.com --no-input --kms-key {key}")


# --- samconfig.toml ----------------------------------------------------------------------------------------------


def test_nothing_is_written_unless_asked_for(full: Newcomer) -> None:
    assert full.plan()["file"]["written"] is False
    full.run("init --domain example.com --no-input")
    assert list(Path.cwd().iterdir()) == []


def test_write(full: Newcomer) -> None:
    file = full.plan("--write --alarms ops@example.net")["file"]
    assert (file["path"], file["replaces"], file["written"]) == ("samconfig.toml", [], True)
    assert Path("samconfig.toml").read_text() == file["content"]
    # A second time there is nothing to do.
    assert full.plan("--write --alarms ops@example.net")["file"]["written"] is False


@pytest.mark.parametrize("how", ["--no-input", "", "asked"])
def test_other_values_are_replaced_only_when_somebody_agrees(full: Newcomer, how: str) -> None:
    other = '[default.global.parameters]\nstack_name = "post"\n'
    Path("samconfig.toml").write_text(other)
    line = "init --domain example.com --write"
    if how == "asked":
        full.run(line, stdin="\n\n\ny\n")
        assert 'stack_name = "mailroom"' in Path("samconfig.toml").read_text()
    else:
        full.run(f"{line} {how}", code=1, stdin="\n\n\nn\n")
        assert Path("samconfig.toml").read_text() == other
        assert "samconfig.toml was left as it is: give --overwrite" in full.stderr
    assert 'warning: samconfig.toml: stack_name = "post" becomes "mailroom"' in full.stderr


def test_overwrite(full: Newcomer) -> None:
    Path("samconfig.toml").write_text('[default.deploy.parameters]\nparameter_overrides = ["FileSystemId=fs-9"]\n')
    file = full.plan("--write --overwrite")["file"]
    assert file["replaces"] == ["FileSystemId=fs-9 becomes fs-0a"]
    assert file["written"] is True


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path.mkdir(), "samconfig.toml: Is a directory."),
        (lambda path: path.write_bytes(b"\xff"), "samconfig.toml is no text."),
        (lambda path: path.write_text("a = ["), "samconfig.toml is not TOML"),
    ],
)
def test_a_file_that_cannot_be_read(full: Newcomer, make: Callable[[Path], Any], why: str) -> None:
    make(Path("samconfig.toml"))
    assert full.fails("init --domain example.com --no-input").startswith(why)


def test_a_file_of_another_name_is_told_to_sam(full: Newcomer) -> None:
    plan = full.plan("--write --config other.toml")
    assert Path("other.toml").read_text() == plan["file"]["content"]
    option = f"--config-file {Path('other.toml').resolve()}"
    told = [one for one in commands(plan) if "sam " in one]
    assert told[0] == f"sam build {option} && sam deploy {option}"
    assert told[1].startswith(f"sam deploy {option} --parameter-overrides ")


def test_a_file_that_cannot_be_written(full: Newcomer) -> None:
    full.run("init --domain example.com --no-input --write --config no/such.toml", code=1)
    assert "mailroomctl: no/such.toml: No such file or directory." in full.stderr
