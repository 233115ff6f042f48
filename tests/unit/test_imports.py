"""The packages' import graph: no circle, and every arrow points down."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: From the top down: a room imports from its own level and from those below it.
LEVELS = [
    {"main", "__main__"},
    {"commands"},
    {"local"},
    {"queues"},
    {"directory", "deliveries"},
    {"command", "options"},
    {"stack", "console", "errors", "interrupts", "times", "addresses", "verdicts", "version"},
]


def imports(package: Path, root: Path) -> dict[str, set[str]]:
    """The modules of a package that each of its modules imports, also inside functions."""
    files = {".".join(path.relative_to(root).with_suffix("").parts): path for path in package.rglob("*.py")}
    names = {name.removesuffix(".__init__"): path for name, path in files.items()}
    graph: dict[str, set[str]] = {}
    for name, path in names.items():
        found: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        # "from package import module" is an arrow to the module, not to the package.
        graph[name] = {one for one in found & set(names) if not any(other.startswith(f"{one}.") for other in found)}
    return graph


def test_no_circle() -> None:
    for package, root in ((ROOT / "mailroomctl", ROOT), (ROOT / "layers/mailroom/mailroom", ROOT / "layers/mailroom")):
        graph = imports(package, root)
        assert len(graph) > 20
        TopologicalSorter({name: found - {name} for name, found in graph.items()}).prepare()


def test_every_arrow_points_down() -> None:
    level = {room: number for number, rooms in enumerate(LEVELS) for room in rooms}
    for name, found in imports(ROOT / "mailroomctl", ROOT).items():
        here = name.split(".")[1] if "." in name else None
        if here is None:
            continue
        for one in found:
            room = one.split(".")[1]
            assert level[here] <= level[room], f"{name} imports {one}"


def test_the_layer_knows_nothing_of_the_command_line() -> None:
    for path in (ROOT / "layers/mailroom/mailroom").rglob("*.py"):
        assert not re.search(r"^\s*(from|import) mailroomctl", path.read_text(), re.MULTILINE), path
