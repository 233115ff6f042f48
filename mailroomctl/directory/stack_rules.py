"""What the deployed stack decides for all mailboxes, read from its parameters."""

from mailroom.resolve.mailboxes import Rules
from mailroom.resolve.policy import DEFAULT_POLICY

from mailroomctl.stack import Stack


def stack_rules(stack: Stack) -> Rules:
    """Return the rules by which the stack's functions resolve recipients."""
    policy = {name: stack.parameter(_parameter(name), default) for name, default in DEFAULT_POLICY.items()}
    built_in = Rules()
    return Rules(
        path_template=stack.parameter("MailboxPathTemplate", built_in.path_template),
        fan_out_limit=int(stack.parameter("FanOutLimit", str(built_in.fan_out_limit))),
        policy=policy,
    )


def _parameter(policy: str) -> str:
    """``spam_fail`` is the parameter ``SpamFailPolicy``, ``junk_folder`` is ``JunkFolder``."""
    name = policy.title().replace("_", "")
    return name if policy == "junk_folder" else f"{name}Policy"
