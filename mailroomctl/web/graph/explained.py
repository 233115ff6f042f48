"""The way from an address to its mailboxes as SVG, from what ``mailroomctl explain`` finds."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from mailroomctl.web.graph.layout import Edge, Layout, Size, lay_out
from mailroomctl.web.graph.picture import TIP

MOST = 120  # addresses; nobody reads more
_TALL = 600.0  # pixels that one sees at once
_ABOVE = 4  # addresses; more stand one below the other
_LETTER, _SMALL, _LINE, _MARGIN = 8.4, 6.6, 17.0, 10.0


def draw_way(data: Mapping[str, Any]) -> str:
    """Return an SVG element: every address looked up, where it leads, and the outcome at the end."""
    texts: dict[str, list[str]] = {}
    looks: dict[str, str] = {}
    edges: list[tuple[str, str]] = []
    outcomes = {one["mailbox"]: one for one in data["deliveries"]}
    for look_up in data["look_ups"][:MOST]:
        name = look_up["address"]
        texts[name] = [name, *_reasons(look_up)]
        looks[name] = "start" if name == data["address"] else ""
        if look_up["problem"]:
            looks[name] = "no"
        edges += [(name, target) for target in look_up["leads_to"]]
        if mailbox := look_up["mailbox"]:
            box = f"→ {mailbox}"
            edges.append((name, box))
            texts[box], looks[box] = _outcome(mailbox, outcomes.get(mailbox))
    for one in data["undelivered"]:
        box = f"✗ {one['recipient']}"
        if one["recipient"] in texts:
            edges.append((one["recipient"], box))
        sign = "‖ held" if one["status"] == "HELD" else "✗ rejected"
        texts[box], looks[box] = [f"{sign}: {one['code']}", *_wrapped(one["reason"])], "no"
    edges = [(source, target) for source, target in edges if source in texts and target in texts]
    sizes = {name: (_width(lines), len(lines) * _LINE + 14) for name, lines in texts.items()}
    if not sizes:
        return ""
    start = data["address"] if data["address"] in sizes else next(iter(sizes))
    lay = _from_left if len(sizes) > _ABOVE else lay_out
    layout = lay(sizes, edges, start)
    width, height = layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN
    parts = [
        '<path class="arrow taken" marker-end="url(#tip)" d="M'
        + "L".join(f"{x + _MARGIN:.1f} {y + _MARGIN:.1f}" for x, y in corners)
        + '"/>'
        for corners in layout.arrows.values()
    ]
    for name, (x, y) in layout.boxes.items():
        parts += _box(texts[name], looks[name], x + _MARGIN, y + _MARGIN, sizes[name])
    title = escape(f"The way from {data['address']} to its mailboxes")
    size = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    tip = TIP.format(name="tip")
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{title}" {size}>{tip}{"".join(parts)}</svg>'


def _from_left(sizes: Mapping[str, Size], edges: list[Edge], start: str) -> Layout:
    """Lay out from left to right: the members of a group stand one below the other."""
    turned = lay_out({name: (height, width) for name, (width, height) in sizes.items()}, edges, start)
    boxes = {name: (y, x) for name, (x, y) in turned.boxes.items()}
    arrows = {edge: tuple((y, x) for x, y in corners) for edge, corners in turned.arrows.items()}
    if turned.width > _TALL:
        # One sees where it begins, without looking for it.
        boxes[start] = (boxes[start][0], 0.0)
        width, height = sizes[start]
        for edge, corners in arrows.items():
            if edge[0] == start:
                arrows[edge] = ((boxes[start][0] + width, height / 2), *corners[1:])
    return Layout(boxes, arrows, turned.height, turned.width)


def _width(lines: list[str]) -> float:
    return max(len(lines[0]) * _LETTER, *(len(line) * _SMALL for line in lines)) + 24


def _reasons(look_up: Mapping[str, Any]) -> Iterator[str]:
    for step in look_up["steps"]:
        yield from _wrapped(step.removeprefix(f"{look_up['address']}: "))
    if look_up["problem"]:
        yield from _wrapped(f"✗ {look_up['problem']}")


def _outcome(mailbox: str, delivery: Mapping[str, Any] | None) -> tuple[list[str], str]:
    if delivery is None:
        return [f"✗ {mailbox}", "no copy"], "no"
    why = [delivery["verdict"]] if delivery["verdict"] else []
    if delivery["action"] == "quarantine":
        return [f"‖ {mailbox}", "quarantine", *why], "no"
    return [f"✓ {mailbox}", f"folder {delivery['folder']}", delivery["path"], *why], "ok"


def _wrapped(text: str, width: int = 60) -> Iterator[str]:
    line = ""
    for word in text.split():
        if line and len(line) + len(word) >= width:
            yield line
            line = word
        else:
            line = f"{line} {word}".strip()
    yield line


def _box(lines: list[str], look: str, x: float, y: float, size: tuple[float, float]) -> Iterator[str]:
    width, height = size
    yield f'<g class="{look}"><rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="5"/>'
    for number, line in enumerate(lines):
        small = ' class="small"' if number else ""
        yield f'<text{small} x="{x + 12:.1f}" y="{y + 19 + number * _LINE:.1f}">{escape(line)}</text>'
    yield "</g>"
