"""What a person does, in order: each step with its commands, ready to be pasted into a shell."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Step:
    """One step; ``why`` says what it is for, or what must be seen."""

    title: str
    why: str
    commands: tuple[str, ...] = ()


CONCURRENCY = 1000
#: Lambda's quota "Concurrent executions".
_QUOTA = "L-B99A9384"


def with_config(steps: Sequence[Step], path: str) -> list[Step]:
    """The same steps for a file of another name, which ``sam`` has to be given each time."""
    option = f" --config-file {shlex.quote(path)}"
    said = [
        tuple(
            one.replace("sam build", f"sam build{option}").replace("sam deploy", f"sam deploy{option}")
            for one in step.commands
        )
        for step in steps
    ]
    return [replace(step, commands=commands) for step, commands in zip(steps, said, strict=True)]


def environment(region: str, stack_name: str, profile: str) -> Step:
    """What makes all later commands speak of the same stack."""
    settings = [f"AWS_REGION={region}", f"AWS_DEFAULT_REGION={region}", f"MAILROOM_STACK_NAME={stack_name}"]
    settings += [f"AWS_PROFILE={profile}"] if profile else []
    return Step(
        "Tell this shell which stack is meant",
        "The commands below go by it; run them in the folder with template.yaml.",
        (f"export {' '.join(settings)}", "source .venv/bin/activate"),
    )


def verify(domain: str, *, known: bool) -> Step:
    """A domain that SES does not receive for yet."""
    status = f"aws sesv2 get-email-identity --email-identity {domain} --query VerificationStatus"
    if known:
        return Step(
            f"Let SES see that {domain} is yours",
            'Add the DKIM records below to its DNS. The last word has to be "SUCCESS", usually within minutes.',
            (status,),
        )
    return Step(
        f"Make {domain} known to SES",
        "SES then chooses the DKIM records, which prove that the domain is yours.",
        (f"aws sesv2 create-email-identity --email-identity {domain}",),
    )


def more_concurrency(now: int) -> Step:
    """An account whose limit is that of a new one."""
    return Step(
        "Ask for more concurrency",
        f"{now} functions may run at once in this account, and one message alone uses up to 10. Mail waits and is "
        "not lost, but a backlog takes long. The answer may take a day, so ask now.",
        (
            "aws service-quotas request-service-quota-increase --service-code lambda"
            f" --quota-code {_QUOTA} --desired-value {CONCURRENCY}",
        ),
    )


def topic(arn: str, address: str, *, exists: bool) -> Step:
    """The topic of the alarms, and the one who reads them."""
    region, name = arn.split(":")[3], arn.rpartition(":")[2]
    make = () if exists else (f"aws sns create-topic --region {region} --name {name}",)
    subscribe = (
        f"aws sns subscribe --region {region} --topic-arn {arn} --protocol email --notification-endpoint {address}",
    )
    return Step(
        "Make the topic of the alarms" if not exists else "See that somebody reads the alarms",
        f"Then open the link in the mail that {address} gets; without that nobody is told."
        if address
        else "Subscribe somebody who reads it.",
        make + (subscribe if address else ()),
    )


def again(command: str) -> Step:
    """Another run, which finds what the steps before have made."""
    return Step(
        "Run mailroomctl init again",
        "It finds what you have made, writes samconfig.toml with it, and prints the DKIM records and the steps from "
        "here on.",
        (command,),
    )


def deploy() -> Step:
    """The stack."""
    return Step(
        "Deploy the stack",
        "It shows the changes, asks, takes about five minutes, and ends with the outputs. No mail flows yet.",
        ("sam build && sam deploy",),
    )


def deploy_again(attention_index: str | None, *, changes: bool) -> Step:
    """A stack that is there; ``attention_index`` as it has the parameter, which version 0.1 does not know.

    ``changes`` says that the file has other values than the stack: what is given on the command line goes before it.
    """
    of_both = ("sam build && sam deploy --parameter-overrides AttentionIndex=later",) if attention_index is None else ()
    if attention_index == "enabled":
        commands: tuple[str, ...] = ("sam build && sam deploy",)
    else:
        build = "" if of_both else "sam build && "
        commands = (*of_both, f"{build}sam deploy --parameter-overrides AttentionIndex=enabled")
        commands += ("sam deploy",) if changes else ()
    indexes = "" if len(commands) == 1 else "One after the other: DynamoDB makes one index of a table at a time. "
    return Step(
        "Deploy the stack again",
        f"Mail may come in meanwhile. Read CHANGELOG.md first. {indexes}What the last command finds, "
        "docs/operations.md explains under Upgrade.",
        (*commands, "mailroomctl directory check"),
    )


def mailboxes(domain: str, organisation: str) -> Step:
    """Who receives mail."""
    names = (
        (f"aws workmail list-users --organization-id {organisation} --query 'Users[?State==`ENABLED`].Email'",)
        if organisation
        else ()
    )
    return Step(
        "Say who receives mail",
        "Put your own name in the place of YOU. Every mail domain needs a postmaster. Mail for a domain without any "
        f"address is held; then that for an unknown address of {domain} is rejected."
        + (" The first command lists WorkMail's addresses." if names else ""),
        (
            *names,
            f"mailroomctl mailbox add YOU@{domain}",
            f"mailroomctl alias add postmaster@{domain} YOU@{domain}",
            f"mailroomctl explain postmaster@{domain}",
        ),
    )


def rule(rule_set: str, domains: Sequence[str], *, exists: bool, active: bool) -> Step:
    """The receipt rule, which is added by a second deployment, and its rule set."""
    make = () if exists else (f"aws ses create-receipt-rule-set --rule-set-name {rule_set}",)
    activate = () if active else (f"aws ses set-active-receipt-rule-set --rule-set-name {rule_set}",)
    return Step(
        "Activate the receipt rule",
        f"From here on SES takes mail for {', '.join(domains)}, as soon as the MX record leads to it. Mailroom's rule "
        "becomes the first of the set; the others still act.",
        (
            *make,
            f"sam deploy --parameter-overrides ReceiptRuleSetName={rule_set} MailDomains={','.join(domains)}",
            *activate,
        ),
    )


def unknown_rule(domains: Sequence[str]) -> Step:
    """The receipt rule where the active rule set could not be looked at."""
    return Step(
        "Activate the receipt rule",
        "The active rule set could not be looked at. Only one can be active, and Mailroom's rule goes into it. If the "
        "first command says None, make and activate one, with aws ses create-receipt-rule-set and "
        "set-active-receipt-rule-set, each with --rule-set-name.",
        (
            "RULE_SET=$(aws ses describe-active-receipt-rule-set --query Metadata.Name --output text); echo $RULE_SET",
            f"sam deploy --parameter-overrides ReceiptRuleSetName=$RULE_SET MailDomains={','.join(domains)}",
        ),
    )


def mx(domains: Sequence[str]) -> Step:
    """The record that brings the mail."""
    return Step(
        "Set the MX record",
        "Now, and not earlier: SES refuses mail for which it has no rule. Take other MX records of the domain away.",
        tuple(f"dig +short MX {one}" for one in domains),
    )


def first_message(domain: str) -> Step:
    """The proof."""
    return Step(
        "Send the first message",
        f"Write to YOU@{domain} from another mail account. The outcome has to be DELIVERED, with the file in the "
        "Maildir; docs/first-deployment.md lists what else to look at, in ten minutes.",
        ("mailroomctl status", f"mailroomctl trace --mailbox YOU@{domain}"),
    )
