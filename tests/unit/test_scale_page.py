"""docs/scale.md does its sums right: from what a message takes, and from the quotas that it names."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from mailroom.months import SHARDS

from tools.deployed_template import source

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/scale.md").read_text()
MEASURED = json.loads((ROOT / "tools/cost.json").read_text())["measured"]
RATES = (10, 1_000, 10_000)
EXECUTION = MEASURED["workflow_ms"] / 1_000
FUNCTIONS = sum(MEASURED[f"{name}_ms"] for name in ("validate_event", "resolve_mailboxes", "write_mailbox")) / 1_000
KNOWN, UNKNOWN = 5, 16
UNITS = MEASURED["write_units"]


def rows(chapter: str) -> Iterator[list[str]]:
    text = PAGE.split(f"\n## {chapter}\n")[1].split("\n## ")[0]
    for line in [line for line in text.splitlines() if line.startswith("| ")][1:]:
        yield [cell.strip() for cell in line[1:-1].split("|")]


def number(cell: str) -> float:
    found = re.match(r"[\d,.]+", cell.removeprefix("about "))
    assert found, cell
    return float(found[0].replace(",", ""))


def test_what_a_rate_takes() -> None:
    log = MEASURED["workflow_log_octets"]
    each = [
        EXECUTION,
        FUNCTIONS,
        KNOWN,
        UNKNOWN,
        UNITS,
        MEASURED["message_octets"] / 1e6,
        log["full"] / 1e6,
        log["metadata"] / 1e6,
    ]
    for (name, *cells), one in zip(rows("What a rate takes"), each, strict=True):
        for cell, rate in zip(cells, RATES, strict=True):
            assert number(cell) == pytest.approx(one * rate, rel=0.05, abs=0.06), name


def test_what_binds_first() -> None:
    visibility = source()["Resources"]["InboundQueue"]["Properties"]["VisibilityTimeout"]
    per_message = {
        "Lambda": FUNCTIONS,
        "pipes": EXECUTION,
        "SQS": visibility,
        "EFS, write operations, nothing known": UNKNOWN,
        "EFS, write operations, mailboxes known": KNOWN,
        "DynamoDB, writes to one mailbox in the index `by_mailbox`": 2,
        "DynamoDB, write units of a table": UNITS,
        "DynamoDB, writes of a month in the index `by_time`": 1,
    }
    seen, last = set(), 0.0
    for limit, default, binds, _ in rows("What binds first"):
        name = limit if limit in per_message else limit.split(",")[0]
        seen.add(name)
        assert number(binds) == pytest.approx(number(default) / per_message[name], rel=0.03), limit
        assert number(binds) >= last, "the first to bind comes first"
        last = number(binds)
    assert seen == set(per_message)
    assert f"a month in the index `by_time` | {1_000 * len(SHARDS):,} units" in PAGE
    assert f"4,000 write units, which are {4_000 // UNITS} messages a second" in PAGE


def test_operations_are_those_of_the_page_on_performance() -> None:
    performance = (ROOT / "docs/performance.md").read_text()
    assert re.search(rf"^\| the mailbox is known to the client \| {KNOWN} \(", performance, re.MULTILINE)
    assert re.search(rf"^\| nothing is known, not even the mail root \| {UNKNOWN} \(", performance, re.MULTILINE)


def test_parameters_are_the_template_s() -> None:
    named = set(re.findall(r"`([A-Z][A-Za-z]+)(?:=\w+)?`", PAGE))
    assert len(named) > 2
    assert named <= source()["Parameters"].keys()
