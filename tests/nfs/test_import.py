"""Import an archive on one mount, be killed, and import it again on another: every message is there once, whole."""

import os
import random
import shutil
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from mailroom.folder_names import folder_directory

from mailroomctl.errors import CommandError
from mailroomctl.moving.summary import Outcome
from mailroomctl.moving.write import JOBS_NFS
from tests.crash.test_import import (
    CALLS,
    PATH,
    assert_nothing_left,
    assert_nothing_partial,
    export,
    import_all,
    imported,
)
from tests.nfs.attempts import PROCESSES, deliver

MESSAGES = 40


def test_killed_and_repeated_on_another_mount(
    mail_root: Path, request: pytest.FixtureRequest, tmp_path: Path, randomly: random.Random
) -> None:
    """While the first runs, another one is refused, and mail is delivered; the kill lets the next one in."""
    other_root = request.getfixturevalue("second_root") if os.environ.get("SECOND_MAIL_ROOT") else mail_root
    expected = export(tmp_path / "export", MESSAGES)
    archive = Path(shutil.make_archive(str(tmp_path / "export"), "zip", tmp_path / "export"))
    root, other = mail_root / "import", other_root / "import"
    root.mkdir()
    halfway = PROCESSES.Event()
    first = PROCESSES.Process(target=_stops_before, args=(randomly.randrange(20, 4 * MESSAGES), halfway, archive, root))
    first.start()
    assert halfway.wait(60)
    with pytest.raises(CommandError, match="another import"):
        import_all(archive, other, JOBS_NFS)
    sent = folder_directory("Sent") or ""
    assert deliver(other, PATH, "1\nbob@example.com", [b"just come\r\n"], folder="Sent") == "delivered"
    expected[sent][b"just come\r\n"] += 1
    first.kill()
    first.join()
    assert_nothing_partial(other, expected)
    summary = import_all(archive, other, JOBS_NFS)
    assert summary.total(Outcome.IMPORTED) + summary.total(Outcome.PRESENT) == MESSAGES
    assert summary.total(Outcome.IMPORTED) > 0
    assert imported(root) == imported(other) == expected
    assert import_all(archive, root, JOBS_NFS).total(Outcome.PRESENT) == MESSAGES
    assert imported(other) == expected
    assert_nothing_left(other)


def _stops_before(number: int, halfway: Any, archive: Path, root: Path) -> None:
    """Import in this process, which does not go on before its ``number``-th call."""
    calls = count()

    def watched(call: Callable[..., Any]) -> Callable[..., Any]:
        def watching(*arguments: Any, **more: Any) -> Any:
            if next(calls) >= number:
                halfway.set()
                time.sleep(600)
            return call(*arguments, **more)

        return watching

    for name in CALLS:
        setattr(os, name, watched(getattr(os, name)))
    import_all(archive, root, JOBS_NFS)
