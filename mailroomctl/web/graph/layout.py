"""Where the boxes and arrows of a small graph stand: in layers from top to bottom, with few crossings.

Sugiyama's way, without its refinements: a layer for each box, a place in the layer near its neighbours, and a corner in
every layer that a long arrow passes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

GAP_X, GAP_Y = 22.0, 34.0
_SWEEPS = 12
_CORNER = 8.0  # the width of a place that an arrow passes
_ASIDE = 16.0
_INTO = 14.0  # down from the top of a layer, and up from its end

type Size = tuple[float, float]
type Point = tuple[float, float]
type Edge = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Layout:
    """The upper left corner of each box, the corners of each arrow, and the size of it all."""

    boxes: Mapping[str, Point]
    arrows: Mapping[Edge, tuple[Point, ...]]
    width: float
    height: float


def lay_out(sizes: Mapping[str, Size], edges: Iterable[Edge], start: str) -> Layout:
    """Place boxes of the given sizes; arrows that go back are drawn, but decide nothing."""
    edges = list(dict.fromkeys(edge for edge in edges if edge[0] != edge[1]))
    rank = _ranks(sizes, _forward(edges, start, sizes))
    widths = {name: size[0] for name, size in sizes.items()}
    chains: dict[Edge, list[str]] = {}
    steps: list[Edge] = []
    for source, target in edges:
        low, high = sorted((rank[source], rank[target]))
        passed = [f"{source}→{target}#{layer}" for layer in range(low + 1, high)]
        for number, name in enumerate(passed):
            rank[name], widths[name] = low + 1 + number, _CORNER
        chain = [source, *(passed if rank[source] <= rank[target] else reversed(passed)), target]
        chains[source, target] = chain
        steps += pairwise(chain)
    layers = _ordered(rank, steps)
    x = _across(layers, steps, widths)
    tops, height = _down(layers, {name: size[1] for name, size in sizes.items()})
    left = min(x[name] - widths[name] / 2 for name in x)
    middle = {name: x[name] - left for name in x}
    boxes = {name: (middle[name] - widths[name] / 2, tops[rank[name]]) for name in sizes}
    arrows = {
        edge: _corners(chain, middle, rank, tops, {name: size[1] for name, size in sizes.items()})
        for edge, chain in chains.items()
    }
    return Layout(boxes, arrows, max(middle[name] + widths[name] / 2 for name in x), height)


def _forward(edges: list[Edge], start: str, names: Iterable[str]) -> list[Edge]:
    """Leave out the arrows that close a circle, as a walk from the start meets them."""
    onward: dict[str, list[str]] = {name: [] for name in names}
    for source, target in edges:
        onward[source].append(target)
    done: set[str] = set()
    on_way: set[str] = set()
    kept: list[Edge] = []

    def visit(name: str) -> None:
        on_way.add(name)
        for target in onward[name]:
            if target not in on_way:
                kept.append((name, target))
                if target not in done:
                    visit(target)
        on_way.discard(name)
        done.add(name)

    for name in (start, *onward):
        if name not in done:
            visit(name)
    return kept


def _ranks(names: Iterable[str], edges: list[Edge]) -> dict[str, int]:
    """Each box stands below all that lead to it."""
    rank = dict.fromkeys(names, 0)
    for _ in range(len(rank)):
        below = [(target, rank[source] + 1) for source, target in edges if rank[target] <= rank[source]]
        if not below:
            break
        for target, layer in below:
            rank[target] = max(rank[target], layer)
    return rank


def _ordered(rank: Mapping[str, int], steps: list[Edge]) -> list[list[str]]:
    """Put each box near the middle of its neighbours above, then of those below, and so on."""
    layers: list[list[str]] = [[] for _ in range(max(rank.values()) + 1)]
    for name, number in rank.items():
        layers[number].append(name)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for layer in layers if down else reversed(layers):
            place = {name: float(number) for one in layers for number, name in enumerate(one)}
            means = {name: _mean(_neighbours(name, steps, rank, -1 if down else 1), place) for name in layer}
            wanted = {name: (place[name] if mean is None else mean, place[name]) for name, mean in means.items()}
            layer.sort(key=wanted.__getitem__)
    return layers


def _across(layers: list[list[str]], steps: list[Edge], widths: Mapping[str, float]) -> dict[str, float]:
    """Return the middle of each box: near that of its neighbours, without touching the next."""
    x: dict[str, float] = {}
    for layer in layers:
        edge = 0.0
        for name in layer:
            x[name] = edge + widths[name] / 2
            edge += widths[name] + GAP_X
        for name in layer:
            x[name] -= (edge - GAP_X) / 2
    near: dict[str, list[str]] = {name: [] for name in x}
    for source, target in steps:
        near[source].append(target)
        near[target].append(source)
    for sweep in range(_SWEEPS * 2):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = [_mean(near[name], x) for name in layer]
            _spread(
                layer, [x[name] if want is None else want for name, want in zip(layer, wanted, strict=True)], x, widths
            )
    return x


def _spread(layer: list[str], wanted: list[float], x: dict[str, float], widths: Mapping[str, float]) -> None:
    """Give each box the place between what pushing from the left and pushing from the right would."""
    gap = [(widths[a] + widths[b]) / 2 + GAP_X for a, b in pairwise(layer)]
    right, left = list(wanted), list(wanted)
    for number in range(1, len(layer)):
        right[number] = max(right[number], right[number - 1] + gap[number - 1])
    for number in range(len(layer) - 2, -1, -1):
        left[number] = min(left[number], left[number + 1] - gap[number])
    for name, one, other in zip(layer, left, right, strict=True):
        x[name] = (one + other) / 2


def _down(layers: list[list[str]], heights: Mapping[str, float]) -> tuple[list[float], float]:
    tops: list[float] = []
    top = 0.0
    for layer in layers:
        tops.append(top)
        top += max((heights.get(name, 0.0) for name in layer), default=0.0) + GAP_Y
    return tops, top - GAP_Y


def _corners(
    chain: list[str],
    middle: Mapping[str, float],
    rank: Mapping[str, int],
    tops: list[float],
    heights: Mapping[str, float],
) -> tuple[Point, ...]:
    """A way back leaves a box at its top and enters one at its end, beside the way there."""
    source, target = chain[0], chain[-1]
    down_chain, step = chain, 1
    back = rank[source] > rank[target]
    if back:
        source, target = target, source
        down_chain, step = chain[::-1], -1
    aside = _ASIDE if back else 0.0
    first = (middle[source] + aside, tops[rank[source]] + heights[source])
    last = (middle[target] + aside, tops[rank[target]])
    passed = [
        (middle[name], tops[rank[name]] + down)
        for name in down_chain[1:-1]
        for down in (_INTO, max(_INTO, _tallest(rank, heights, rank[name]) - _INTO))
    ]
    return (first, *passed, last)[::step]


def _tallest(rank: Mapping[str, int], heights: Mapping[str, float], layer: int) -> float:
    return max((heights[name] for name in heights if rank[name] == layer), default=0.0)


def _neighbours(name: str, steps: list[Edge], rank: Mapping[str, int], side: int) -> list[str]:
    both = [target for source, target in steps if source == name] + [
        source for source, target in steps if target == name
    ]
    return [one for one in both if rank[one] == rank[name] + side]


def _mean(names: list[str], of: Mapping[str, float]) -> float | None:
    return sum(of[name] for name in names) / len(names) if names else None
