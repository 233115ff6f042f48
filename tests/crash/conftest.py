"""These tests need strace, and fail without it: a proof that is skipped proves nothing."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest


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
