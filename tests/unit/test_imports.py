"""The packages' import graph: no circle, and every arrow points down."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: From the top down: a room imports from its own level and from those below it.
LEVELS = [
    {"main", "__main__"},
    {"commands", "web"},
    {"local", "doctor"},
    {"audit", "flow"},
    {"queues"},
    {"dovecot", "workmail"},
    {"directory", "deliveries", "moving", "setup"},
    {"command", "options"},
    {
        "stack",
        "console",
        "errors",
        "interrupts",
        "times",
        "addresses",
        "verdicts",
        "version",
        "key_policy",
        "for_people",
        "counting",
    },
]


def imports(package: Path, root: Path) -> dict[str, set[str]]:
    """The modules of a package that each of its modules imports, also inside functions."""
    paths = {".".join(path.relative_to(root).with_suffix("").parts): path for path in package.rglob("*.py")}
    modules = {name.removesuffix(".__init__") for name in paths}
    graph: dict[str, set[str]] = {}
    for name, path in paths.items():
        found: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                source = resolve_name("." * node.level + (node.module or ""), name.rpartition(".")[0])
                found |= {source, *(f"{source}.{alias.name}" for alias in node.names)}
        found &= modules
        # "from package import module" is an arrow to the module, not to the package.
        arrows = {one for one in found if not any(other.startswith(f"{one}.") for other in found)}
        graph[name.removesuffix(".__init__")] = arrows
    return graph


def circle(graph: dict[str, set[str]]) -> list[str]:
    """A circle of imports, or nothing."""
    try:
        TopologicalSorter({name: found - {name} for name, found in graph.items()}).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def arrows_up(graph: dict[str, set[str]]) -> list[str]:
    """The imports from a level above; the rooms are those below the package."""
    level = {room: number for number, rooms in enumerate(LEVELS) for room in rooms}
    arrows = [(name, one) for name, found in sorted(graph.items()) if "." in name for one in sorted(found)]
    # A room that no level names is a KeyError: it has no place yet.
    return [f"{name} imports {one}" for name, one in arrows if level[name.split(".")[1]] > level[one.split(".")[1]]]


@pytest.mark.parametrize("package", ["mailroomctl", "layers/mailroom/mailroom"])
def test_no_circle(package: str) -> None:
    graph = imports(ROOT / package, (ROOT / package).parent)
    assert sum(map(len, graph.values())) > 20
    assert not circle(graph)


def test_every_arrow_points_down() -> None:
    assert not arrows_up(imports(ROOT / "mailroomctl", ROOT))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("from p.commands import two", "p.commands.two"),
        ("from p.commands.two import name", "p.commands.two"),
        ("import p.commands.two", "p.commands.two"),
        ("from .commands.two import name", "p.commands.two"),
        ("from .commands import two", "p.commands.two"),
        ("from . import stack", "p.stack"),
        ("def later():\n    from p import stack", "p.stack"),
        ("if TYPE_CHECKING:\n    from p.stack import Stack", "p.stack"),
    ],
)
def test_every_form_of_an_import_is_an_arrow(line: str, found: str, tmp_path: Path) -> None:
    package = made(tmp_path, {"errors": line, "stack": "", "commands/two": ""})
    assert imports(package, tmp_path)["p.errors"] == {found}
    assert arrows_up(imports(package, tmp_path)) == ([f"p.errors imports {found}"] if "commands" in found else [])


def test_a_circle_is_found(tmp_path: Path) -> None:
    package = made(
        tmp_path,
        {
            "stack": "import p.errors",
            "errors": "def later():\n    from p.console import x",
            "console": "import p.stack",
        },
    )
    assert set(circle(imports(package, tmp_path))) == {"p.stack", "p.errors", "p.console"}
    assert not arrows_up(imports(package, tmp_path))


def made(folder: Path, modules: dict[str, str]) -> Path:
    """A package called p."""
    for name, content in {"__init__": "", "commands/__init__": "", **modules}.items():
        path = folder / "p" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder / "p"


def test_the_layer_knows_nothing_of_the_command_line() -> None:
    for path in (ROOT / "layers/mailroom/mailroom").rglob("*.py"):
        assert not re.search(r"^\s*(from|import) mailroomctl", path.read_text(), re.MULTILINE), path
