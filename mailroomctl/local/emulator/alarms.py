"""Lets an alarm on metric math be deployed.

ministack 1.5 refuses ``Metrics`` in an ``AWS::CloudWatch::Alarm``. Here such an alarm is kept under its name with a
metric that nobody measures: it is never evaluated, and its state is what ``set-alarm-state`` says.

Delete this module when ministack takes such alarms: the stack can then be deployed without it.
"""

from collections.abc import Callable
from typing import Any

type Record = Callable[[str, dict[str, Any]], dict[str, Any]]


def install() -> None:
    """Wrap ministack's way of reading an alarm from a template."""
    from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]

    provisioners._cw_metric_alarm_record = taking_metric_math(provisioners._cw_metric_alarm_record)


def taking_metric_math(record: Record) -> Record:
    """The same function, for an alarm on metric math as well."""

    def wrapped(name: str, properties: dict[str, Any]) -> dict[str, Any]:
        if properties.get("Metrics"):
            rest = {key: value for key, value in properties.items() if key != "Metrics"}
            properties = rest | {"Namespace": "(metric math)", "MetricName": name}
        return record(name, properties)

    return wrapped
