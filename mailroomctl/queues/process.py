"""Do something with each of the chosen messages of a queue, and say what was done, whatever ends it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import typer

from mailroomctl.command import INTERRUPTED, fail
from mailroomctl.console import Console
from mailroomctl.queues.in_flight import Message, MessagesInFlight
from mailroomctl.queues.messages import Waiting


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one message: ``result`` in a few words; ``left`` when it is still in the queue."""

    result: str
    left: bool = False


def process_each(
    console: Console,
    in_flight: MessagesInFlight,
    chosen: Sequence[Waiting],
    doing: str,
    do: Callable[[Waiting], Done],
    *,
    queue: str,
) -> None:
    """Call ``do`` for each message and show the results; exit code 1 when any is left, 130 when interrupted."""
    rows: list[dict[str, Any]] = []
    left = len(chosen)
    interrupted = False
    try:
        with console.progress(doing, len(chosen)) as progress:
            for one in chosen:
                in_flight.renew()
                done = do(one)
                left -= not done.left
                rows.append({"id": one.message.id, "message_id": one.message_id, "result": done.result})
                progress.advance()
    except KeyboardInterrupt:
        interrupted = True
    finally:
        show(
            console,
            ("id", "message_id", "result"),
            rows,
            empty=f"the {queue} is empty" if not chosen else "nothing was done",
        )
        if left:
            console.note(f"{len(chosen) - left} of {len(chosen)} done; {left} still in the {queue}")
    if interrupted:
        fail("interrupted", INTERRUPTED)
    if left:
        raise typer.Exit(1)


def read_all(
    console: Console, in_flight: MessagesInFlight, read: Callable[[Any], Waiting], queue: str
) -> list[Waiting]:
    """Receive and read everything that is in the queue."""
    messages = receive(console, in_flight, queue)
    waiting = []
    with console.progress(f"reading the {queue}", len(messages)) as progress:
        for message in messages:
            in_flight.renew()
            waiting.append(read(message))
            progress.advance()
    return waiting


def receive(console: Console, in_flight: MessagesInFlight, queue: str, most: int | None = None) -> list[Message]:
    """Receive everything that is in the queue, or at most so many, the oldest first; say what else there is."""
    with console.progress(f"receiving from the {queue}") as progress:
        messages = in_flight.receive(progress, most)
    visible, others = in_flight.left()
    if others:
        console.warn(f"{others} more in flight to another reader; they are visible again within 7 minutes")
    if most is not None and len(messages) >= most and (more := visible + max(0, len(messages) - most)):
        console.warn(f"about {more} more are in the {queue}: use --limit")
    return messages[:most]


def show(console: Console, columns: Sequence[str], rows: Sequence[dict[str, Any]], *, empty: str) -> None:
    """Show rows with an ``id``: programs get all of it, people what they need to type."""
    if not console.as_json:
        rows = [{**row, "id": row["id"][:8]} for row in rows]
    console.table(columns, rows, empty=empty)
