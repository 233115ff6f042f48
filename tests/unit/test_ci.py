"""CI runs what a developer runs: targets of the Makefile, on a checkout that stands alone."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TARGETS = set(re.findall(r"^([a-z0-9-]+(?: [a-z0-9-]+)*):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.fixture(scope="module")
def hosted() -> dict[str, Any]:
    workflow: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    return workflow


def commands(text: str) -> set[str]:
    return set(re.findall(r"^\s*make (\S+)", text, re.MULTILINE))


def test_hosted_ci_calls_the_targets_of_the_makefile(hosted: dict[str, Any]) -> None:
    called = {
        name: commands("\n".join(step.get("run", "") for step in job["steps"])) for name, job in hosted["jobs"].items()
    }
    assert called == {
        "test": {"test"},
        "dovecot": {"dovecot-versions"},
        "nfs": {"nfs"},
        "containers": {"sam-local"},
        "template": {"checkov"},
        "chaos": {"chaos"},
    }
    assert set().union(*called.values()) <= {name for names in TARGETS for name in names.split()}


def test_hosted_ci_runs_nothing_that_may_change_under_it(hosted: dict[str, Any]) -> None:
    uses = [step["uses"] for job in hosted["jobs"].values() for step in job["steps"] if "uses" in step]
    assert uses
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action) for action in uses)
    assert hosted["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in hosted["jobs"].values())


def test_the_local_run_stands_alone() -> None:
    script = (ROOT / ".ci/run").read_text()
    assert commands(script) == {"test", "checkov", "dovecot-versions", "nfs", "sam-local"}
    assert "../" not in script.replace('cd "$(dirname "$0")/.."', "")
    for tool in re.findall(r"\btools/[\w-]+", script):
        assert (ROOT / tool).is_file()


def test_every_size_has_its_run() -> None:
    """What ``make test`` leaves out, CI runs beside it."""
    [listed] = re.findall(r"^test:.*\n\t.*-j3 .*\n\t+(.*)\)\n", (ROOT / "Makefile").read_text(), re.MULTILINE)
    by_itself = commands((ROOT / ".ci/run").read_text()) - {"test", "checkov"}
    sizes = {path.name for path in (ROOT / "tests").iterdir() if any(path.glob("**/test_*.py"))}
    targets = {"e2e": ["e2e-shared", "e2e-own"], "chaos": ["chaos-short"], "dovecot": ["dovecot-versions"]}
    wanted = [target for size in sizes for target in targets.get(size, [size.replace("_", "-")])]
    assert sorted([*listed.split(), *by_itself]) == sorted([*wanted, "lint", "types"])


def test_commits_are_checked_by_the_linters_of_make_lint() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repository["repo"] for repository in hooks] == ["local"], "versions come from uv.lock alone"
    programs = {hook["entry"].split()[0] for hook in hooks[0]["hooks"]}
    [lint] = re.findall(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert programs <= {f".venv/bin/{word}" for word in re.findall(r"[\w-]+", lint)}
