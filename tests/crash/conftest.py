"""These tests need strace, and fail without it: a proof that is skipped proves nothing."""

import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from mailroom.maildir import times


@pytest.fixture(scope="session", autouse=True)
def strace() -> None:
    if not shutil.which("strace"):
        pytest.fail("strace is missing; on Debian: apt-get install strace")


@pytest.fixture
def each() -> Iterator[Callable[..., None]]:
    """Run a check for many cases, as many at a time as there are processors; the first failure is raised."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:

        def each(check: Callable[..., None], cases: Iterable[object]) -> None:
            try:
                for done in [pool.submit(check, case) for case in cases]:
                    done.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

        yield each


@pytest.fixture
def new_root(tmp_path: Path) -> Callable[[str], Path]:
    """Make the folder of one case with an empty mail root in it."""

    def new_root(case: str) -> Path:
        root = tmp_path / case / "mail"
        root.mkdir(parents=True)
        return root

    return new_root


@pytest.fixture
def untouched(monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """Let all that directories have seen so far be an hour old, by the file server's clock; gives the time now."""
    changed = times._changed

    def untouched() -> float:
        time.sleep(0.02)  # the kernel's clock for files goes in ticks
        now = time.time()
        time.sleep(0.02)

        def aged(descriptor: int) -> float:
            at = changed(descriptor)
            return at if at > now else at - 3600

        monkeypatch.setattr(times, "_changed", aged)
        return now

    return untouched
