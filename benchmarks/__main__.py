"""``python -m benchmarks``: run them all, or those named; a table, or one JSON object per line with ``--json``.

Exits with 1 when a goal is missed.
"""

import argparse
import dataclasses
import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import cold_start, import_mail, large_mail, mailbox_size, nfs, people, small_mail
from benchmarks.nfs_operations import is_on_nfs
from benchmarks.result import Result

GROUPS = {
    "small_mail": small_mail,
    "large_mail": large_mail,
    "mailbox_size": mailbox_size,
    "cold_start": cold_start,
    "import": import_mail,
    "people": people,
    "nfs": nfs,
}


def main() -> int:
    """Run the benchmarks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the writer and cold starts.")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"any of {', '.join(GROUPS)} (default: all)")
    parser.add_argument("--json", action="store_true", help="one JSON object per line instead of a table")
    parser.add_argument("--directory", type=Path, default=Path(".local"), help="on the disk to measure (.local)")
    options = parser.parse_args()
    if unknown := set(options.groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    options.directory.mkdir(parents=True, exist_ok=True)
    groups = options.groups or list(GROUPS)
    if "nfs" in groups and not is_on_nfs(options.directory):
        print(f"nfs is left out: {options.directory} is not on an NFS mount", file=sys.stderr)
        groups.remove("nfs")
    results: list[Result] = []
    for name in groups:
        if not options.json:
            print(f"{name} …", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix=f"bench-{name}-", dir=options.directory.resolve()) as folder:
            Path(folder).chmod(0o755)
            results += GROUPS[name].run(Path(folder))
    if options.json:
        for result in results:
            print(json.dumps({**dataclasses.asdict(result), "met": result.met}))
    else:
        Console(width=None if sys.stdout.isatty() else 140).print(_table(results))
    return 0 if all(result.met for result in results) else 1


def _table(results: list[Result]) -> Table:
    """The results as people read them."""
    table = Table(title="Mailroom benchmarks")
    for column in ("name", "result", "goal", "", "measured", "what"):
        table.add_column(column, justify="right" if column in ("result", "goal") else "left")
    for result in results:
        table.add_row(
            result.name,
            f"{result.value:.2f}{result.unit}",
            f"{'≥' if result.at_least else '≤'} {result.goal:g}{result.unit}",
            "[green]met[/]" if result.met else "[red]missed[/]",
            ", ".join(f"{name} {value}" for name, value in result.measured.items()),
            result.what,
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
