"""EventBridge Pipes as ``status`` and ``pipe`` meet it."""

from typing import Any

from botocore.exceptions import ClientError

from tests.integration.command_line import Operator

ARN = "arn:aws:pipes:eu-central-1:123456789012:pipe/pipe"
SINCE = "2026-11-24T10:00:00Z"


class FakePipes:
    """EventBridge Pipes, which takes a look or two to stop and to start.

    ``ends`` are the states in which the calls end instead of where they lead; ``conflicts`` is how many are refused.
    """

    def __init__(self, at: Operator, current: str = "RUNNING", desired: str = "RUNNING", **tags: str) -> None:
        self.desired, self.current = desired, current
        self.tags = tags
        self.ends: list[str] = []
        self.conflicts = 0
        self.calls: list[str] = []
        self._next: list[str] = []
        at.replaced["pipes"] = self

    def describe_pipe(self, **request: str) -> dict[str, Any]:
        assert request == {"Name": "pipe"}
        if self._next:
            self.current = self._next.pop(0)
        reason = {"StateReason": "no right to receive"} if self.current.endswith("_FAILED") else {}
        return {"Arn": ARN, "DesiredState": self.desired, "CurrentState": self.current, "Tags": self.tags, **reason}

    def stop_pipe(self, **_: str) -> None:
        self._change("STOPPED", "STOPPING")

    def start_pipe(self, **_: str) -> None:
        self._change("RUNNING", "STARTING")

    def tag_resource(self, **request: Any) -> None:
        assert request["resourceArn"] == ARN
        self.calls.append("tag")
        self.tags |= request["tags"]

    def untag_resource(self, **request: Any) -> None:
        assert request["resourceArn"] == ARN
        self.calls.append("untag")
        for key in request["tagKeys"]:
            self.tags.pop(key, None)

    def comes(self, *states: str) -> None:
        """Say what the next looks find."""
        self._next = list(states)

    def _change(self, desired: str, between: str) -> None:
        self.calls.append(desired)
        if self.conflicts:
            self.conflicts -= 1
            raise ClientError({"Error": {"Code": "ConflictException", "Message": "in transition"}}, "StartPipe")
        self.desired = desired
        self._next = [between, self.ends.pop(0) if self.ends else desired]
