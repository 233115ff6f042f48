"""A mail root on a mounted file system: `make nfs` on a machine of its own, `make nfs MAIL_ROOT=…` on any folder.

The files run in the order of their names: what stops or fills the storage is in the last one, after Dovecot's sessions,
which wait for new mail from the first test on.
"""

import gc
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from mailroom.maildir.mounts import names_are_durable_at_once

from tests.e2e import dovecot as dovecot_server
from tests.e2e.dovecot import Dovecot
from tests.nfs.machine import Machine
from tests.nfs.sightings import Sightings

# Fixture, whether there is what it stands for, and what that is.
NEEDS = [
    ("second_root", bool(os.environ.get("SECOND_MAIL_ROOT")), "SECOND_MAIL_ROOT, the same folder on a second mount"),
    ("dovecot", dovecot_server.DOVECOT is not None, "Dovecot"),
    ("machine", Machine.is_here(), "the switches of tools/nfs-machine"),
]
# A collection in a process that was forked writes to all its memory, which the machine copies for seconds.
gc.disable()
LEFT_OUT = pytest.StashKey[list[str]]()
SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(10_000))


def pytest_report_header() -> str:
    return f"nfs: seed {SEED} (SEED={SEED} repeats it), mail root {os.environ.get('MAIL_ROOT', 'none')}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse a mail root that is none. Leave out what needs something that is not here; the end of the run says so."""
    if not any(item.path.parent == Path(__file__).parent for item in items):
        return
    if problem := _problem(os.environ.get("MAIL_ROOT"), os.environ.get("SECOND_MAIL_ROOT")):
        raise pytest.UsageError(problem)
    left_out: dict[pytest.Item, str] = {}
    for item in items:
        for fixture, is_here, what in NEEDS:
            if (
                item.path.parent == Path(__file__).parent
                and not is_here
                and fixture in getattr(item, "fixturenames", ())
            ):
                left_out[item] = f"{item.name} (needs {what})"
                break
    items[:] = [item for item in items if item not in left_out]
    config.stash[LEFT_OUT] = list(left_out.values())
    config.hook.pytest_deselected(items=list(left_out))


def _problem(mail_root: str | None, second_root: str | None) -> str | None:
    """What is wrong with the folders, in a line for the person who has named them."""
    if not mail_root:
        return "these tests need a mounted folder: run make nfs, with MAIL_ROOT=… for one of yours"
    try:
        with tempfile.TemporaryDirectory(prefix="mailroom-", dir=mail_root) as folder:
            if second_root and not (Path(second_root) / Path(folder).name).is_dir():
                return f"SECOND_MAIL_ROOT={second_root} does not show the same folder as MAIL_ROOT={mail_root}"
    except OSError as error:
        return f"MAIL_ROOT={mail_root}: {error.strerror}; is the file system mounted, and may you write there?"
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if LEFT_OUT not in config.stash:
        return  # it was refused
    for line in config.stash[LEFT_OUT]:
        terminalreporter.write_line(f"left out: {line}")
    mail_root = os.environ["MAIL_ROOT"]
    if not names_are_durable_at_once(mail_root):
        terminalreporter.write_line(f"{mail_root} is not on NFS: this run says nothing of how the writer works there")
    for line in config.stash.get(Sightings.LINES, []):
        terminalreporter.write_line(line)


@pytest.fixture
def randomly(request: pytest.FixtureRequest) -> random.Random:
    """What a test draws by lot: the same for one seed, whichever tests run."""
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture(scope="session")
def mail_root() -> Iterator[Path]:
    """A folder of this run's own, on the writer's mount."""
    folder = Path(tempfile.mkdtemp(prefix="mailroom-", dir=os.environ["MAIL_ROOT"])).resolve()
    folder.chmod(0o755)
    yield folder
    if not Machine.is_here():  # which forgets everything anyway
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def second_root(mail_root: Path) -> Path:
    """The same folder, on a mount that knows nothing of what the first one caches."""
    return Path(os.environ["SECOND_MAIL_ROOT"]) / mail_root.name


@pytest.fixture(scope="session")
def machine() -> Machine:
    """The switches."""
    return Machine()


@pytest.fixture(scope="session")
def dovecot(mail_root: Path, second_root: Path) -> Iterator[Dovecot]:
    """Dovecot on the second mount, with the mailboxes below its folder ``dovecot``."""
    (mail_root / "dovecot").mkdir()
    (mail_root / "dovecot").chmod(0o777)
    base = Path(tempfile.mkdtemp(prefix="mailroom-dovecot-"))
    base.chmod(0o755)
    with dovecot_server.serving(base, second_root / "dovecot") as server:
        yield server
    shutil.rmtree(base, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def sightings(request: pytest.FixtureRequest) -> Iterator[Sightings | None]:
    """The sessions that wait for new mail, beside the other tests."""
    if not any(
        "sightings" in getattr(item, "fixturenames", ()) and "test_seen" in item.nodeid
        for item in request.session.items
    ):
        yield None
        return
    waiting = Sightings(request.getfixturevalue("mail_root") / "dovecot", request.getfixturevalue("dovecot"))
    waiting.start()
    yield waiting
    waiting.end()
