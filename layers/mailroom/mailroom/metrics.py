"""Metrics in CloudWatch's embedded metric format: a JSON line on stdout, of which CloudWatch makes figures.

Written here and not by Powertools, which needs a line for each set of dimensions, adds a dimension ``service`` to all,
and takes time to import. Every combination of a name and the values of its dimensions is a series that costs money each
month, so a value comes from a short list: never an address, a domain or an id. docs/architecture.md has all series.
"""

import json
import os
import time
from typing import Any

NAMESPACE = "Mailroom"
#: The dimension that every metric has: two stacks in one account do not count for each other.
STACK = "Stack"

type Unit = str


class Metrics:
    """The metrics of one call of a function, until ``flush`` writes them."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lines: list[dict[str, Any]] = []

    def add(self, name: str, value: float, unit: Unit = "Count", **dimensions: str) -> None:
        """Measure ``name`` once; its dimensions are the stack's name and ``dimensions``."""
        wanted = {STACK: os.environ.get("STACK_NAME") or "none", **dimensions}
        for line in self._lines:
            if name not in line and all(line.get(key, text) == text for key, text in wanted.items()):
                break
        else:
            line = {"_aws": {"CloudWatchMetrics": []}}
            self._lines.append(line)
        line |= {**wanted, name: value}
        directives = line["_aws"]["CloudWatchMetrics"]
        metric, keys = {"Name": name, "Unit": unit}, list(wanted)
        for directive in directives:
            if directive["Dimensions"] == [keys]:
                directive["Metrics"].append(metric)
                return
        directives.append({"Namespace": NAMESPACE, "Dimensions": [keys], "Metrics": [metric]})

    def repeat(self, name: str, value: float, seconds: int, every: int) -> None:
        """Write ``name`` at once, for now and for ``seconds`` ahead: each time span of ``every`` seconds has a figure.

        CloudWatch takes figures up to two hours ahead.
        """
        now = time.time()
        for number in range(seconds // every + 1):
            line = Metrics()
            line.add(name, value)
            line.flush(at=now + number * every)

    def flush(self, at: float | None = None, **properties: str | None) -> None:
        """Write what was measured, as few lines as can be, and forget it.

        ``at`` is when it was, in seconds since the epoch, if not now. ``properties`` stand in every line for searches
        in the log; they are no dimensions.
        """
        moment = time.time() if at is None else at
        lines, self._lines = self._lines, []
        known = {name: value for name, value in properties.items() if value is not None}
        for line in lines:
            line["_aws"]["Timestamp"] = int(moment * 1000)
            print(json.dumps({**known, **line}, separators=(",", ":")), flush=True)
