"""Run the workflow again with the event of a message that waits for an operator."""

from mailroomctl.deliveries import execution
from mailroomctl.interrupts import finishing
from mailroomctl.queues.in_flight import MessagesInFlight
from mailroomctl.queues.messages import Waiting
from mailroomctl.queues.process import Done
from mailroomctl.stack import Stack


def run_again(stack: Stack, in_flight: MessagesInFlight, one: Waiting) -> Done:
    """Run it; the message leaves its queue only when the run has ended well, or has parked the event again."""
    if one.event is None:
        return Done("not replayed: there is no event in it; show it, then delete it", left=True)
    run = execution.run(stack, one.event)
    if run.end == execution.FAILED:
        return Done(f"not done, stays where it is: {run.text}", left=True)
    with finishing():
        # What the run has parked again has taken this message's place.
        in_flight.delete(one.message)
    if run.end == execution.PARKED:
        new = f" as {run.parked[:8]}" if run.parked else ""
        return Done(f"parked again{new}: {run.text}", left=True)
    return Done(f"{run.end.lower()}: {run.text}".removesuffix(": "))
