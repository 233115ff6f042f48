"""Does mail come to SES, and from there to the stack? MX records, the region, and the rules of the active rule set."""

from collections.abc import Iterator

from mailroomctl.doctor import mx_records
from mailroomctl.doctor.findings import Finding, failure, not_applicable, passed, warning
from mailroomctl.doctor.patient import Patient
from mailroomctl.setup.receiving import Rule

_EMBEDDED = "the embedded AWS has an SMTP server in the place of SES's receiving"


def mx(patient: Patient) -> Iterator[Finding]:
    """Whether mail for the domains is sent to SES."""
    if patient.embedded:
        yield not_applicable(_EMBEDDED)
        return
    domains = _domains(patient)
    if not domains:
        yield warning(
            "no domain is known: neither the rule nor the directory names one",
            "no mail can be meant for this stack yet",
            "mailroomctl domain add example.com",
        )
    for domain in domains:
        yield _mx_of(domain, f"inbound-smtp.{patient.region}.amazonaws.com")


def region(patient: Patient) -> Iterator[Finding]:
    """Whether SES receives mail in the stack's region."""
    if patient.embedded:
        yield not_applicable(_EMBEDDED)
    elif patient.receiving.possible:
        yield passed(f"SES receives mail in {patient.region}")
    else:
        where = ", ".join(patient.receiving.elsewhere) or "in no region that these credentials reach"
        yield failure(
            f"SES does not receive mail in {patient.region}, but in {where}",
            "no mail can reach this stack: it has to be deployed in another region",
            "mailroomctl init --region REGION",
        )


def rule_set(patient: Patient) -> Iterator[Finding]:
    """Whether a rule set is active, with a rule that hands mail to the stack."""
    if (skipped := _without_rules(patient)) is not None:
        yield skipped
        return
    found, wanted = patient.receiving, patient.parameter("ReceiptRuleSetName")
    lost = "SES refuses the mail, or other rules take it"
    if not found.active:
        yield failure(
            "no rule set is active", "SES refuses all mail", _activate(wanted or next(iter(found.rule_sets), "NAME"))
        )
    elif not patient.rules:
        other = f"; Mailroom's rule is in {wanted}" if wanted and wanted != found.active else ""
        yield failure(
            f"no rule of the active rule set {found.active} stores mail in the bucket {patient.bucket}{other}",
            lost,
            f"sam deploy --parameter-overrides ReceiptRuleSetName={found.active}"
            f" MailDomains={patient.parameter('MailDomains') or 'example.com'}",
            *([f"{_activate(wanted)}   # or this: it switches the rules of {found.active} off"] if other else []),
        )
    else:
        problems = [one for rule in patient.rules for one in _rule(patient, rule)]
        yield from problems or [passed(f"{found.active}: {', '.join(rule.name for rule in patient.rules)}")]


def order(patient: Patient) -> Iterator[Finding]:
    """Whether another rule, or another action, ends the evaluation before mail reaches the stack."""
    if (skipped := _without_rules(patient)) is not None:
        yield skipped
        return
    rules = patient.receiving.rules
    ours = patient.rules
    problems: list[Finding] = []
    for rule in ours:
        if "Stop" in rule.actions[: rule.actions.index("S3")]:
            mend = _mend(patient, rule, ".Actions |= map(select(.StopAction | not))")
            problems.append(failure(f"the rule {rule.name} stops before it stores mail", "no mail is stored", *mend))
        for other in rules[: rules.index(rule)]:
            problems += _before(patient, other, rule)
    if not ours:
        yield not_applicable("no active rule hands mail to the stack: see the active rule set")
    else:
        place = rules.index(ours[0]) + 1
        yield from problems or [passed(f"{ours[0].name} is rule {place} of {len(rules)}, and none before it stops it")]


def domains(patient: Patient) -> Iterator[Finding]:
    """Whether the rule takes the domains that the directory knows, and no others."""
    if (skipped := _without_rules(patient)) is not None:
        yield skipped
        return
    known = _known(patient)
    if not patient.rules:
        yield not_applicable("no active rule hands mail to the stack: see the active rule set")
        return
    if any(not rule.recipients for rule in patient.rules):
        yield passed(f"the rule takes every verified domain; the directory knows {', '.join(known) or 'none'}")
        return
    taken = sorted({one.lower().rpartition("@")[2] for rule in patient.rules for one in rule.recipients})
    problems = [
        failure(
            f"the rule takes {one}, which the directory does not know",
            "mail to its unknown addresses is held, not rejected, and somebody has to look after it",
            f"mailroomctl domain add {one.removeprefix('.')}",
        )
        for one in taken
        if not any(one == domain or (one.startswith(".") and domain.endswith(one)) for domain in known)
    ]
    missing = [one for one in known if not any(rule.takes(one) for rule in patient.rules)]
    if missing:
        both = ",".join(dict.fromkeys([*patient.listed("MailDomains"), *missing]))
        problems.append(
            warning(
                f"the directory knows {', '.join(missing)}, which the rule does not take",
                "no mail for it comes through this rule",
                f"sam deploy --parameter-overrides MailDomains={both}",
            )
        )
    yield from problems or [passed(f"the rule and the directory agree: {', '.join(taken)}")]


