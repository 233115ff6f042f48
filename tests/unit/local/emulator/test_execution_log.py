"""What the embedded AWS logs of an execution: as Step Functions does, within a Map as well."""

from typing import Any

import pytest

from mailroomctl.local.emulator import execution_log


def settings(**more: Any) -> dict[str, Any]:
    """A workflow's settings as CloudFormation writes them."""
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/vendedlogs/states/s/DeliverMail:*"
    return {"Level": "ALL", "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": arn}}], **more}


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(execution_log, "log", lambda execution, kind, details: found.append((kind, details)))
    monkeypatch.setattr(execution_log, "execution_of", lambda context: {})
    return found


def test_the_log_group_of_a_workflow() -> None:
    name = "/aws/vendedlogs/states/s/DeliverMail"
    assert execution_log.log_group_of(execution_log.small_names(settings())) == name
    assert execution_log.log_group_of({"destinations": [{"cloudWatchLogsLogGroup": {}}]}) == ""
    assert execution_log.log_group_of({}) == ""


def test_a_state_within_a_map_is_entered_and_left(logged: list[tuple[str, dict[str, Any]]]) -> None:
    step = execution_log.logging_items("Choice", lambda state, given, context: ({"a": 2}, "Next"))
    context = {"State": {"Name": "Quarantine?"}, "Map": {"Item": {"Index": 0}}}
    assert step({}, {"a": 1}, context) == ({"a": 2}, "Next")
    assert logged == [
        ("ChoiceStateEntered", {"name": "Quarantine?", "input": '{"a": 1}'}),
        ("ChoiceStateExited", {"name": "Quarantine?", "output": '{"a": 2}'}),
    ]


def test_a_state_outside_is_noted_by_ministack_itself(logged: list[tuple[str, dict[str, Any]]]) -> None:
    step = execution_log.logging_items("Pass", lambda state, given, context: (given, None))
    assert step({}, {}, {"State": {"Name": "Begin"}}) == ({}, None)
    assert step({}, {}, None) == ({}, None)
    assert logged == []


def test_the_details_of_an_event() -> None:
    assert execution_log.details_of({"taskFailedEventDetails": {"error": "E"}}) == {"error": "E"}
    assert execution_log.details_of(None) == {}
