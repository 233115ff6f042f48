"""A recovery: finds what earlier attempts did, clears what they left, and touches nobody else's files."""

import errno
import itertools
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from mailroom.errors import StorageUnavailable
from mailroom.maildir import names, recovery, times
from mailroom.maildir.draft import Draft

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
        synced.append(_name(descriptor))
        fsync(descriptor)

    deliver()
    monkeypatch.setattr(os, "fsync", noting)
    deliver(recovering=True)
    assert synced == ["new", "cur"]


class Listings:
    """Which directories were listed, in order; ``before`` and ``after`` run around the n-th listing of one (from 1)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        self.before: dict[tuple[str, int], Callable[[], object]] = {}
        self.after: dict[tuple[str, int], Callable[[], object]] = {}
        self._matching = recovery._matching
        monkeypatch.setattr(recovery, "_matching", self._list)

    def _list(self, readable: int, mark: str) -> Iterator[str]:
        name = _name(readable)
        self.names.append(name)
        at = name, self.names.count(name)
        self.before.get(at, lambda: None)()
        found = list(self._matching(readable, mark))
        self.after.get(at, lambda: None)()
        return iter(found)


@pytest.fixture
def listings(monkeypatch: pytest.MonkeyPatch) -> Listings:
    return Listings(monkeypatch)


@pytest.fixture
def age(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let everything that has happened to directories so far be some seconds older, by the server's clock."""

    def age(seconds: float) -> None:
        time.sleep(0.01)  # the kernel's clock for files goes in ticks
        real, now = times._changed, time.time()
        time.sleep(0.01)

        def aged(descriptor: int) -> float:
            changed = real(descriptor)
            return changed - seconds if changed <= now else changed

        monkeypatch.setattr(times, "_changed", aged)

    return age