def encryption(patient: Patient) -> Iterator[Finding]:
    """Whether the rule encrypts mail on the client side, which nothing here can read."""
    if (skipped := _without_rules(patient)) is not None:
        yield skipped
        return
    for rule in patient.rules:
        if any(one.key for one in rule.stores):
            yield failure(
                f"the rule {rule.name} has a KMS key",
                "SES encrypts on the client side: such mail is held as MessageUnreadable. The bucket's own encryption "
                "needs nothing in the rule",
                *_mend(patient, rule, "del(.Actions[].S3Action.KmsKeyArn)"),
            )
            return
    yield passed("no rule of ours encrypts mail on the client side")


def _without_rules(patient: Patient) -> Finding | None:
    """What to say where there are no rules to look at."""
    if patient.embedded:
        return not_applicable(_EMBEDDED)
    if not patient.receiving.possible:
        return not_applicable("SES does not receive mail here")
    return None


def _domains(patient: Patient) -> list[str]:
    """The domains whose mail is meant for the stack: those of the rule, else those of the directory."""
    named = [one for rule in patient.rules for one in rule.recipients] or patient.listed("MailDomains")
    found = [one.lower().rpartition("@")[2].removeprefix(".") for one in named] or _known(patient)
    return list(dict.fromkeys(found))


def _known(patient: Patient) -> list[str]:
    return sorted(one["address"].removeprefix("@") for one in patient.directory if one["address"].startswith("@"))


def _mx_of(domain: str, wanted: str) -> Finding:
    record = f"add to the DNS of {domain}: {domain}. MX 10 {wanted}."
    look = f"dig +short MX {domain}"
    try:
        found = mx_records.look_up(domain)
    except mx_records.LookUpError as error:
        return warning(f"the MX records of {domain} could not be looked up: {error}", "the DNS did not answer", look)
    hosts = [host for _, host in found]
    listed = ", ".join(f"{preference} {host}" for preference, host in found) or "none"
    if wanted not in hosts:
        means = f"mail for {domain} goes elsewhere" if found else f"nobody can send mail to {domain}"
        return failure(f"the MX records of {domain} do not name {wanted}: {listed}", means, f"# {record}", look)
    if hosts != [wanted]:
        means = "mail goes there first, or when SES is slow, and then it does not come here"
        return warning(f"{domain} has other MX records too: {listed}", means, "# take the others away", look)
    return passed(f"{domain}: {wanted}")


def _rule(patient: Patient, rule: Rule) -> Iterator[Finding]:
    """What is wrong with one of our rules."""
    [store] = [one for one in rule.stores if one.bucket == patient.bucket][:1]
    if not rule.enabled:
        yield failure(f"the rule {rule.name} is disabled", "it takes no mail", *_mend(patient, rule, ".Enabled = true"))
    if store.topic != patient.topic:
        other = store.topic or "nobody"
        yield failure(
            f"the rule {rule.name} tells {other} of mail that it stores, not the stack's topic",
            "mail is stored and not delivered",
            *_mend(
                patient, rule, f'.Actions |= map(if .S3Action then .S3Action.TopicArn = "{patient.topic}" else . end)'
            ),
        )
    prefix = patient.parameter("MailKeyPrefix")
    if prefix and store.prefix != prefix:
        yield failure(
            f"the rule {rule.name} stores mail under {store.prefix or 'no prefix'}, the stack reads it under {prefix}",
            "every notification is parked as ForbiddenObject",
            *_mend(
                patient, rule, f'.Actions |= map(if .S3Action then .S3Action.ObjectKeyPrefix = "{prefix}" else . end)'
            ),
        )
    if not rule.scans:
        yield warning(
            f"the rule {rule.name} does not scan for spam and viruses",
            "every verdict is missing, and the verdict policies do what they do with DISABLED",
            *_mend(patient, rule, ".ScanEnabled = true"),
        )


def _before(patient: Patient, other: Rule, ours: Rule) -> Iterator[Finding]:
    """What a rule in front of ours does to mail that ours takes."""
    domains = [one.lower().rpartition("@")[2].removeprefix(".") for one in ours.recipients or other.recipients]
    if not other.enabled or (domains and not any(map(other.takes, domains))):
        return
    mend = f"aws ses set-receipt-rule-position --rule-set-name {patient.receiving.active} --rule-name {ours.name}"
    # For single addresses it is most likely meant.
    judge = warning if other.recipients and all("@" in one for one in other.recipients) else failure
    what = f"the rule {other.name} comes first, takes mail for {', '.join(other.recipients) or 'every domain'}"
    if "Stop" in other.actions:
        yield judge(f"{what}, and stops the rule set", "that mail never reaches Mailroom", mend)
    elif "Bounce" in other.actions:
        yield judge(
            f"{what}, and bounces it",
            "senders are told that nobody took what Mailroom delivers",
            f"aws ses delete-receipt-rule --rule-set-name {patient.receiving.active} --rule-name {other.name}",
        )
    elif "Lambda" in other.actions:
        yield warning(
            f"{what}, and asks a function, which may stop the rule set",
            "mail that it stops never reaches Mailroom",
            mend,
        )


def _mend(patient: Patient, rule: Rule, change: str) -> tuple[str, str]:
    """Commands that change a rule; CloudFormation does not see what was changed past it."""
    name = patient.receiving.active
    return (
        f"aws ses describe-receipt-rule --rule-set-name {name} --rule-name {rule.name} --query Rule"
        f" | jq '{change}' >rule.json",
        f"aws ses update-receipt-rule --rule-set-name {name} --rule file://rule.json",
    )


def _activate(name: str) -> str:
    return f"aws ses set-active-receipt-rule-set --rule-set-name {name}"
