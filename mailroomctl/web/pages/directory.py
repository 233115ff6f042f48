"""The directory: browse and search what was read once, and see the way from an address to its mailboxes."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from mailroomctl.commands import directory, explain
from mailroomctl.directory.table import Item
from mailroomctl.web.commands import run
from mailroomctl.web.context import Context
from mailroomctl.web.graph.explained import MOST, draw_way
from mailroomctl.web.pages.edits import edits_of
from mailroomctl.web.rendering import render

_ROWS = 100
_DIGITS = 10
_LISTED = 8  # mailboxes before the drawing
KINDS = ("mailbox", "alias", "group", "catch_all", "domain")


def page(request: Request) -> Response:
    """Show the entries that match what is searched for, in their order, some at a time."""
    context: Context = request.app.state.context
    context.prepare()
    asked = {name: request.query_params.get(name, "").strip() for name in ("search", "kind")}
    items = [
        item for item in context.directory.items().values() if _matches(item, asked["search"].lower(), asked["kind"])
    ]
    items.sort(key=lambda item: (item["address"].rpartition("@")[2], item["address"]))
    start = _number(request.query_params.get("start", ""))
    add = request.query_params.get("add", "")
    return render(
        request,
        "directory.html",
        asked=asked,
        kinds=KINDS,
        items=[_row(item) for item in items[start : start + _ROWS]],
        found=len(items),
        start=start,
        onward=start + _ROWS if start + _ROWS < len(items) else 0,
        total=len(context.directory.items()),
        read_at=context.directory.read_at,
        creations=edits_of(None),
        add=add if add in edits_of(None) else "",
        given={name: request.query_params.get(name, "") for name in ("address", "domain")},
        message=request.query_params.get("message", ""),
    )


def entry(request: Request) -> Response:
    """Show one entry, what leads to it, and what can be changed."""
    context: Context = request.app.state.context
    context.prepare()
    key = request.query_params.get("key", "")
    items = context.directory.items()
    item = items.get(key)
    leading = sorted(one["address"] for one in items.values() if key in one.get("targets", ()))
    return render(
        request,
        "entry.html",
        key=key,
        item=item,
        fields={name: value for name, value in (item or {}).items() if name not in ("address", "type", "version")},
        leading=leading,
        edits=edits_of(item),
        given=edit_values(item) if item else {},
        message=request.query_params.get("message", ""),
    )


def explained(request: Request) -> Response:
    """Draw the way from an address to its mailboxes."""
    context: Context = request.app.state.context
    context.prepare()
    address = request.query_params.get("address", "").strip()
    verdicts = request.query_params.get("verdicts", "").split()
    asked = _as_address(address)
    result = run(explain.explain, context.stack, address=asked, verdict=verdicts or None) if address else None
    drawing = Markup(draw_way(result.data)) if result and result.data else ""  # noqa: S704 - all text in it is escaped
    return render(
        request,
        "explain.html",
        address=address,
        verdicts=" ".join(verdicts),
        result=result,
        drawing=drawing,
        drawn=MOST,
        most=_LISTED,
    )


def check(request: Request) -> Response:
    """Show what is wrong in the whole directory."""
    context: Context = request.app.state.context
    context.prepare()
    return render(request, "part_check.html", result=run(directory.check, context.stack))


def refresh(request: Request) -> Response:
    """Read the directory again; this changes nothing but what the console keeps."""
    context: Context = request.app.state.context
    context.directory.forget()
    return RedirectResponse("/directory", 303)


def _number(text: str) -> int:
    """Read where a page begins; what is no number is the beginning."""
    return int(text) if text.isdecimal() and len(text) < _DIGITS else 0


def _as_address(key: str) -> str:
    """An entry that is no address stands for any address that it would take."""
    name = key.removeprefix("*")
    return f"anybody{name}" if name.startswith("@") else key


def edit_values(item: Item) -> dict[str, str]:
    """Return what a form of an entry begins with."""
    name = item["address"].removeprefix("*@").removeprefix("@")
    values = {"address": item["address"], "domain": name, "targets": "\n".join(item.get("targets", ()))}
    values |= {one: str(item.get(one) or "") for one in ("path", "separators", "alias_of")}
    values["policy"] = "\n".join(f"{name}={value}" for name, value in item.get("policy", {}).items())
    values["subaddress_folders"] = "yes" if item.get("subaddress_folders") else ""
    return values


def _matches(item: Item, search: str, kind: str) -> bool:
    if kind and item.get("type") != kind:
        return False
    texts: Sequence[str] = (item["address"], *item.get("targets", ()), str(item.get("path", "")))
    return not search or any(search in text.lower() for text in texts)


def _row(item: Item) -> dict[str, Any]:
    says = (
        item.get("targets") or item.get("path") or ("" if item.get("type") != "domain" else item.get("alias_of") or "")
    )
    disabled = item.get("type") == "mailbox" and item.get("enabled") is False
    return {"key": item["address"], "type": item.get("type", "?"), "says": says, "disabled": disabled}


ROUTES = [
    Route("/directory", page),
    Route("/directory/entry", entry),
    Route("/directory/explain", explained),
    Route("/directory/check", check),
    Route("/directory/refresh", refresh),
]
