"""Lines of the embedded metric format: few, complete, and with nothing that would make a series of its own."""

import json
from typing import Any

import pytest
from mailroom.metrics import Metrics


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setenv("STACK_NAME", "mail")
    metrics = Metrics()

    def flush(*measured: tuple[Any, ...], **properties: str | None) -> list[dict[str, Any]]:
        for name, value, unit, dimensions in measured:
            metrics.add(name, value, unit, **dimensions)
        metrics.flush(**properties)
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return flush


def test_sets_of_dimensions_share_a_line(written: Any) -> None:
    (line,) = written(
        ("Copies", 1, "Count", {"Outcome": "DELIVERED"}),
        ("BytesDelivered", 10, "Bytes", {}),
        ("AgeAtDelivery", 2.5, "Seconds", {}),
        correlation_id="m1",
    )
    stamp = line["_aws"].pop("Timestamp")
    assert stamp > 1_700_000_000_000, "milliseconds"
    assert line == {
        "correlation_id": "m1",
        "Stack": "mail",
        "Outcome": "DELIVERED",
        "Copies": 1,
        "BytesDelivered": 10,
        "AgeAtDelivery": 2.5,
        "_aws": {
            "CloudWatchMetrics": [
                {
                    "Namespace": "Mailroom",
                    "Dimensions": [["Stack", "Outcome"]],
                    "Metrics": [{"Name": "Copies", "Unit": "Count"}],
                },
                {
                    "Namespace": "Mailroom",
                    "Dimensions": [["Stack"]],
                    "Metrics": [
                        {"Name": "BytesDelivered", "Unit": "Bytes"},
                        {"Name": "AgeAtDelivery", "Unit": "Seconds"},
                    ],
                },
            ]
        },
    }


def test_two_values_of_one_dimension_are_two_lines(written: Any) -> None:
    lines = written(
        ("Recipients", 1, "Count", {"Outcome": "REJECTED"}), ("Recipients", 2, "Count", {"Outcome": "HELD"})
    )
    assert [(line["Outcome"], line["Recipients"]) for line in lines] == [("REJECTED", 1), ("HELD", 2)]


def test_nothing_measured_is_no_line_and_nothing_is_told_twice(written: Any) -> None:
    assert written() == []
    (line,) = written(("Copies", 1, "Count", {}), correlation_id=None)
    assert "correlation_id" not in line
    assert written() == []


def test_a_function_that_nobody_has_given_a_stack_still_measures(written: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """CloudWatch drops a line with an empty dimension."""
    monkeypatch.delenv("STACK_NAME")
    (line,) = written(("Copies", 1, "Count", {}))
    assert line["Stack"] == "none"