class TestWhatIsListed:
    """A directory that has not changed since the first claim is passed over; one look is enough where it is proof."""

    @pytest.fixture(autouse=True)
    def folders(self, box: Path) -> None:
        for name in ("tmp", "new", "cur"):
            (box / name).mkdir(parents=True)

    def recover(self, deliver: Deliver, first_claimed_at: float | None, **changes: Any) -> Any:
        return deliver(recovering=True, first_claimed_at=first_claimed_at, **changes)

    def test_nothing_has_changed(self, deliver: Deliver, age: Any, listings: Listings) -> None:
        age(100)
        assert not self.recover(deliver, time.time()).already_delivered
        assert listings.names == ["tmp"]

    @pytest.mark.parametrize(
        ("touched", "listed"), [("new", ["tmp", "new", "new"]), ("cur", ["tmp", "cur", "cur"]), ("tmp", ["tmp"])]
    )
    def test_only_what_has_changed(
        self, deliver: Deliver, box: Path, age: Any, listings: Listings, touched: str, listed: list[str]
    ) -> None:
        age(100)
        (box / touched / "another").touch()
        assert not self.recover(deliver, time.time()).already_delivered
        assert listings.names == listed

    @pytest.mark.parametrize(("seconds", "listed"), [(61, ["tmp"]), (59, ["tmp", "new", "cur"])])
    def test_the_margin(self, deliver: Deliver, age: Any, listings: Listings, seconds: int, listed: list[str]) -> None:
        age(seconds)
        self.recover(deliver, time.time())
        assert listings.names == listed

    @pytest.mark.parametrize("part", ["new", "cur"])
    def test_a_time_that_the_owner_set_back_hides_nothing(
        self, deliver: Deliver, box: Path, age: Any, part: str
    ) -> None:
        age(100)
        claimed = time.time()
        first = deliver()
        if part == "cur":
            (box / "new" / first.file_name).rename(box / "cur" / f"{first.file_name}:2,S")
        for name in ("new", "cur"):
            os.utime(box / name, (1, 1))
        assert self.recover(deliver, claimed, content=never()) == first._replace(already_delivered=True)

    @pytest.mark.parametrize("seconds", [-3600, -11, 11, 3600])
    def test_clocks_that_differ(
        self, deliver: Deliver, age: Any, listings: Listings, monkeypatch: pytest.MonkeyPatch, seconds: int
    ) -> None:
        age(10_000)
        real = time.time
        monkeypatch.setattr(times.time, "time", lambda: real() + seconds)
        self.recover(deliver, time.time())
        assert listings.names == ["tmp", "new", "cur"]

    def test_a_server_that_answers_late_says_nothing_of_its_clock(
        self, deliver: Deliver, age: Any, listings: Listings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        age(10_000)
        claimed, seconds, create = time.time(), itertools.count(0, 11), Draft.__init__
        offset = 0
        real = time.time
        monkeypatch.setattr(times.time, "time", lambda: real() + offset)

        def late(*arguments: Any) -> None:
            nonlocal offset
            create(*arguments)
            offset = next(seconds) + 11

        monkeypatch.setattr(Draft, "__init__", late)
        self.recover(deliver, claimed)
        assert listings.names == ["tmp", "new", "cur"]

    @pytest.mark.parametrize("claimed", [None, "an hour ahead"])
    def test_a_claim_that_says_nothing(
        self, deliver: Deliver, age: Any, listings: Listings, claimed: str | None
    ) -> None:
        age(10_000)
        self.recover(deliver, time.time() + 3600 if claimed else None)
        assert listings.names == ["tmp", "new", "cur"]

    def test_a_file_system_that_does_not_keep_directories_times(
        self, deliver: Deliver, listings: Listings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = times._changed

        def frozen(descriptor: int) -> float:
            return real(descriptor) if stat.S_ISREG(os.fstat(descriptor).st_mode) else time.time() - 10_000

        monkeypatch.setattr(times, "_changed", frozen)
        self.recover(deliver, time.time())
        assert listings.names == ["tmp", "new", "cur"]

    @pytest.mark.parametrize(("seconds", "looks"), [(2.1, 1), (1.5, 2)])
    def test_one_look_is_enough_where_nothing_changed_for_two_seconds(
        self, deliver: Deliver, age: Any, listings: Listings, seconds: float, looks: int
    ) -> None:
        age(seconds)
        self.recover(deliver, None)
        assert listings.names == ["tmp", *["new", "cur"] * looks]

    def test_a_folder_that_changes_during_the_look_is_looked_at_again(
        self, deliver: Deliver, box: Path, age: Any, listings: Listings
    ) -> None:
        age(100)
        listings.after["cur", 1] = (box / "cur" / "another").touch
        self.recover(deliver, None)
        assert listings.names == ["tmp", "new", "cur", "new", "cur"]

    def test_looking_never_goes_on_forever(self, deliver: Deliver, box: Path, listings: Listings) -> None:
        for look in range(20):
            listings.after["cur", look] = (box / "cur" / str(look)).touch
        self.recover(deliver, None)
        assert listings.names == ["tmp", *["new", "cur"] * recovery.MAX_LOOKS]

    def test_the_tmp_of_a_busy_mailbox_is_listed_once(self, deliver: Deliver, box: Path, listings: Listings) -> None:
        (box / "tmp" / f"{NAME.base}.dead").touch()
        self.recover(deliver, None)
        assert listings.names.count("tmp") == 1


class TestAReaderThatMovesTheMessage:
    """Whenever it does, and wherever to: the copy is found."""

    @pytest.mark.parametrize("first_claimed", [True, False])
    @pytest.mark.parametrize("moment", [("new", 1, "before"), ("new", 1, "after"), ("cur", 1, "before")])
    def test_to_cur(
        self, deliver: Deliver, box: Path, listings: Listings, moment: tuple[str, int, str], first_claimed: bool
    ) -> None:
        claimed = time.time() if first_claimed else None
        first = deliver()
        move = partial((box / "new" / first.file_name).rename, box / "cur" / f"{first.file_name}:2,S")
        part, number, when = moment
        getattr(listings, when)[part, number] = move
        again = deliver(recovering=True, first_claimed_at=claimed, content=never())
        assert again == first._replace(already_delivered=True)

    def test_between_two_names_while_cur_is_listed(
        self, deliver: Deliver, box: Path, age: Any, listings: Listings
    ) -> None:
        """readdir may show a renamed entry under neither name; the next look finds it."""
        first = deliver()
        names = [box / "cur" / f"{first.file_name}:2,{flags}" for flags in ("", "S")]
        aside = box / "aside"
        (box / "new" / first.file_name).rename(names[0])
        age(100)
        listings.before["cur", 1] = partial(names[0].rename, aside)
        listings.after["cur", 1] = partial(aside.rename, names[1])
        again = deliver(recovering=True, content=never())
        assert again == first._replace(already_delivered=True)
        assert listings.names == ["tmp", "new", "cur", "new", "cur"]

    def test_back_to_new(self, deliver: Deliver, box: Path, age: Any, listings: Listings) -> None:
        first = deliver()
        new, cur = box / "new" / first.file_name, box / "cur" / first.file_name
        new.rename(cur)
        age(100)
        listings.before["cur", 1] = partial(cur.rename, new)
        assert deliver(recovering=True, content=never()).already_delivered

    def test_to_a_cur_that_it_has_to_make(self, deliver: Deliver, box: Path, age: Any, listings: Listings) -> None:
        first = deliver()
        (box / "cur").rmdir()
        age(100)

        def read() -> None:
            (box / "cur").mkdir()
            (box / "new" / first.file_name).rename(box / "cur" / f"{first.file_name}:2,S")

        listings.before["new", 1] = read
        assert deliver(recovering=True, content=never()).already_delivered


class TestAFolderThatBecomesAnother:
    """A restore puts another folder in the place of what was there: what it has decides, and not what was delivered."""

    @pytest.fixture(autouse=True)
    def folders(self, box: Path) -> None:
        for name in ("tmp", "new", "cur"):
            (box / name).mkdir(parents=True)

    @pytest.mark.parametrize("replaced", ["", "new", "cur"], ids=["the mailbox", "new", "cur"])
    @pytest.mark.parametrize("dated", ["as it was", "when it was restored"])
    def test_a_backup_with_the_copy(self, deliver: Deliver, box: Path, age: Any, replaced: str, dated: str) -> None:
        age(100)
        claimed = time.time()
        first = deliver()
        if replaced == "cur":
            (box / "new" / first.file_name).rename(box / "cur" / f"{first.file_name}:2,S")
        place = box / replaced
        backup = shutil.copytree(place, box.with_name("backup"))
        if dated == "as it was":
            for path in (backup, *backup.iterdir()):
                os.utime(path, (1, 1))
        place.rename(box.with_name("lost"))
        backup.rename(place)
        assert deliver(recovering=True, first_claimed_at=claimed, content=never()) == first._replace(
            already_delivered=True
        )

    def test_a_backup_from_before(self, deliver: Deliver, box: Path, age: Any, listings: Listings) -> None:
        backup = shutil.copytree(box, box.with_name("backup"))
        age(100)
        claimed = time.time()
        first = deliver()
        box.rename(box.with_name("lost"))
        backup.rename(box)
        assert deliver(recovering=True, first_claimed_at=claimed) == first
        assert listings.names == ["tmp"]
        assert entries(box / "new") == [first.file_name]

    def test_a_mailbox_that_another_had_before(self, deliver: Deliver, box: Path, age: Any) -> None:
        """The two have changed places: neither one's copy is taken for the other's."""
        other = {"mailbox_path": "example.com/carol/Maildir", "delivery_id": "message-1\ncarol@example.com"}
        age(100)
        claimed = time.time()
        first = deliver()
        second = deliver(**other)
        bob, carol = box, box.parents[1] / "carol/Maildir"
        bob.rename(bob.with_name("aside"))
        carol.rename(bob)
        bob.with_name("aside").rename(carol)
        assert deliver(recovering=True, first_claimed_at=claimed) == first
        assert deliver(recovering=True, first_claimed_at=claimed, **other) == second
        assert entries(bob / "new") == entries(carol / "new") == sorted([first.file_name, second.file_name])

    def test_a_folder_that_was_renamed_with_the_copy_gets_it_again(self, deliver: Deliver, box: Path) -> None:
        """As when somebody moves it: a look into every folder would make recoveries as slow as mailboxes are big."""
        claimed = time.time()
        first = deliver(folder="Junk")
        (box / ".Junk").rename(box / ".Spam")
        again = deliver(folder="Junk", recovering=True, first_claimed_at=claimed)
        assert again == first
        assert entries(box / ".Junk/new") == entries(box / ".Spam/new") == [first.file_name]
        assert deliver(folder="Junk", recovering=True, first_claimed_at=claimed, content=never()).already_delivered


def _name(directory: int) -> str:
    return Path(f"/proc/self/fd/{directory}").readlink().name


class TestAListingThatIsInterrupted:
    """It is no proof: nothing is written after it, and nothing is left."""

    @pytest.fixture
    def interrupted(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
        """Let the first listing of a directory fail after its first entry."""

        def interrupted(part: str, number: int) -> None:
            real, left = os.scandir, [part]

            class Interrupted:
                def __init__(self, directory: int | str) -> None:
                    self._entries = real(directory)
                    self._fails = isinstance(directory, int) and _name(directory) in left

                def __enter__(self) -> Iterator[os.DirEntry[str]]:
                    return self._read()

                def __exit__(self, *_: object) -> None:
                    self._entries.close()

                def _read(self) -> Iterator[os.DirEntry[str]]:
                    if self._fails:
                        left.clear()
                        raise OSError(number, os.strerror(number))
                    yield from self._entries

            monkeypatch.setattr(os, "scandir", Interrupted)

        return interrupted

    @pytest.mark.parametrize("part", ["tmp", "new", "cur"])
    def test_a_failure(self, deliver: Deliver, box: Path, interrupted: Any, part: str) -> None:
        first = deliver()
        (box / "new" / first.file_name).rename(box / "cur" / f"{first.file_name}:2,S")
        interrupted(part, errno.EIO)
        with pytest.raises(StorageUnavailable, match="the storage fails"):
            deliver(recovering=True, content=never())
        assert entries(box / "tmp") == entries(box / "new") == []
        assert deliver(recovering=True, content=never()).already_delivered

    @pytest.mark.parametrize("part", ["tmp", "new", "cur"])
    def test_what_may_pass_is_listed_again(self, deliver: Deliver, box: Path, interrupted: Any, part: str) -> None:
        first = deliver()
        (box / "new" / first.file_name).rename(box / "cur" / f"{first.file_name}:2,S")
        interrupted(part, errno.ESTALE)
        assert deliver(recovering=True, patience=1, content=never()) == first._replace(already_delivered=True)
        assert entries(box / "tmp") == entries(box / "new") == []


class TestRivals:
    """Another recovery clears our file: early, we begin again; late, we fail."""

    def test_cleared_early(self, deliver: Deliver, box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        clear = recovery.clear
        rounds = iter([True, False])

        def cleared_by_a_rival(*arguments: Any, **options: Any) -> Any:
            seen = clear(*arguments, **options)
            if next(rounds):
                clear(*arguments)
            return seen

        monkeypatch.setattr(recovery, "clear", cleared_by_a_rival)
        assert not deliver(recovering=True, patience=1).already_delivered
        assert entries(box / "tmp") == []

    def test_who_is_cleared_before_the_look_does_not_look(
        self, deliver: Deliver, listings: Listings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clear = recovery.clear
        monkeypatch.setattr(recovery, "clear", lambda *arguments, **_: clear(*arguments))
        with pytest.raises(StorageUnavailable, match="another attempt"):
            deliver(recovering=True)
        assert listings.names == ["tmp"]

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
        monkeypatch.setattr(Draft, "exists", lambda _: False)
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
