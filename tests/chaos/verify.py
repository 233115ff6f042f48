"""What must be at the end: one copy, byte for byte, and one outcome for each recipient; nothing else anywhere."""

import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mailroom.statuses import Status

from tests.chaos.operator import Operator
from tests.chaos.outages import DYNAMODB, Switch
from tests.chaos.plan import AT_FAULT, Expected, Mail, Plan
from tests.e2e.world import World

_OURS = re.compile(
    rb"Delivered-To: (?P<mailbox>[^\r\n]+)(?P<end>\r?\n)(?P<recipients>(?:X-Original-To: [^\r\n]+(?P=end))+)"
)
_MARK = re.compile(rb"^X-Chaos: (\d+-\d+)\r?$", re.MULTILINE)


def verify(world: World, plan: Plan, ids: dict[int, str], *, repaired: bool) -> list[str]:
    """Return everything that is wrong; ``ids`` are the SES message ids by mail number."""
    found, wrong = _copies(world.mail_root)
    for mail in plan.mails:
        stored = world.raw_mail(ids[mail.number])
        expected = plan.expected(mail, repaired=repaired)
        mark = f"{plan.seed}-{mail.number}"
        for mailbox, recipients in {} if mail.virus else expected.copies.items():
            here = found.pop((mark, mailbox), [])
            if len(here) != 1:
                wrong.append(f"mail {mail.number}: {len(here)} copies in {mailbox}")
            for path in here:
                wrong += _of(mail, _differs(path, mailbox, recipients, stored))
        wrong += _of(mail, _records(world, ids[mail.number], expected, virus=mail.virus))
        if mail.virus and expected.copies and world.raw_mail(ids[mail.number], "quarantine/") != stored:
            wrong.append(f"mail {mail.number}: another message is in quarantine")
    wrong += [f"not expected in {mailbox}: {path}" for (_, mailbox), paths in found.items() for path in paths]
    depths = {queue: world.depth(queue) for queue in ("Inbound", "DeadLetter", "Parked")}
    wrong += [f"the queue {queue} holds {depth}" for queue, depth in depths.items() if depth != (0, 0)]
    return wrong


def verify_audit(operator: Operator, plan: Plan, mail_root: Path, *, repaired: bool) -> list[str]:
    """Return what is wrong with what ``mailroomctl audit`` finds: all that is held, nothing once it is repaired."""
    held = sum(len(plan.expected(mail, repaired=repaired).held) for mail in plan.mails)
    options = ("audit", "--until", "2100-01-01", "--mail-root", str(mail_root))
    answer = operator.calls(*options, code=1 if held else 0)
    found = {row["finding"]: row["count"] for row in answer["findings"]}
    expected = {"held": held} if held else {}
    wrong = [] if found == expected else [f"the audit found {found}, not {expected}"]
    if answer["objects"] != len(plan.mails):
        wrong.append(f"the audit has read {answer['objects']} objects of {len(plan.mails)}")
    return wrong


def verify_notices(world: World, plan: Plan, switch: Switch) -> list[str]:
    """Return what is wrong with what tells an operator of held mail: once per entry and day, not per message.

    Where DynamoDB did not say whether it has taken the notice, the metric is counted all the same: rather twice.
    """
    pages = world.client("dynamodb").get_paginator("scan").paginate(TableName=world.outputs["DeliveriesTableName"])
    ids = [(item["message_id"]["S"], item["mailbox"]["S"]) for page in pages for item in page["Items"]]
    notices = [(name.removeprefix("(held) "), day) for name, day in ids if name.startswith("(held) ")]
    wrong = [f"no notice of {entry}" for entry in plan.held().keys() - {entry for entry, _ in notices}]
    wrong += [f"a notice of {entry}" for entry, _ in notices if entry not in plan.held()]
    unknown = switch.failed("(held) ")[DYNAMODB]
    counted = _counted(world, "EntriesHeld")
    if not len(notices) <= counted <= len(notices) + unknown:
        wrong.append(f"EntriesHeld is {counted:g} with {len(notices)} notices and {unknown} failures to make one")
    return wrong


