"""What a run of these tests is and has measured, in words."""

import os
import random
from pathlib import Path

import pytest

SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(10_000))
FOREIGN = os.environ.get("FOREIGN_MAILS", "")
LINES = pytest.StashKey[list[str]]()


def pytest_report_header() -> str:
    return f"dovecot: seed {SEED} (SEED={SEED} repeats it), foreign mails {FOREIGN or 'none: FOREIGN_MAILS is not set'}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without mails of others their test is left out, as the end of the run says."""
    left_out = [item for item in items if not FOREIGN and "foreign_mails" in getattr(item, "fixturenames", ())]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    # With -q there is no header.
    for line in (pytest_report_header(), *config.stash.get(LINES, [])):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def measured(pytestconfig: pytest.Config) -> list[str]:
    """What the end of the run says."""
    return pytestconfig.stash.setdefault(LINES, [])


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """What a test draws by lot: the same for one seed, whichever tests run."""
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture
def foreign_mails() -> Path:
    """A folder with mails that nobody here made."""
    return Path(FOREIGN)
