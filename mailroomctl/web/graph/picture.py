"""The workflow as SVG: every state, and marked those that a message went through."""

from collections.abc import Iterable, Mapping
from html import escape

from mailroomctl.web.graph.layout import Layout, Point, Size, lay_out
from mailroomctl.web.graph.machine import Machine

HEIGHT = 30.0
_PADDING, _TITLE, _MARGIN = 14.0, 26.0, 8.0
_LETTER = 7.2  # pixels

#: Marks of a state, beside its colour: readable without.
SIGNS = {"passed": "✓", "failed": "✗", "now": "…"}

#: The head of an arrow.
TIP = (
    '<defs><marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerUnits="userSpaceOnUse" markerWidth="9" '
    'markerHeight="9" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>'
)

type Marks = Mapping[tuple[str, str], str]
"""``passed``, ``failed`` or ``now`` by Map (empty outside) and state."""


def draw(machine: Machine, marks: Marks, taken: Iterable[tuple[str, str, str]], title: str) -> str:
    """Return an SVG element. ``taken`` are the arrows of the way: Map, from, to."""
    way = set(taken)
    inner = {name: _laid_out(one, {}) for name, one in machine.inside.items()}
    sizes = {
        name: (layout.width + 2 * _PADDING, layout.height + _TITLE + 2 * _PADDING) for name, layout in inner.items()
    }
    outer = _laid_out(machine, sizes)
    parts = _level(machine, outer, "", (_MARGIN, _MARGIN), marks, way, sizes)
    for name, layout in inner.items():
        x, y = outer.boxes[name]
        origin = (_MARGIN + x + _PADDING, _MARGIN + y + _TITLE + _PADDING)
        parts += _level(machine.inside[name], layout, name, origin, marks, way, {})
    width, height = outer.width + 2 * _MARGIN, outer.height + 2 * _MARGIN
    size = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    start = f'<svg xmlns="http://www.w3.org/2000/svg" class="workflow" role="img" aria-label="{escape(title)}" {size}>'
    return f"{start}{TIP.format(name='head')}{''.join(parts)}</svg>"


def _laid_out(machine: Machine, sizes: Mapping[str, Size]) -> Layout:
    boxes = {name: sizes.get(name) or (len(name) * _LETTER + 34, HEIGHT) for name in machine.kinds}
    return lay_out(boxes, [(arrow.source, arrow.target) for arrow in machine.arrows], machine.start)


def _level(
    machine: Machine,
    layout: Layout,
    scope: str,
    origin: Point,
    marks: Marks,
    way: set[tuple[str, str, str]],
    sizes: Mapping[str, Size],
) -> list[str]:
    parts: list[str] = []
    usual = {(arrow.source, arrow.target) for arrow in machine.arrows if not arrow.errors}
    for edge, corners in sorted(layout.arrows.items(), key=lambda one: (scope, *one[0]) in way):
        look = "arrow" if edge in usual else "arrow caught"
        look += " taken" if (scope, *edge) in way else ""
        parts.append(f'<path class="{look}" d="{_curve(corners, origin)}" marker-end="url(#head)"/>')
    for name, (x, y) in layout.boxes.items():
        mark = marks.get((scope, name), "")
        width, height = sizes.get(name) or (len(name) * _LETTER + 34, HEIGHT)
        parts.append(_box(name, machine.kinds[name], mark, (x + origin[0], y + origin[1]), (width, height)))
    return parts


def _box(name: str, kind: str, mark: str, at: Point, size: Size) -> str:
    (x, y), (width, height) = at, size
    shown = f"{name} {SIGNS[mark]}" if mark else name
    look = f"state {kind.lower()} {mark}".rstrip()
    rounded = 15 if kind in ("Succeed", "Fail") else 4
    text_y = y + (19 if kind == "Map" else height / 2 + 4)
    return (
        f'<g class="{look}" data-state="{escape(name)}"><title>{escape(f"{name}: {kind}")}</title>'
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{rounded}"/>'
        f'<text x="{x + width / 2:.1f}" y="{text_y:.1f}" text-anchor="middle">{escape(shown)}</text></g>'
    )


def _curve(corners: Iterable[Point], origin: Point) -> str:
    """Go straight down at each corner, and smoothly across between two."""
    (x, y), *rest = [(x + origin[0], y + origin[1]) for x, y in corners]
    path = f"M{x:.1f} {y:.1f}"
    for to_x, to_y in rest:
        middle = (y + to_y) / 2
        path += f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}"
        x, y = to_x, to_y
    return path
