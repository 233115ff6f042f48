"""What a power failure could take: every name that a delivery makes is synced in time, and those it relies on."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.maildir.one_mailbox import PATH, Deliver

#: What an earlier attempt may have left, which died before it synced anything.
LEFT = {
    "nothing": (),
    "the domain": ("example.com",),
    "the mailbox": (PATH,),
    "half of its folders": (f"{PATH}/cur", f"{PATH}/new"),
}

type Calls = list[tuple[str, str]]


@pytest.fixture(params=LEFT)
def left(request: pytest.FixtureRequest, root: Path) -> None:
    for folder in LEFT[request.param]:
        (root / folder).mkdir(parents=True)


@pytest.fixture
def calls(root: Path, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """What makes a name, and what syncs a directory or a file, each with its path below the mail root."""
    noted: Calls = []

    def where(descriptor: int, name: str = "") -> str:
        return os.path.relpath(Path(f"/proc/self/fd/{descriptor}").readlink() / name, root)

    def watched(name: str, path: Callable[..., str | None]) -> Callable[..., Any]:
        call = getattr(os, name)

        def watching(*arguments: Any, **more: Any) -> Any:
            result = call(*arguments, **more)
            if (found := path(*arguments, **more)) is not None:
                noted.append((name, found))
            return result

        return watching

    def made(name: str, flags: int, *_: Any, dir_fd: int | None = None) -> str | None:
        return where(dir_fd, name) if flags & os.O_CREAT and dir_fd is not None else None

    paths: dict[str, Callable[..., str | None]] = {
        "mkdir": lambda name, *_, dir_fd: where(dir_fd, name),
        "open": made,
        "fsync": where,
        "rename": lambda _, name, *, src_dir_fd, dst_dir_fd: where(dst_dir_fd, name),
    }
    for name, path in paths.items():
        monkeypatch.setattr(os, name, watched(name, path))
    return noted


def synced_after(calls: Calls, number: int) -> set[str]:
    return {path for name, path in calls[number:] if name == "fsync"}


@pytest.mark.parametrize("folder", ["INBOX", "Junk"])
def test_every_name_is_synced_before_the_delivery_returns(
    left: None, calls: Calls, deliver: Deliver, folder: str
) -> None:
    deliver(folder=folder)
    made = [(number, path) for number, (name, path) in enumerate(calls) if name != "fsync"]
    assert {"mkdir", "open", "rename"} <= {name for name, _ in calls}
    for number, path in made:
        if Path(path).parent.name != "tmp":  # the file there is nobody's until it is renamed
            assert str(Path(path).parent) in synced_after(calls, number), path


@pytest.mark.parametrize("folder", ["INBOX", "Junk"])
def test_what_is_there_already_is_synced_too(left: None, calls: Calls, deliver: Deliver, folder: str) -> None:
    deliver(folder=folder)
    above = {".", "example.com", "example.com/bob", PATH} | ({f"{PATH}/.Junk"} if folder == "Junk" else set())
    assert above <= synced_after(calls, 0)


@pytest.mark.parametrize("folder", ["INBOX", "Junk"])
def test_tmp_is_made_when_everything_beside_and_above_it_is_synced(
    left: None, calls: Calls, deliver: Deliver, folder: str
) -> None:
    """Whoever finds ``tmp`` and ``new`` relies on the rest."""
    deliver(folder=folder)
    for number, (name, path) in enumerate(calls):
        if name == "mkdir" and Path(path).name == "tmp":
            place = Path(path).parent
            beside = [n for n, (_, one) in enumerate(calls[:number]) if Path(one).parent == place]
            assert str(place) in synced_after(calls[:number], max(beside, default=0)), path
            assert {str(above) for above in place.parents} <= synced_after(calls[:number], 0), path


def test_the_content_is_synced_before_it_has_its_name(deliver: Deliver, calls: Calls) -> None:
    deliver()
    [renamed] = [number for number, (name, _) in enumerate(calls) if name == "rename"]
    [temporary] = [path for name, path in calls if name == "open" and Path(path).parent.name == "tmp"]
    assert ("fsync", temporary) in calls[:renamed]
    assert ("fsync", f"{PATH}/new") in calls[renamed:]
