"""ResolveMailboxes without its handler."""

from typing import Any

from mailroom.resolve.expansion import LookUps
from mailroom.resolve.mailboxes import Rules, as_on_record, resolve_mailboxes
from mailroom.resolve.resolution import Request


def resolve_step(state: dict[str, Any], lookups: LookUps, rules: Rules) -> dict[str, Any]:
    """What the function makes of a state."""
    envelope = as_on_record(state.get("recipients") or ())
    return {**state, "recipients": envelope, **resolve_mailboxes(Request.from_state(state), lookups, rules).to_state()}
