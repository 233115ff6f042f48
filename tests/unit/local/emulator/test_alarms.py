"""An alarm on metric math is kept by the emulator, which knows no such alarm."""

from typing import Any

import pytest

from mailroomctl.local.emulator.alarms import taking_metric_math


def record(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    if "Metrics" in properties:
        raise ValueError("Metrics (metric math) is not supported")
    return {"AlarmName": name, **properties}


def test_an_alarm_on_metric_math_is_kept_with_a_metric_that_nobody_measures() -> None:
    properties = {"Metrics": [{"Id": "e", "Expression": "a + b"}], "Threshold": 0}
    kept = taking_metric_math(record)("alarm", properties)
    assert kept == {"AlarmName": "alarm", "Namespace": "(metric math)", "MetricName": "alarm", "Threshold": 0}
    assert "Metrics" in properties, "the template is as it was"


def test_every_other_alarm_is_as_it_was() -> None:
    properties = {"MetricName": "Errors", "Namespace": "AWS/Lambda"}
    assert taking_metric_math(record)("alarm", properties) == record("alarm", properties)


def test_the_emulator_still_lacks_it() -> None:
    """When this fails, ``mailroomctl.local.emulator.alarms`` can go."""
    from ministack.services.cloudformation import provisioners

    with pytest.raises(ValueError, match="metric math"):
        provisioners._cw_metric_alarm_record("alarm", {"Metrics": [{"Id": "e"}]})
