"""``mailroomctl explain``: every step from an address to its mailboxes, or why it has none.

Runs the very code that the function runs, on the same table and by the stack's rules, so it cannot be wrong about them;
it has no cache, so it may know of a change before the functions do.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from mailroom.resolve.entries import Forward, Mailbox
from mailroom.resolve.expansion import expand
from mailroom.resolve.look_up import LookUp
from mailroom.resolve.mailboxes import resolve_mailboxes
from mailroom.resolve.policy import findings
from mailroom.resolve.resolution import PlannedDelivery, Request, Resolution, Undelivered

from mailroomctl.addresses import normalised
from mailroomctl.console import Console
from mailroomctl.directory.overlay import table_with
from mailroomctl.directory.stack_rules import stack_rules
from mailroomctl.directory.table import DirectoryTable
from mailroomctl.options.verdict import VerdictOption, parse_verdicts
from mailroomctl.stack import Stack
from mailroomctl.verdicts import DMARC_POLICY

if TYPE_CHECKING:
    from rich.tree import Tree

_MOST_BRANCHES = 1000  # of the tree; nobody reads more


def explain(
    stack: Stack,
    console: Console,
    address: Annotated[str, typer.Argument(help="Such as bob+lists@example.com.", show_default=False)],
    verdict: VerdictOption = None,
) -> None:
    """Show every step from an address to the mailboxes and folders its mail goes to, or why it is rejected or held."""
    verdicts = parse_verdicts(verdict)
    message = {"dmarc_policy": verdicts.pop(DMARC_POLICY, None), "verdicts": verdicts}
    text = normalised(address)
    rules = stack_rules(stack)
    entries = table_with(stack, DirectoryTable(stack))
    found = expand([text], entries, rules.fan_out_limit)
    resolution = resolve_mailboxes(Request((address,), tuple(findings(message))), entries, rules)
    look_ups = [_look_up(one) for one in found.values()]
    data = {
        "address": text,
        "look_ups": look_ups,
        "deliveries": _shown(one.to_state() for one in resolution.deliveries),
        "undelivered": _shown(one.to_state() for one in resolution.undelivered),
        "problems": _shown(one.to_problem() for one in resolution.problems),
    }
    console.tree(_tree(text, found, resolution), data)


def _look_up(found: LookUp) -> dict[str, Any]:
    return {
        "address": found.address,
        "steps": list(found.steps),
        "tag": found.tag,
        "leads_to": list(found.entry.targets) if isinstance(found.entry, Forward) else [],
        "mailbox": found.entry.address if isinstance(found.entry, Mailbox) else None,
        "problem": f"{found.problem.code} {found.problem.reason}" if found.problem else None,
    }


def _shown(answers: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the function answers, without the findings in DynamoDB's form: the verdict and the reason name them too."""
    return [{name: value for name, value in one.items() if name != "findings"} for one in answers]


def _tree(start: str, found: Mapping[str, LookUp], resolution: Resolution) -> "Tree":
    """Draw the look-ups; an address met again is not drawn again."""
    from rich.tree import Tree

    deliveries = {delivery.address: delivery for delivery in resolution.deliveries}
    root = Tree(start)
    drawn: set[str] = set()
    pending = [(start, root)]
    while pending:
        text, branch = pending.pop()
        if text in drawn:
            branch.add("(see above)")
            continue
        drawn.add(text)
        if len(drawn) > _MOST_BRANCHES:
            branch.add("… and more; --json shows all")
            break
        look_up = found[text]
        for step in look_up.steps:
            branch.add(step)
        if look_up.problem:
            branch.add(f"✗ {look_up.problem.code} {look_up.problem.reason}")
        elif isinstance(look_up.entry, Mailbox):
            branch.add(_outcome(look_up.entry.address, deliveries.get(look_up.entry.address)))
        elif look_up.entry:
            onward = [(target, branch.add(f"→ {target}")) for target in look_up.entry.targets]
            pending.extend(reversed(onward))
    summary = root.add("outcome")
    for delivery in resolution.deliveries:
        summary.add(_outcome(delivery.address, delivery))
    for one in resolution.undelivered:
        summary.add(_refusal(one))
    for one in resolution.problems:
        summary.add(f"but: {one.code} {one.reason}")
    return root


def _refusal(one: Undelivered) -> str:
    if one.status == "HELD":
        return f"⏸ HELD, the entry {one.entry} is at fault: {one.code} {one.reason}"
    return f"✗ REJECTED: {one.code} {one.reason}"


def _outcome(mailbox: str, delivery: PlannedDelivery | None) -> str:
    if delivery is None:
        return f"✗ {mailbox}: no copy, see the outcome"
    why = f" ({delivery.verdict})" if delivery.verdict else ""
    if delivery.action == "quarantine":
        return f"⏸ {mailbox}: quarantine{why}"
    folder = f"{delivery.folder} if there is one, else INBOX" if delivery.optional_folder else delivery.folder
    return f"✓ {mailbox}: {delivery.path}, folder {folder}{why}"
