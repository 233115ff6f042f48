"""Kill an import at each of its calls, and at random moments, and repeat it: every message is there once, whole."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from mailroom.folder_names import folder_directory

from mailroomctl.moving import drafting
from mailroomctl.moving.folders import Folders
from mailroomctl.moving.importing import Options, import_source
from mailroomctl.moving.sources.item import Reading
from mailroomctl.moving.sources.opening import open_source
from mailroomctl.moving.summary import Outcome, Summary
from tests.crash.test_rivals import PROCESSES

PATH = "example.com/bob/Maildir"
#: What changes something on disk; between two of them it makes no difference when a process dies.
CALLS = ("mkdir", "open", "writev", "utime", "rename", "unlink", "rmdir")


def export(folder: Path, number: int) -> dict[str, Counter[bytes]]:
    """Make a Maildir to import, with equal messages in it; gives the messages of each folder."""
    expected: dict[str, Counter[bytes]] = {}
    for one in range(number):
        name = ("INBOX", "Sent", "Büro/Lists")[one % 3]
        mail = b"Subject: %d\r\n\r\n" % (one // 3 % max(1, number // 5)) + b"body\r\n" * (one % 3)
        directory = folder_directory(name) or "."
        path = folder / directory / "cur" / f"{one}.a.host:2,S"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(mail)
        expected.setdefault(directory, Counter())[mail] += 1
    return expected


def import_all(export: Path, root: Path, jobs: int) -> Summary:
    """Import in this process."""
    summary = Summary("", "bob@example.com", PATH)
    source = open_source(str(export), Reading())
    options = Options(lambda: Folders({}, frozenset()), jobs)
    try:
        import_source(source, str(root), PATH, summary, options, lambda _: None)
    finally:
        source.close()
    return summary


def killed_before(number: int, export: Path, root: Path) -> None:
    """Import in this process, which dies before its ``number``-th call."""
    calls = count()

    def watched(name: str) -> Callable[..., Any]:
        call = getattr(os, name)

        def watching(*arguments: Any, **more: Any) -> Any:
            if (name != "open" or arguments[1] & os.O_CREAT) and next(calls) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **more)

        return watching

    for name in CALLS:
        setattr(os, name, watched(name))
    import_all(export, root, jobs=1)
    os._exit(0)


def imported(root: Path) -> dict[str, Counter[bytes]]:
    """The messages of each folder."""
    found: dict[str, Counter[bytes]] = {}
    for part in ("new", "cur"):
        for path in (root / PATH).glob(f"**/{part}/*"):
            directory = str(path.parent.parent.relative_to(root / PATH))
            found.setdefault(directory, Counter())[path.read_bytes()] += 1
    return found


def read_by_somebody(root: Path, chance: random.Random) -> None:
    """Move some new messages to cur/, as a mail reader does between two imports."""
    for path in list((root / PATH).glob("**/new/*")):
        if chance.random() < 0.5:
            path.rename(path.parent.parent / "cur" / path.name)


def assert_nothing_left(root: Path) -> None:
    for pattern in ("**/tmp/*", "**/*.lock", f"**/{drafting.DRAFTS}"):
        assert not list(root.glob(pattern))


def assert_nothing_partial(root: Path, expected: dict[str, Counter[bytes]]) -> None:
    for directory, mails in imported(root).items():
        assert mails <= expected[directory]


@pytest.mark.parametrize("on_nfs", [False, True])
def test_killed_at_each_call(
    new_root: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, on_nfs: bool
) -> None:
    expected = export(tmp_path / "export", 2)
    monkeypatch.setattr(drafting, "names_are_durable_at_once", lambda _: on_nfs)
    monkeypatch.setattr(os, "fsync", lambda _: None)  # nobody cuts the power
    for number in count():
        root = new_root(str(number))
        process = PROCESSES.Process(target=killed_before, args=(number, tmp_path / "export", root))
        process.start()
        process.join(30)
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        assert_nothing_partial(root, expected)
        if number % 2:
            read_by_somebody(root, random.Random(number))
        summary = import_all(tmp_path / "export", root, jobs=1)
        assert summary.total(Outcome.IMPORTED) + summary.total(Outcome.PRESENT) == 2
        assert imported(root) == expected, number
        assert_nothing_left(root)
    assert number > 20
    assert imported(root) == expected


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_moments_until_it_is_done(
    new_root: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(drafting, "names_are_durable_at_once", lambda _: seed > 0)
    chance = random.Random(seed)
    expected = export(tmp_path / "export", 300)
    root = new_root("random")
    for _ in range(100):
        process = PROCESSES.Process(target=import_all, args=(tmp_path / "export", root, 4))
        process.start()
        time.sleep(chance.uniform(0.02, 0.25))
        process.kill()
        process.join()
        assert_nothing_partial(root, expected)
        read_by_somebody(root, chance)
        if process.exitcode == 0:
            break
    else:
        import_all(tmp_path / "export", root, jobs=4)
    assert imported(root) == expected
    assert import_all(tmp_path / "export", root, jobs=4).total(Outcome.PRESENT) == 300
    assert_nothing_left(root)
