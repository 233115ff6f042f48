"""Which messages in quarantine a command is about: ids, filters, or all."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Annotated, Any

import typer

from mailroomctl.console import Console
from mailroomctl.deliveries.ids import full_id
from mailroomctl.deliveries.indexes import Period
from mailroomctl.deliveries.quarantine import quarantined_records
from mailroomctl.deliveries.quarantined import all_quarantined
from mailroomctl.deliveries.search import from_sender
from mailroomctl.deliveries.table import DeliveriesTable, Record
from mailroomctl.directory.models import checked_address
from mailroomctl.directory.records_names import name_of
from mailroomctl.directory.table import DirectoryTable
from mailroomctl.errors import CommandError
from mailroomctl.options.period import Since, Until
from mailroomctl.options.sharing import Options, with_options
from mailroomctl.stack import Stack
from mailroomctl.times import iso

_CHOICE: Options = {
    "message_ids": (
        Annotated[
            list[str] | None,
            typer.Argument(metavar="MESSAGE-ID", help="As in the list, or their beginnings.", show_default=False),
        ],
        None,
    ),
    "mailbox": (
        Annotated[
            list[str] | None,
            typer.Option("--mailbox", help="Only for this mailbox; repeatable. Else for all.", show_default=False),
        ],
        None,
    ),
    "sender": (
        Annotated[
            str | None,
            typer.Option("--from", help="Only of this envelope sender, or of this domain.", show_default=False),
        ],
        None,
    ),
    "since": (Since, None),
    "until": (Until, None),
    "everything": (Annotated[bool, typer.Option("--all", help="Everything that is in quarantine.")], False),
    "dry_run": (Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")], False),
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """The records of each message that is meant, the oldest first; ``named`` when somebody has given their ids."""

    messages: list[list[Record]]
    named: bool


def choosing(would_be: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Turn a function's parameter ``chosen`` into ids, filters, --all and --dry-run, which it does not see."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        def call(given: dict[str, Any], values: dict[str, Any]) -> None:
            dry_run, named = given.pop("dry_run"), bool(given["message_ids"])
            chosen = Chosen(_chosen(values["stack"], **given), named)
            if dry_run:
                _plan(values["console"], chosen.messages, would_be)
            else:
                function(chosen=chosen, **values)

        return with_options(function, _CHOICE, call, instead_of=("chosen",), first=True)

    return decorate


def quarantine_row(record: Record) -> dict[str, Any]:
    """Return what lists show of a record."""
    names = ("message_id", "mailbox", "source", "received_at", "recipients", "verdict", "status", "reason")
    return {name: record.get(name) for name in names}


def _chosen(
    stack: Stack,
    message_ids: list[str] | None,
    mailbox: list[str] | None,
    sender: str | None,
    since: datetime | None,
    until: datetime | None,
    everything: bool,
) -> list[list[Record]]:
    """The records of each message that is meant, the oldest first. Raises ``CommandError`` when there is none."""
    table, period = DeliveriesTable(stack), Period(since, until)
    filtered = bool(sender or period.since or period.until)
    if message_ids:
        if filtered or everything:
            raise CommandError("give either MESSAGE-IDs, or filters, or --all.")
        whole = dict.fromkeys(whole_id(stack, table, one) for one in message_ids)
        return [held_back(stack, table, message_id, mailbox) for message_id in whole]
    if everything == (filtered or bool(mailbox)):
        raise CommandError("say which messages: MESSAGE-IDs as in the list, filters such as --from, or --all alone.")
    period.check()
    wanted = _names(stack, mailbox or ())
    sent_by = from_sender(sender)
    messages: dict[str, list[Record]] = {}
    for one in sorted(all_quarantined(stack, table), key=itemgetter("received_at", "message_id", "mailbox")):
        lately = not period.since or one["received_at"] >= iso(period.since)
        if (
            lately
            and one["received_at"] <= iso(period.latest)
            and sent_by(one)
            and (not wanted or one["mailbox"] in wanted)
        ):
            messages.setdefault(one["message_id"], []).append(one)
    if not messages:
        raise CommandError("nothing in quarantine matches; mailroomctl quarantine list shows what is there.")
    return list(messages.values())


def whole_id(stack: Stack, table: DeliveriesTable, text: str) -> str:
    """Return the message id that ``text`` is, or is the beginning of."""
    return text if quarantined_records(table, text) else full_id(stack, text, quarantine=True)


def _names(stack: Stack, mailboxes: Iterable[str]) -> set[str]:
    """The names under which the records of mailboxes stand."""
    return {name_of(DirectoryTable(stack), checked_address(mailbox)) for mailbox in mailboxes}


def held_back(stack: Stack, table: DeliveriesTable, message_id: str, mailboxes: list[str] | None) -> list[Record]:
    """Return the records of a message, of all mailboxes or of some. Raises ``CommandError`` where there are none."""
    records = quarantined_records(table, message_id)
    if not records:
        raise CommandError(f"{message_id} is not in quarantine; mailroomctl quarantine list shows what is.")
    if not mailboxes:
        return records
    wanted = _names(stack, mailboxes)
    if absent := wanted - {record["mailbox"] for record in records}:
        raise CommandError(f"{message_id} is not in quarantine for {', '.join(sorted(absent))}.")
    return [record for record in records if record["mailbox"] in wanted]


def _plan(console: Console, chosen: list[list[Record]], what: str) -> None:
    rows = [quarantine_row(record) | {"result": what} for records in chosen for record in records]
    console.table(("message_id", "mailbox", "source", "received_at", "verdict", "result"), rows, empty="")
