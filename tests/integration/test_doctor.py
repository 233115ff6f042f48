"""doctor: a healthy deployment passes all checks; whatever is broken is named, with its meaning and a remedy."""

import json
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from typer.main import get_command

from mailroomctl import key_policy
from mailroomctl.doctor import statements
from mailroomctl.doctor.checks import CHECKS
from mailroomctl.main import app
from tests.integration.aws_account import ACCOUNT, REGION, Account, rule, security_group
from tests.integration.deployed_account import (
    ALARMS,
    TARGETS,
    arn,
    physical,
    properties,
)
from tests.integration.patients import (
    BROKEN,
    INBOUND,
    STOP,
    TOPIC,
    Change,
    Doctor,
    diagnosed,
    entry,
    failing,
    first_rule,
    ours,
    without,
)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Doctor]:
    yield from diagnosed(monkeypatch)


def test_a_healthy_deployment_passes_all_checks(at: Doctor) -> None:
    found = at.look()
    assert {number: one["findings"] for number, one in found.items() if one["verdict"] != "pass"} == {}
    assert list(found) == list(range(1, 27))
    lines = at.run("doctor").splitlines()
    assert lines[0] == f"pass     1 MX records              example.com: {INBOUND}"
    assert lines[-1] == "0 failures, 0 warnings, 26 passes, 0 not applicable"


@pytest.mark.parametrize(
    ("change", "number", "verdict", "seen", "fix"), [one[1:] for one in BROKEN], ids=[one[0] for one in BROKEN]
)
def test_what_is_broken_is_named(at: Doctor, change: Change, number: int, verdict: str, seen: str, fix: str) -> None:
    change(at)
    found = at.check(number)
    named = next((one for one in found if one.verdict == verdict and seen in one.seen), None)
    assert named, found
    assert verdict == "failure" or not any(one.verdict == "failure" for one in found), found
    assert named.means
    assert any(fix in one for one in named.fix), named.fix
    known(named.fix)


