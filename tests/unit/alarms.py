"""CloudWatch's evaluation of the template's alarms, over made-up series.

What is imitated (CloudWatch user guide, "Alarm evaluation", "Alarm evaluation window", "Using metric math"):

- Figures are kept by the minute. Every minute an alarm looks at its last ``EvaluationPeriods`` periods, which end with
  that minute: a sliding window, so that a series is cut differently at every look.
- A period without figures has no data point; what becomes of it is ``TreatMissingData``. Arithmetic with a missing data
  point gives a missing one.

Two things the guide leaves open, so that ``Semantics`` has both answers: whether FILL fills a series that is empty as a
whole, and whether SUM leaves missing data points out. An alarm must be right as long as one of the answers is yes.
"""

import ast
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from statistics import mean
from typing import Any

MINUTE = 60
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
}
_OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.GtE: operator.ge,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.Lt: operator.lt,
    ast.Eq: operator.eq,
}
_STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "Sum": sum,
    "Average": mean,
    "Maximum": max,
    "Minimum": min,
    "SampleCount": len,
}


@dataclass(frozen=True)
class Semantics:
    """What CloudWatch's functions do where its guide is silent."""

    fill_fills_the_empty: bool
    sum_skips_the_missing: bool


SEMANTICS = [Semantics(True, True), Semantics(True, False), Semantics(False, True)]


@dataclass
class Series:
    """What was measured: the name of a metric, seconds, and the value then."""

    minutes: dict[str, dict[int, list[float]]] = field(default_factory=dict)

    def add(self, metric: str, at: float, value: float = 1) -> None:
        """Measure once. A metric is called ``Namespace/MetricName``, and its resource if several have one."""
        self.minutes.setdefault(metric, {}).setdefault(int(at // MINUTE), []).append(value)

    def between(self, metric: str, begin: float, end: float) -> list[float]:
        """The values from the full minute ``begin`` on, before the full minute ``end``."""
        minutes = self.minutes.get(metric, {})
        return [
            value for minute in range(int(begin // MINUTE), int(end // MINUTE)) for value in minutes.get(minute, ())
        ]


def rings(
    properties: Mapping[str, Any], series: Series, until: float, semantics: Semantics, since: float = 0
) -> Iterator[float]:
    """The full minutes, in seconds, at which the alarm is in ALARM; none before the first figure."""
    begin = min((min(minutes) for minutes in series.minutes.values()), default=0) * MINUTE
    known: dict[float, float | None] = {}
    for now in range(max(begin, int(since // MINUTE) * MINUTE), int(until) + 1, MINUTE):
        if in_alarm(properties, series, now, semantics, known):
            yield now


def in_alarm(
    properties: Mapping[str, Any],
    series: Series,
    now: float,
    semantics: Semantics,
    known: dict[float, float | None] | None = None,
) -> bool:
    """Whether the alarm is in ALARM when it is evaluated at the full minute ``now``; ``known`` keeps data points."""
    known = {} if known is None else known
    period, count = _period(properties), int(properties["EvaluationPeriods"])
    breaching = 0
    for number in range(count):
        end = now - number * period
        if end not in known:
            known[end] = _value(properties, series, end - period, end, semantics)
        value = known[end]
        # With "ignore" an alarm stays as it is, which is not imitated: no missing data point makes it ring.
        assert properties["TreatMissingData"] in {"notBreaching", "ignore"}
        compare = _COMPARISONS[properties["ComparisonOperator"]]
        breaching += value is not None and compare(float(value), float(properties["Threshold"]))
    return breaching >= int(properties.get("DatapointsToAlarm", count))


def _period(properties: Mapping[str, Any]) -> int:
    """All metrics of an alarm have one period."""
    if "Metrics" not in properties:
        return int(properties["Period"])
    (period,) = {metric["MetricStat"]["Period"] for metric in properties["Metrics"] if "MetricStat" in metric}
    return int(period)


def _value(
    properties: Mapping[str, Any], series: Series, begin: float, end: float, semantics: Semantics
) -> float | None:
    if "Metrics" not in properties:
        return _statistic(properties, properties["Statistic"], series, begin, end)
    metrics = {metric["Id"]: metric for metric in properties["Metrics"]}
    (wanted,) = [name for name, metric in metrics.items() if metric.get("ReturnData", True)]
    return _Expression(metrics, series, begin, end, semantics).value(wanted)


def _statistic(metric: Mapping[str, Any], statistic: str, series: Series, begin: float, end: float) -> float | None:
    values = series.between(name(metric), begin, end)
    return _STATISTICS[statistic](values) if values else None


def name(metric: Mapping[str, Any]) -> str:
    """``AWS/Lambda/Errors WriteMailbox``: the metric, and what it is measured of."""
    of = [str(dimension["Value"]) for dimension in metric.get("Dimensions", [])]
    resources = re.findall(r"(?:Ref|Fn::GetAtt)'?: \[?'(\w+)'", " ".join(of))
    return " ".join([f"{metric['Namespace']}/{metric['MetricName']}", *resources])


class _Expression:
    """One data point of a metric math expression: None where it is missing."""

    def __init__(
        self, metrics: Mapping[str, Any], series: Series, begin: float, end: float, semantics: Semantics
    ) -> None:
        self._metrics, self._series, self._begin, self._end = metrics, series, begin, end
        self._semantics = semantics

    def value(self, identity: str) -> float | None:
        metric = self._metrics[identity]
        if "Expression" not in metric:
            stat = metric["MetricStat"]
            return _statistic(stat["Metric"], stat["Stat"], self._series, self._begin, self._end)
        return self._of(_parsed(metric["Expression"]))

    def _of(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value):
                return value
            case ast.Name(identity):
                return self.value(identity)
            case ast.BinOp(left, kind, right):
                return self._both(_OPERATORS[type(kind)], left, right)
            case ast.Compare(left, [kind], [right]):
                return self._both(_OPERATORS[type(kind)], left, right)
            case ast.BoolOp(kind, parts):
                found = [self._of(part) for part in parts]
                if None in found:
                    return None
                return all(found) if isinstance(kind, ast.And) else any(found)
            case ast.Call(ast.Name(function), arguments):
                return getattr(self, f"_{function.lower()}")(*arguments)
        raise AssertionError(ast.dump(node))

    def _both(self, combine: Callable[[Any, Any], Any], left: ast.expr, right: ast.expr) -> Any:
        values = self._of(left), self._of(right)
        return None if None in values else combine(*values)

    def _if(self, condition: ast.expr, then: ast.expr, otherwise: ast.expr) -> Any:
        decided = self._of(condition)
        return None if decided is None else self._of(then if decided else otherwise)

    def _sum(self, items: ast.expr) -> Any:
        assert isinstance(items, ast.List)
        values = [self._of(item) for item in items.elts]
        there = [value for value in values if value is not None]
        if not there or (len(there) < len(values) and not self._semantics.sum_skips_the_missing):
            return None
        return sum(there)

    def _fill(self, filled: ast.expr, by: ast.expr) -> Any:
        value = self._of(filled)
        return self._of(by) if value is None and self._semantics.fill_fills_the_empty else value

    def _hour(self, of: ast.expr) -> Any:
        return None if self._of(of) is None else int(self._begin // 3600 % 24)


@cache
def _parsed(expression: str) -> ast.expr:
    """Metric math is near enough to Python but for its upper-case words."""
    return ast.parse(expression.replace(" AND ", " and ").replace(" OR ", " or "), mode="eval").body
