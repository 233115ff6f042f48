"""The operator, with the commands of ``mailroomctl``."""

import json
import time
from datetime import UTC, datetime
from typing import Any

from typer.testing import CliRunner

from mailroomctl.main import app
from mailroomctl.queues.pipe import OPERATOR
from tests.e2e.world import World

#: Seconds within which the breaker, if it was about to start the pipe, has taken that back.
SETTLED = 5.0


class Operator:
    """Somebody at a command line."""

    def __init__(self, world: World) -> None:
        """Commands reach this world."""
        self._world = world
        settings = world.settings
        there = ["--endpoint-url", settings.endpoint, "--stack-name", settings.stack_name, "--region", settings.region]
        self._there = [*there, "--json"]

    def calls(self, *arguments: str, code: int = 0) -> Any:
        """Run a command, which must end with this exit code; returns what it prints."""
        state = str(self._world.settings.state)
        result = CliRunner().invoke(app, [*arguments, *self._there], env={"AWS_PROFILE": None, "XDG_STATE_HOME": state})
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def sees_the_pipe_run(self) -> bool:
        """Whether the pipe is to run."""
        return bool(self._pipe()["DesiredState"] == "RUNNING")

    def stops_the_pipe(self) -> None:
        """What ``mailroomctl pipe stop`` leaves; the command would wait until nothing is delivered any more."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        pipes = self._world.client("pipes")
        pipes.tag_resource(resourceArn=self._pipe()["Arn"], tags={OPERATOR: now})
        pipes.stop_pipe(Name=self._world.outputs["PipeName"])

    def starts_the_pipe(self) -> list[str]:
        """Start it again; returns what is wrong when somebody has started it meanwhile."""
        deadline = time.monotonic() + SETTLED
        while self._pipe()["DesiredState"] != "STOPPED" and time.monotonic() < deadline:
            time.sleep(0.05)
        pipe = self._pipe()
        self.calls("pipe", "start")
        if pipe["DesiredState"] == "STOPPED" and OPERATOR in (pipe.get("Tags") or {}):
            return []
        return [f"the pipe that an operator has stopped is {pipe['DesiredState']} with {pipe.get('Tags')}"]

    def _pipe(self) -> dict[str, Any]:
        return dict(self._world.client("pipes").describe_pipe(Name=self._world.outputs["PipeName"]))
