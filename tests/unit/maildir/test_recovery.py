"""A recovery: finds what earlier attempts did, clears what they left, and touches nobody else's files."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mailroom.errors import StorageUnavailable
from mailroom.maildir import names, recovery

from tests.unit.maildir.one_mailbox import MAIL, RECEIVED_AT, Deliver, entries, tree

NAME = names.message_name("message-1\nbob@example.com", RECEIVED_AT)


def never() -> Iterator[bytes]:
    """Content that must not be read."""
    raise AssertionError("the content was read although nothing had to be written")
    yield b""


def test_nothing_happened_yet(deliver: Deliver, box: Path) -> None:
    delivered = deliver(recovering=True)
    assert not delivered.already_delivered
    assert tree(box) == ["cur/", "new/", f"new/{delivered.file_name}", "tmp/"]


@pytest.mark.parametrize("moved_to", [None, ":2,", ":2,FS", ":2,Sab"])
@pytest.mark.parametrize("folder", ["INBOX", "Junk"])
def test_delivered_already(deliver: Deliver, box: Path, moved_to: str | None, folder: str) -> None:
    place = box / ".Junk" if folder == "Junk" else box
    first = deliver(folder=folder)
    if moved_to is not None:
        (place / "new" / first.file_name).rename(place / "cur" / (first.file_name + moved_to))
    before = tree(box)
    again = deliver(folder=folder, recovering=True, content=never(), headers=[("X-Another", "header")])
    assert again == first._replace(already_delivered=True)
    assert tree(box) == before


def test_a_later_receive_time_is_the_same_delivery(deliver: Deliver) -> None:
    first = deliver()
    again = deliver(recovering=True, received_at=RECEIVED_AT.timestamp() + 3600)
    assert again == first._replace(already_delivered=True)


def test_a_file_without_sizes_in_its_name_is_measured(deliver: Deliver, box: Path) -> None:
    deliver()
    file = next((box / "new").iterdir())
    file.rename(box / "cur" / f"{NAME.base}:2,S")
    again = deliver(recovering=True)
    size = (box / "cur" / f"{NAME.base}:2,S").stat().st_size
    assert again == (NAME.base, "INBOX", size, size, True)


def test_only_this_deliverys_temporary_files_are_cleared(deliver: Deliver, box: Path) -> None:
    deliver(delivery_id="another")
    own = [f"{NAME.base}.dead1", f"{NAME.base}.dead2"]
    foreign = [names.message_name("another", RECEIVED_AT).base + ".x", "1.M2P3.host", f"{NAME.base[:-9]}.elsewhere"]
    for name in own + foreign:
        (box / "tmp" / name).write_bytes(b"half")
    deliver(recovering=True)
    assert entries(box / "tmp") == sorted(foreign)
    assert len(entries(box / "new")) == 2


def test_a_first_attempt_lists_nothing(deliver: Deliver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "scandir", lambda *_: pytest.fail("the first attempt listed a directory"))
    deliver()
    deliver(delivery_id="another", folder="Junk")


def test_the_inbox_is_searched_too(deliver: Deliver, box: Path) -> None:
    """The first attempt used the INBOX because the folder did not exist; the user made it meanwhile."""
    first = deliver(folder="tag", optional_folder=True)
    assert first.folder == "INBOX"
    (box / ".tag").mkdir()
    (box / "tmp" / f"{NAME.base}.dead").touch()
    again = deliver(folder="tag", optional_folder=True, recovering=True, content=never())
    assert again == first._replace(already_delivered=True)
    assert entries(box / "tmp") == []


def test_a_missing_cur_is_an_empty_one(deliver: Deliver, box: Path) -> None:
    deliver()
    (box / "cur").rmdir()
    assert deliver(recovering=True).already_delivered
    assert not deliver(recovering=True, delivery_id="another").already_delivered


def test_what_is_found_is_made_durable(deliver: Deliver, box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first attempt died between rename and fsync."""
    synced: list[str] = []
    fsync = os.fsync

    def noting(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    deliver()
    monkeypatch.setattr(os, "fsync", noting)
    deliver(recovering=True)
    assert synced == ["new", "cur"]


def test_a_message_renamed_while_the_folder_is_read_is_found(deliver: Deliver, monkeypatch: pytest.MonkeyPatch) -> None:
    """readdir may show a renamed entry under neither name; the next look finds it."""
    looks = 0
    matching = recovery._matching

    def blind_at_first(directory: int, mark: str) -> Iterator[str]:
        nonlocal looks
        looks += 1
        return iter(()) if looks <= 3 else matching(directory, mark)

    first = deliver()
    monkeypatch.setattr(recovery, "_matching", blind_at_first)
    assert deliver(recovering=True) == first._replace(already_delivered=True)


def test_looking_ends_when_the_folder_is_quiet_and_never_goes_on_forever(
    deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    matching = recovery._matching
    monkeypatch.setattr(recovery, "_matching", lambda fd, mark: looks.append(mark) or matching(fd, mark))
    deliver(recovering=True)
    assert len(looks) == 1 + 2 * recovery.MIN_LOOKS  # tmp once, then new and cur
    looks.clear()
    clock = iter(range(1000))
    monkeypatch.setattr(recovery, "_changed", lambda directory: next(clock))
    deliver(recovering=True, delivery_id="another")
    assert len(looks) == 1 + 2 * recovery.MAX_LOOKS


class TestRivals:
    """Another recovery clears our file: early, we begin again; late, we fail."""

    def test_cleared_early(self, deliver: Deliver, box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        clear = recovery.clear
        times = iter([True, False])

        def cleared_by_a_rival(*arguments: Any, **options: Any) -> None:
            clear(*arguments, **options)
            if next(times):
                clear(*arguments)

        monkeypatch.setattr(recovery, "clear", cleared_by_a_rival)
        assert not deliver(recovering=True, patience=1).already_delivered
        assert entries(box / "tmp") == []

    def test_cleared_by_a_rival_that_finishes(self, deliver: Deliver, monkeypatch: pytest.MonkeyPatch) -> None:
        fence = recovery.fence
        finished: list[object] = []

        def beaten(*arguments: Any) -> Any:
            if not finished:
                finished.append(None)
                finished.append(deliver(recovering=True, attempt="rival"))
            return fence(*arguments)

        monkeypatch.setattr(recovery, "fence", beaten)
        assert deliver(recovering=True, patience=1, content=never()).already_delivered

    def test_cleared_again_and_again(self, deliver: Deliver, box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(recovery, "clear", lambda name, candidates, keep=None: (box / "tmp" / keep).unlink())
        with pytest.raises(StorageUnavailable, match="another attempt"):
            deliver(recovering=True, patience=0.1)

    def test_cleared_late(self, deliver: Deliver, box: Path) -> None:
        def content() -> Iterator[bytes]:
            deliver(recovering=True, attempt="rival")
            yield MAIL

        with pytest.raises(StorageUnavailable, match="another attempt"):
            deliver(content=content())
        assert len(entries(box / "new")) == 1
        assert entries(box / "tmp") == []


class TestPatience:
    """A stale handle is tried again for a moment; nothing else is, and nothing once the content is read."""

    @pytest.fixture
    def stale(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int, int], list[None]]:
        """Let a function of `os` fail some times; the returned list grows by one per call."""

        def stale(function: str, failures: int, number: int = errno.ESTALE) -> list[None]:
            calls: list[None] = []
            real = getattr(os, function)

            def failing(*arguments: Any, **options: Any) -> Any:
                calls.append(None)
                if len(calls) <= failures:
                    raise OSError(number, os.strerror(number))
                return real(*arguments, **options)

            monkeypatch.setattr(os, function, failing)
            return calls

        return stale

    @pytest.mark.parametrize("recovering", [False, True])
    def test_a_hiccup_passes(self, deliver: Deliver, box: Path, stale: Any, recovering: bool) -> None:
        deliver(delivery_id="another")
        stale("open", 2)
        assert not deliver(recovering=recovering, patience=1).already_delivered
        assert entries(box / "tmp") == []

    @pytest.mark.parametrize(("number", "patience"), [(errno.EIO, 1), (errno.ESTALE, 0)])
    def test_no_second_try(self, deliver: Deliver, stale: Any, number: int, patience: int) -> None:
        deliver(delivery_id="another")
        calls = stale("open", 1, number)
        with pytest.raises(StorageUnavailable, match=errno.errorcode[number]):
            deliver(patience=patience)
        assert len(calls) == 1

    def test_patience_ends(self, deliver: Deliver, stale: Any) -> None:
        deliver(delivery_id="another")
        stale("open", 1000)
        with pytest.raises(StorageUnavailable, match="ESTALE"):
            deliver(patience=0.2)

    @pytest.mark.parametrize("function", ["writev", "utime", "rename", "fsync"])
    def test_no_second_try_with_the_content(self, deliver: Deliver, box: Path, stale: Any, function: str) -> None:
        deliver(delivery_id="another")
        calls = stale(function, 1)
        with pytest.raises(StorageUnavailable, match="ESTALE"):
            deliver(patience=1)
        assert len(calls) == 1
        assert entries(box / "tmp") == []