def _counted(world: World, metric: str) -> float:
    now = datetime.now(UTC)
    points = world.client("cloudwatch").get_metric_statistics(
        Namespace="Mailroom",
        MetricName=metric,
        StartTime=now - timedelta(hours=2),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in points))


def _of(mail: Mail, wrong: list[str]) -> list[str]:
    return [f"mail {mail.number}: {text}" for text in wrong]


def _copies(mail_root: Path) -> tuple[dict[tuple[str, str], list[Path]], list[str]]:
    """All messages in any folder of any mailbox, by the mark in them and their mailbox; and files that are none.

    What a killed process leaves in ``tmp/`` is no message: nobody sees it, and Dovecot removes it.
    """
    found: dict[tuple[str, str], list[Path]] = defaultdict(list)
    wrong = []
    for path in mail_root.rglob("*"):
        if not path.is_file() or path.parent.name == "tmp":
            continue
        domain, local_part, *_ = path.relative_to(mail_root).parts
        mark = _MARK.search(path.read_bytes())
        if not mark or path.parent.name != "new":
            wrong.append(f"not a mail: {path}")
        else:
            found[mark[1].decode(), f"{local_part}@{domain}"].append(path)
    return found, wrong


def _differs(path: Path, mailbox: str, recipients: set[str], stored: bytes) -> list[str]:
    content = path.read_bytes()
    ours = _OURS.match(content)
    if not ours or ours["mailbox"].decode() != mailbox:
        return [f"{path} does not begin with its Delivered-To"]
    wrong = []
    named = {line.removeprefix("X-Original-To: ") for line in ours["recipients"].decode().splitlines()}
    if stored.partition(b"\n")[0].endswith(b"\r") != (ours["end"] == b"\r\n"):
        wrong.append(f"{path} has two kinds of line ends")
    if not named <= recipients:
        wrong.append(f"{path} names {named - recipients}")
    if content[ours.end() :] != stored:
        wrong.append(f"{path} is not byte for byte what SES stored")
    if f",S={len(content)}," not in path.name:
        wrong.append(f"{path} has another size than its name says, {len(content)}")
    return wrong


def _records(world: World, message_id: str, expected: Expected, *, virus: bool) -> list[str]:
    records = {record["mailbox"]: record for record in world.records(message_id)}
    statuses = dict.fromkeys(expected.copies, Status.QUARANTINED if virus else Status.DELIVERED)
    statuses |= dict.fromkeys(expected.rejected, Status.REJECTED)
    statuses |= dict.fromkeys(expected.held, Status.HELD) | dict.fromkeys(expected.replayed, Status.REPLAYED)
    wrong = []
    if records.keys() != statuses.keys():
        wrong.append(f"outcomes for {sorted(records)}, not for {sorted(statuses)}")
    for name in records.keys() & statuses.keys():
        wrong += _record(world, records[name], statuses[name], expected.copies.get(name, {name}))
    return wrong


def _record(world: World, record: dict[str, Any], status: Status, recipients: set[str]) -> list[str]:
    mailbox, wrong = record["mailbox"], []
    if record["status"] != status:
        wrong.append(f"{mailbox} is {record['status']} {record.get('error') or ''}, not {status}")
    if set(record["recipients"]) != recipients:
        wrong.append(f"the outcome of {mailbox} names {sorted(record['recipients'])}, not {sorted(recipients)}")
    if status == Status.HELD and record.get("entry") != AT_FAULT[mailbox]:
        wrong.append(f"{mailbox} is held by {record.get('entry')}, not {AT_FAULT[mailbox]}")
    if (status in (Status.HELD, Status.REJECTED, Status.QUARANTINED)) != ("attention" in record):
        wrong.append(f"{mailbox} is {status}, and attention is {record.get('attention')}")
    if status == Status.DELIVERED:
        path = world.mail_root / str(record.get("path")) / "new" / str(record.get("file_name"))
        if not path.is_file():
            wrong.append(f"the file on record of {mailbox} is not there: {path}")
    return wrong
