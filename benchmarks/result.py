"""One figure with its goal, and how two contenders are compared fairly."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Result:
    """A figure; ``goal`` is a lower bound where ``at_least``, else an upper one."""

    name: str
    what: str
    value: float
    goal: float
    at_least: bool
    unit: str = ""
    measured: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        """Whether the goal is met, at the precision that is shown."""
        value = round(self.value, 2)
        return value >= self.goal if self.at_least else value <= self.goal


def race(contenders: Mapping[str, Callable[[int], object]], *, rounds: int, times: int) -> dict[str, list[float]]:
    """Seconds per call of each contender, one figure per round.

    In a round the contenders take turns in short slices, and another one begins each round: what else the machine
    does, and what the disk does later with earlier writes, hits all of them alike.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    number = 0
    names = list(contenders)
    slices = max(1, times // 20)
    for turn in range(rounds):
        spent = dict.fromkeys(names, 0.0)
        for part in range(slices):
            shift = (turn + part) % len(names)
            for name in names[shift:] + names[:shift]:
                call = contenders[name]
                begin = time.perf_counter()
                for _ in range(times // slices):
                    number += 1
                    call(number)
                spent[name] += time.perf_counter() - begin
        for name in names:
            seconds[name].append(spent[name] / (times // slices * slices))
    return seconds


def ratio(numerator: Sequence[float], denominator: Sequence[float]) -> float:
    """The median of the rounds' ratios: a round that was disturbed does not count."""
    return statistics.median(a / b for a, b in zip(numerator, denominator, strict=True))