def known(commands: Iterable[str]) -> None:
    """Commands of ours exist, with their options; a shell understands all of them."""
    for line in commands:
        words = shlex.split(line, comments=True)
        if words[:1] != ["mailroomctl"]:
            continue
        found: Any = get_command(app)
        words.pop(0)
        while hasattr(found, "commands"):
            found = found.commands[words.pop(0)]
        options = {option for parameter in found.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, line


def test_each_check_is_broken() -> None:
    assert {one[2] for one in BROKEN} == {check.number for check in CHECKS}


def test_a_failure_is_the_exit_code_and_a_warning_only_when_asked_for(at: Doctor) -> None:
    ours(at)["ScanEnabled"] = False
    assert at.look()[3]["verdict"] == "warning"
    at.look(code=1, options="--strict")
    ours(at)["Enabled"] = False
    assert [one["verdict"] for one in at.look(code=1)[3]["findings"]] == ["failure", "warning"]


def test_what_is_wrong_comes_with_its_meaning_and_its_commands(at: Doctor) -> None:
    at.account.subscription["RawMessageDelivery"] = "false"
    at.account.subscription.pop("RedrivePolicy")
    lines = at.run("doctor", code=1).splitlines()
    start = lines.index("failure 11 raw delivery            raw message delivery is off")
    assert lines[start + 1 : start + 4] == [
        "           every notification comes in an envelope of SNS and is parked as InvalidEvent",
        f"           $ aws sns set-subscription-attributes --subscription-arn arn:aws:sns:{REGION}:{ACCOUNT}:one:2"
        " --attribute-name RawMessageDelivery --attribute-value true",
        "           $ mailroomctl parked list",
    ]
    assert lines[-1] == "1 failure, 1 warning, 24 passes, 0 not applicable"


#: The permissions of calls that have another name (service authorization reference).
PERMISSIONS = {"lambda:Invoke": "lambda:InvokeFunction"}
PREFIXES = {"efs": "elasticfilesystem", "sesv2": "ses"}
#: Without the first there is nothing to look at; without the other it only cannot be said which rule sets there are.
NOT_ASKED_FOR = {"cloudformation.DescribeStacks", "ses.ListReceiptRuleSets"}


@pytest.mark.parametrize("number", [check.number for check in CHECKS])
def test_a_check_that_may_not_look_names_the_permission(at: Doctor, number: int) -> None:
    at.check(number)
    asked = set(at.account.calls) - NOT_ASKED_FOR
    for call in sorted(asked):
        at.account.denied = {call: "AccessDeniedException"}
        prefix, _, operation = call.partition(".")
        permission = f"{PREFIXES.get(prefix, prefix)}:{operation}"
        [found] = [one for one in at.check(number) if one.verdict == "warning"]
        named = PERMISSIONS.get(permission, permission)
        assert found.seen == f"could not look: the permission {named} is missing"
    # Versions are the stack's own outputs.
    assert asked or number == 26


def test_the_statements_are_the_template_s() -> None:
    patient = SimpleNamespace(
        partition="aws", region=REGION, account=ACCOUNT, bucket=physical("MailBucket"), topic=TOPIC
    )
    for statement, policy in [
        (statements.of_bucket(patient), "MailBucketPolicy"),
        (statements.of_topic(patient), "NotificationTopicPolicy"),
        (statements.of_queue(patient, arn("InboundQueue")), "InboundQueuePolicy"),
        (statements.of_queue(patient, arn("DeadLetterQueue")), "DeadLetterQueuePolicy"),
    ]:
        assert statement in properties(policy)["PolicyDocument"]["Statement"]


def test_the_command_that_mends_a_policy_makes_it_whole(at: Doctor) -> None:
    whole = json.loads(json.dumps(at.account.bucket_policy))
    without(at.account.bucket_policy, "LetReceiptRulesStoreMail")
    [found] = at.check(7)
    at.account.bucket_policy = json.loads(shlex.split(found.fix[0])[-1])
    assert [one.verdict for one in at.check(7)] == ["pass"]
    assert sorted(at.account.bucket_policy["Statement"], key=str) == sorted(whole["Statement"], key=str)


def test_a_statement_for_one_rule_set_lets_that_one(at: Doctor) -> None:
    [statement] = [one for one in at.account.bucket_policy["Statement"] if one["Effect"] == "Allow"]
    source = f"arn:aws:ses:{REGION}:{ACCOUNT}:receipt-rule-set/default-rule-set:receipt-rule/mailroom-store-and-notify"
    statement["Condition"]["ArnLike"] = {"AWS:SourceArn": source}
    assert [one.verdict for one in at.check(7)] == ["pass"]
    at.account.parameters["ReceiptRuleSetName"] = "other"
    assert [one.verdict for one in at.check(7)] == ["failure"]


def test_what_aws_refuses_otherwise_is_no_verdict(at: Doctor) -> None:
    at.account.answers["lambda.Invoke"] = Account.refuse("TooManyRequestsException", 429)
    at.account.answers["kms.DescribeKey"] = timeout
    found = at.look()
    for number, said in ((23, "AWS refused Invoke: TooManyRequestsException it is"), (25, "Read timeout")):
        [one] = found[number]["findings"]
        assert (one["verdict"], one["seen"].startswith(f"could not look: {said}")) == ("warning", True), one


def timeout(_: dict[str, Any]) -> dict[str, Any]:
    raise ReadTimeoutError(endpoint_url="https://kms")


def test_an_output_that_is_missing_fails_the_checks_that_need_it(at: Doctor) -> None:
    stack = at.account.answers["cloudformation.DescribeStacks"]
    assert callable(stack)

    def older(asked: dict[str, Any]) -> dict[str, Any]:
        answer = stack(asked)
        outputs = answer["Stacks"][0]["Outputs"]
        answer["Stacks"][0]["Outputs"] = [one for one in outputs if one["OutputKey"] != "PipeName"]
        return answer

    at.account.answers["cloudformation.DescribeStacks"] = older
    found = at.look(code=1)
    assert {number for number, one in found.items() if one["verdict"] == "failure"} == {12, 13}


def test_without_a_stack_there_is_nothing_to_look_at(at: Doctor) -> None:
    at.account.answers["cloudformation.DescribeStacks"] = Account.refuse("ValidationError")
    assert at.fails("doctor").startswith("there is no stack mailroom at eu-west-1")


def test_without_the_log_it_cannot_be_said_why(at: Doctor) -> None:
    failing(at)
    at.account.denied = {"logs.FilterLogEvents": "AccessDeniedException"}
    [found] = at.check(19)
    assert found.seen == (
        "3 of 7 runs of WriteMailbox failed in the last hour; without logs:FilterLogEvents it cannot be said why"
    )


@pytest.mark.parametrize("lines", [[], [{"timestamp": 1, "message": "Task timed out"}]])
def test_a_log_that_says_nothing(at: Doctor, lines: list[dict[str, Any]]) -> None:
    failing(at)
    at.account.log = lines
    [found] = at.check(19)
    assert found.seen == "3 of 7 runs of WriteMailbox failed in the last hour"


def test_a_rule_for_every_domain_cannot_be_compared(at: Doctor) -> None:
    ours(at)["Recipients"] = []
    [found] = at.check(5)
    assert (found.verdict, found.seen) == (
        "pass", "the rule takes every verified domain; the directory knows example.com, example.org",
    )  # fmt: skip
    assert [one.verdict for one in at.check(1)] == ["pass", "pass"]


def test_a_rule_for_addresses_and_subdomains(at: Doctor) -> None:
    ours(at)["Recipients"] = ["eve@example.com", ".example.org"]
    at.account.directory.append(entry("@mail.example.org", "domain"))
    [found] = at.check(5)
    assert "example.org, which the rule does not take" in found.seen
    at.account.directory.pop(1)
    assert [one.verdict for one in at.check(5)] == ["pass"]


def test_no_domain_at_all(at: Doctor) -> None:
    ours(at)["Recipients"] = []
    at.account.directory.clear()
    at.account.parameters["MailDomains"] = ""
    [found] = at.check(1)
    assert (found.verdict, found.fix) == ("warning", ("mailroomctl domain add example.com",))


@pytest.mark.parametrize("number", [4, 5, 6])
def test_without_a_rule_of_ours_its_place_and_domains_are_no_question(at: Doctor, number: int) -> None:
    at.account.rules.clear()
    assert [one.verdict for one in at.check(3)] == ["failure"]
    assert "failure" not in [one.verdict for one in at.check(number)]


def test_rules_that_do_not_concern_us(at: Doctor) -> None:
    first_rule(at, "elsewhere", ["example.net"], **STOP)
    at.account.rules.insert(0, rule("off", [], enabled=False, **STOP))
    at.account.rules.append(rule("later", [], **STOP))
    assert [one.seen for one in at.check(4)] == [
        "mailroom-store-and-notify is rule 3 of 4, and none before it stops it"
    ]


def test_without_a_key_of_its_own_no_key_is_asked(at: Doctor) -> None:
    at.account.parameters["KmsKeyArn"] = ""
    assert [one.verdict for one in at.check(25)] == ["not applicable"]
    assert not [one for one in at.account.calls if one.startswith("kms.")]


def test_what_a_key_says_of_another_stack_stays(at: Doctor) -> None:
    policy = at.account.key_policy
    without(policy, "LetTheTopicSend")
    of_post = key_policy.statements("post", region=REGION, account=ACCOUNT)
    [other] = [one for one in of_post if one["Sid"] == "LetTheTopicSend"]
    policy["Statement"].append(other)
    [found] = [one for one in at.check(25) if one.verdict == "failure"]
    mended = json.loads(shlex.split(found.fix[0])[-1])
    assert mended["Statement"][:-1] == policy["Statement"]
    assert mended["Statement"][-1]["Sid"] == "LetTheTopicSendMailroom"
    at.account.key_policy = mended
    assert [one.verdict for one in at.check(25)] == ["pass"] * 4


@pytest.mark.parametrize("change", [{"KmsMasterKeyId": "another"}, None])
def test_alarms_need_the_key_only_where_their_topic_has_it(at: Doctor, change: dict[str, str] | None) -> None:
    without(at.account.key_policy, "LetAlarmsNotify")
    if change:
        at.account.topics[ALARMS] = change
    else:
        at.account.parameters["AlarmTopicArn"] = ""
    assert [one.verdict for one in at.check(25)] == ["pass"] * 3


def test_a_range_that_covers_the_subnets_lets_the_function_in(at: Doctor) -> None:
    at.account.groups[0] = security_group(TARGETS, ranges=("10.0.0.0/16",))
    assert [one.verdict for one in at.check(22)] == ["pass"]


DOVECONF = Path(__file__).parents[1] / "unit/mailroomctl/dovecot/doveconf-2.4.txt"


@pytest.mark.parametrize(
    ("before", "after", "verdict", "code"),
    [
        ("mmap_disable = yes", "mmap_disable = yes", "pass", 0),
        ("mmap_disable = yes", "maildir_stat_dirs = yes\nmmap_disable = yes", "warning", 0),
        ("mmap_disable = yes\n", "", "failure", 1),
    ],
)
def test_dovecot_s_configuration(at: Doctor, tmp_path: Path, before: str, after: str, verdict: str, code: int) -> None:
    file = tmp_path / "doveconf.txt"
    file.write_text(DOVECONF.read_text().replace(before, after))
    found = at.look(code, f"--dovecot-config {file}")[27]
    assert (found["check"], found["verdict"]) == ("Dovecot", verdict)
    if verdict == "failure":
        [named] = [one for one in found["findings"] if "mmap_disable" in one["seen"]]
        assert (named["means"], named["fix"]) == ("mail is lost or hidden", ["# mmap_disable = yes"])


def test_what_is_no_configuration_is_refused_at_once(at: Doctor, tmp_path: Path) -> None:
    assert "no such file" in at.fails(f"doctor --dovecot-config {tmp_path}/none").lower()
    (tmp_path / "doveconf.txt").write_text("protocols = imap")
    assert "no output of doveconf -n" in at.fails(f"doctor --dovecot-config {tmp_path}/doveconf.txt")
    assert at.account.calls == []
