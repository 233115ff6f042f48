"""What follows from an account and the answers: parameters, warnings, DNS records, and steps."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mailroomctl.errors import CommandError
from mailroomctl.setup import steps
from mailroomctl.setup.account import Account, Deployed, look, look_at_topic
from mailroomctl.setup.calls import Calls
from mailroomctl.setup.dns import Record, records
from mailroomctl.setup.file_system import Given, choose
from mailroomctl.setup.key import look_at_key
from mailroomctl.setup.names import rule_name
from mailroomctl.setup.questions import Questions
from mailroomctl.setup.receiving import Rule
from mailroomctl.setup.steps import Step
from mailroomctl.stack import Stack

_TOPIC = re.compile(r"arn:[\w-]+:sns:[\w-]+:\d+:[\w.-]+")
_ADDRESS = re.compile(r"[^@\s,]+@[^@\s,]+\.[^@\s,]+")
#: Functions at once: a new account has 10.
_SMALL = 100
#: With which SNS lets no alarm publish.
_SNS_KEY = "alias/aws/sns"


@dataclass(frozen=True)
class Answers:
    """What a person wants; ``alarms`` is an address or the ARN of a topic."""

    domains: tuple[str, ...]
    alarms: str = ""
    rule_set: str = ""
    storage: Given = field(default_factory=Given)
    key: str = ""
    """ARN of a KMS key for what the stack stores."""


@dataclass(frozen=True)
class Plan:
    """What to do, and why."""

    account: Account
    denied: dict[str, str]
    """Permissions that were missing, each with what stays unknown without it."""
    warnings: list[str]
    parameters: dict[str, str]
    records: list[Record]
    steps: list[Step]


def make(stack: Stack, answers: Answers, questions: Questions) -> Plan:
    """Look at the account, ask what it does not say, and decide.

    Raises ``CommandError`` where mail cannot be received at all.
    """
    calls = Calls()
    account = look(stack, calls, answers.domains)
    if account.receiving.possible is False:
        where = ", ".join(account.receiving.elsewhere) or "no region that these credentials reach"
        raise CommandError(f"SES does not receive mail in {account.region}, but in {where}: give --region.")
    storage = choose(stack, calls, account, answers.storage, questions)
    alarms = _Alarms(stack, calls, account, answers, questions)
    key = look_at_key(stack, calls, account, answers.key, of_alarms=bool(answers.key) and alarms.key == answers.key)
    missing = storage.missing or None in account.identities.values()
    # Half of a file system the template would refuse.
    parameters = ({} if storage.missing else storage.parameters) | account.left.parameters | alarms.parameters
    parameters |= key.parameters
    todo = [
        steps.environment(account.region, stack.name, stack.profile),
        *_identities(account),
        *_concurrency(account.concurrency),
        *alarms.steps,
        *storage.steps,
        *account.left.steps(),
        *key.steps,
        *([steps.again(_command(answers, alarms.told))] if missing else []),
        _deploy(account.deployed, parameters),
        *storage.after,
        *(steps.mailboxes(domain, _organisation(account, domain)) for domain in answers.domains),
        *_receipt_rule(account, answers),
        steps.mx(answers.domains),
        steps.first_message(answers.domains[0]),
    ]
    return Plan(
        account=account,
        denied=calls.denied,
        warnings=[
            *_stack_warnings(account),
            *account.left.warnings(stack.name),
            *_rule_warnings(account, answers),
            *storage.warnings,
            *alarms.warnings,
            *key.warnings,
        ],
        parameters=parameters,
        records=[
            record
            for domain in answers.domains
            for record in records(domain, account.region, account.identities.get(domain))
        ],
        steps=todo,
    )


class _Alarms:
    """Who is told of alarms."""

    def __init__(self, stack: Stack, calls: Calls, account: Account, answers: Answers, questions: Questions) -> None:
        self.steps: list[Step] = []
        self.warnings: list[str] = []
        self.parameters: dict[str, str] = {}
        self.key = ""
        before = account.deployed.parameters.get("AlarmTopicArn", "") if account.deployed else ""
        self.told = answers.alarms or questions.ask(
            "Who is told of alarms: a mail address, or the ARN of a topic", before
        )
        if not self.told:
            self.warnings.append("nobody is told of alarms, which then only show in CloudWatch: give --alarms.")
            return
        if not (_TOPIC.fullmatch(self.told) or _ADDRESS.fullmatch(self.told)):
            raise CommandError(f"{self.told!r} is neither a mail address nor the ARN of an SNS topic.")
        address = "" if _TOPIC.fullmatch(self.told) else self.told
        arn = before if address and before else self.told
        if arn == address:
            arn = f"arn:{account.partition}:sns:{account.region}:{account.id}:{stack.name}-alarms"
        self.parameters["AlarmTopicArn"] = arn
        if address.rpartition("@")[2].lower() in answers.domains:
            self.warnings.append(
                f"{address} would get alarms as mail that Mailroom itself delivers: take another domain."
            )
        topic = look_at_topic(stack, calls, arn)
        self.key = topic.key if topic else ""
        if topic and topic.key == _SNS_KEY:
            self.warnings.append(f"the topic {arn} has AWS's own key, under which alarms cannot publish to it.")
        if address or (topic and not topic.exists):
            self.steps.append(steps.topic(arn, address, exists=bool(topic and topic.exists)))


def _identities(account: Account) -> Iterator[Step]:
    for domain, identity in account.identities.items():
        if identity is None or not identity.verified:
            yield steps.verify(domain, known=identity is not None)


def _concurrency(limit: int | None) -> Iterator[Step]:
    if limit is not None and limit < _SMALL:
        yield steps.more_concurrency(limit)


def _deploy(deployed: Deployed | None, parameters: Mapping[str, str]) -> Step:
    if not (deployed and deployed.version):
        return steps.deploy()
    changes = any(deployed.parameters.get(name, "") != value for name, value in parameters.items())
    return steps.deploy_again(deployed.parameters.get("AttentionIndex"), changes=changes)


def _organisation(account: Account, domain: str) -> str:
    return next((rule.workmail for rule in account.receiving.rules if rule.workmail and rule.takes(domain)), "")


def _receipt_rule(account: Account, answers: Answers) -> Iterator[Step]:
    """The rule, unless it is there and takes the domains already."""
    receiving, deployed = account.receiving, account.deployed or Deployed()
    ours = [rule for rule in receiving.rules if rule.name == _our_rule(account)]
    domains = [*filter(None, deployed.parameters.get("MailDomains", "").split(",")), *answers.domains]
    wanted = list(dict.fromkeys(domains))
    if ours and all(ours[0].takes(domain) for domain in answers.domains):
        return
    if receiving.possible is None and not answers.rule_set:
        yield steps.unknown_rule(wanted)
        return
    name = answers.rule_set or receiving.active or account.stack_name
    yield steps.rule(
        name, wanted, exists=name in (*receiving.rule_sets, receiving.active), active=name == receiving.active
    )


def _our_rule(account: Account) -> str:
    """As the template names it."""
    return rule_name(account.stack_name)


def _stack_warnings(account: Account) -> Iterator[str]:
    status = account.deployed.status if account.deployed else ""
    if status and not status.endswith("_COMPLETE"):
        yield f"the stack {account.stack_name} is {status}: wait, or see why in the CloudFormation console."
    elif status == "ROLLBACK_COMPLETE":
        yield f"the stack {account.stack_name} could not be made (ROLLBACK_COMPLETE): remove it first, with sam delete."


def _rule_warnings(account: Account, answers: Answers) -> Iterator[str]:
    active = account.receiving.active
    if active and answers.rule_set not in ("", active):
        yield (
            f"the rule set {active} is active, and only one can be: to activate {answers.rule_set} switches its"
            f" {len(account.receiving.rules)} rules off."
        )
    for rule in account.receiving.rules:
        taken = [domain for domain in answers.domains if rule.takes(domain)]
        if taken and rule.name != _our_rule(account):
            yield _of_another(rule, taken)


def _of_another(rule: Rule, domains: Sequence[str]) -> str:
    """What another's rule means; all that match act, one after the other, and ours is the first."""
    what = f"the rule {rule.name} takes mail for {', '.join(domains)} too"
    if rule.workmail:
        return (
            f"{what}, for WorkMail ({rule.workmail}): every message arrives in both places, until you "
            "remove the domain from WorkMail."
        )
    if "Bounce" in rule.actions:
        return f"{what}, and bounces it: senders are told that nobody took what Mailroom delivers. Remove it first."
    return f"{what} ({', '.join(rule.actions)}): it goes on to act. Remove it when Mailroom has taken over."


def _command(answers: Answers, alarms: str) -> str:
    """The command again, with the same answers."""
    words = ["mailroomctl", "init", *(f"--domain={domain}" for domain in answers.domains)]
    words += [f"--alarms={alarms}"] if alarms else []
    words += [f"--rule-set={answers.rule_set}"] if answers.rule_set else []
    words += [f"--kms-key={answers.key}"] if answers.key else []
    given = answers.storage
    words += [f"--file-system={given.file_system}"] if given.file_system else []
    words += [f"--access-point={given.access_point}"] if given.access_point else []
    words += [f"--subnet={one}" for one in given.subnets]
    words += [f"--security-group={one}" for one in given.security_groups]
    return f"{shlex.join(words)} --write"
