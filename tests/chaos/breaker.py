"""The storage breaker, left on: started as its alarms would, watched until it lets go of the pipe.

The embedded AWS evaluates no metric math, so the test sets the alarm and sends what EventBridge makes of it.
"""

import json
import time
from collections import Counter
from typing import Any

from mailroomctl.queues.pipe import BREAKER
from tests.e2e.world import World

#: The two alarms that start it, by their names in the template, and how likely either is to ring for a storage fault.
ALARMS = {"StorageAlarm": 0.3, "MailboxStorageAlarm": 0.2}
#: Seconds until it has found out that the storage works: it waits at most as long again as the fault lasted.
PATIENCE = 60.0
#: States in which it has nothing to do with the pipe any more, and those in which it has given up.
DONE, FAILED = {"Watch", "StorageWorks", "NotOurs"}, {"BreakerFailed", "StorageStillDown"}


class Breaker:
    """Its executions."""

    def __init__(self, world: World) -> None:
        """None has begun."""
        self._world = world
        self._states, self._alarms = world.client("stepfunctions"), world.client("cloudwatch")
        self._machine = world.physical_id("StorageBreaker")
        self._names = {alarm: world.physical_id(alarm) for alarm in ALARMS}
        self._executions: list[str] = []

    def ring(self, alarm: str) -> None:
        """An alarm goes to ALARM, and the rule on it starts the workflow."""
        name = self._names[alarm]
        self._set(name, "ALARM")
        [found] = self._alarms.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        event = {
            "source": "aws.cloudwatch",
            "detail-type": "CloudWatch Alarm State Change",
            "resources": [found["AlarmArn"]],
            "detail": {"alarmName": name, "state": {"value": "ALARM"}, "previousState": {"value": "OK"}},
        }
        started = self._states.start_execution(stateMachineArn=self._machine, input=json.dumps(event))
        self._executions.append(started["executionArn"])

    def fall_silent(self) -> None:
        """Deliveries work, or there are none: no alarm rings."""
        for name in self._names.values():
            self._set(name, "OK")

    def let_go(self) -> list[str]:
        """Wait until none of its executions has the pipe in hand: what is left only watches, for a quarter of an hour.

        Returns what is wrong: executions that do not come so far, and a pipe that nobody has a reason to keep stopped.
        """
        deadline = time.monotonic() + PATIENCE
        while (busy := [self._state(arn) for arn in self._executions]) and set(busy) - DONE:
            if set(busy) & FAILED or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        wrong = [f"the breaker is in {state}" for state in busy if state not in DONE]
        pipe = self._world.client("pipes").describe_pipe(Name=self._world.outputs["PipeName"])
        state, tags = pipe["DesiredState"], pipe.get("Tags") or {}
        if state != "RUNNING":
            wrong.append(f"the pipe is {state} with {tags}")
        if BREAKER in tags:
            wrong.append(f"the breaker has left its mark {tags[BREAKER]}")
        return wrong

    def ends(self) -> Counter[str]:
        """In which states its executions are; those that still watch are ended."""
        found: Counter[str] = Counter()
        for arn in self._executions:
            found[self._state(arn)] += 1
            if self._states.describe_execution(executionArn=arn)["status"] == "RUNNING":
                self._states.stop_execution(executionArn=arn)
        return found

    def _set(self, name: str, state: str) -> None:
        self._alarms.set_alarm_state(AlarmName=name, StateValue=state, StateReason="chaos")

    def _state(self, arn: str) -> str:
        """The state that an execution has entered last."""
        events: list[dict[str, Any]] = self._states.get_execution_history(executionArn=arn, reverseOrder=True)["events"]
        entered = [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]
        return entered[0] if entered else ""
