"""What SES receives, and by whose rules."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from mailroomctl.setup.calls import Calls
from mailroomctl.stack import Stack

#: What SES answers to a question about receipt rules in a region that does not receive ("Unavailable Operation"). No
#: list says which regions do: botocore's has those that send.
_CANNOT_RECEIVE = "InvalidAction"

_SECONDS = 5  # for a region that is only looked at in passing


@dataclass(frozen=True)
class Store:
    """An action of a rule that stores mail in a bucket; with a ``key`` SES encrypts it first, on the client side."""

    bucket: str
    prefix: str = ""
    topic: str = ""
    key: str = ""


@dataclass(frozen=True)
class Rule:
    """A rule of the active rule set."""

    name: str
    enabled: bool
    recipients: tuple[str, ...]
    actions: tuple[str, ...]
    workmail: str = ""
    """Id of the WorkMail organisation that gets the mail, if there is one."""
    stores: tuple[Store, ...] = ()
    scans: bool = False
    """Whether mail gets verdicts on spam and viruses."""

    def takes(self, domain: str) -> bool:
        """Whether it acts on mail to addresses of ``domain``; without recipients a rule takes everything."""
        return self.enabled and (
            not self.recipients
            or any(
                one.rpartition("@")[2] == domain or (one.startswith(".") and domain.endswith(one))
                for one in map(str.lower, self.recipients)
            )
        )


@dataclass(frozen=True)
class Receiving:
    """The account's receiving in this region; ``None`` is what could not be asked."""

    possible: bool | None
    elsewhere: tuple[str, ...] = ()
    """Where it is possible instead."""
    active: str = ""
    """Name of the active rule set."""
    rules: tuple[Rule, ...] = ()
    rule_sets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Identity:
    """A domain as SES knows it."""

    domain: str
    verified: bool
    dkim: str = ""
    """Status of DKIM."""
    tokens: tuple[str, ...] = ()
    zone: str = "dkim.amazonses.com"


def look_at_rules(stack: Stack, calls: Calls) -> Receiving:
    """Find out whether mail is received here, and by which rules."""
    ses = stack.client("ses")

    def active() -> dict[str, Any]:
        return {"Possible": True, **ses.describe_active_receipt_rule_set()}

    unknown = "whether this region receives mail, and by which rules"
    answer = calls.ask("ses:DescribeActiveReceiptRuleSet", unknown, active, absent=[_CANNOT_RECEIVE])
    if answer is None:
        return Receiving(possible=None)
    if not answer:
        return Receiving(possible=False, elsewhere=_where_possible(stack))
    sets = calls.list("ses:ListReceiptRuleSets", "which rule sets there are", ses, "list_receipt_rule_sets", "RuleSets")
    return Receiving(
        possible=True,
        active=answer.get("Metadata", {}).get("Name", ""),
        rules=tuple(map(_rule, answer.get("Rules", []))),
        rule_sets=tuple(one["Name"] for one in sets or []),
    )


def look_at_domains(stack: Stack, calls: Calls, domains: Iterable[str]) -> dict[str, Identity | None]:
    """Find out what SES knows of each domain; one that is missing in the answer could not be asked about."""
    ses = stack.client("sesv2")
    found: dict[str, Identity | None] = {}
    for domain in domains:
        answer = calls.ask(
            "ses:GetEmailIdentity",
            "whether the domain is verified, and its DKIM records",
            ses.get_email_identity,
            absent=["NotFoundException"],
            EmailIdentity=domain,
        )
        if answer is not None:
            found[domain] = _identity(domain, answer) if answer else None
    return found


def _rule(answer: dict[str, Any]) -> Rule:
    actions = [
        (name.removesuffix("Action"), action) for one in answer.get("Actions", []) for name, action in one.items()
    ]
    workmail = [action["OrganizationArn"] for name, action in actions if name == "Workmail"]
    return Rule(
        name=answer["Name"],
        enabled=bool(answer.get("Enabled")),
        recipients=tuple(answer.get("Recipients", [])),
        actions=tuple(name for name, _ in actions),
        workmail=workmail[0].rpartition("/")[2] if workmail else "",
        stores=tuple(_store(action) for name, action in actions if name == "S3"),
        scans=bool(answer.get("ScanEnabled")),
    )


def _store(action: dict[str, Any]) -> Store:
    return Store(
        bucket=action["BucketName"],
        prefix=action.get("ObjectKeyPrefix", ""),
        topic=action.get("TopicArn", ""),
        key=action.get("KmsKeyArn", ""),
    )


def _identity(domain: str, answer: dict[str, Any]) -> Identity:
    dkim = answer.get("DkimAttributes", {})
    return Identity(
        domain=domain,
        verified=answer.get("VerificationStatus") == "SUCCESS" or bool(answer.get("VerifiedForSendingStatus")),
        dkim=dkim.get("Status", ""),
        # With a key of its own the domain has a selector here, and no record that SES could name.
        tokens=tuple(dkim.get("Tokens", [])) if dkim.get("SigningAttributesOrigin") != "EXTERNAL" else (),
        zone=dkim.get("SigningHostedZone") or "dkim.amazonses.com",
    )


def _where_possible(stack: Stack) -> tuple[str, ...]:
    """The regions in which SES answers the question; those that are not enabled for the account do not."""
    from botocore.exceptions import BotoCoreError, ClientError

    def answers(region: str) -> bool:
        once = {"connect_timeout": _SECONDS, "read_timeout": _SECONDS, "retries": {"total_max_attempts": 1}}
        try:
            stack.client("ses", region_name=region, **once).describe_active_receipt_rule_set()
        except (BotoCoreError, ClientError):
            return False
        return True

    regions = stack.session.get_available_regions("ses", partition_name=stack.partition)
    with ThreadPoolExecutor(8) as threads:
        return tuple(region for region, can in zip(regions, threads.map(answers, regions), strict=True) if can)
