import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mailroomctl.errors import CommandError
from mailroomctl.moving import owner
from mailroomctl.moving.owner import Owner, acting_as, owner_for, parse_owner
from tests.unit.mailroomctl.moving.one_import import files, import_from, mbox, put


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.fixture
def owned_by(monkeypatch: pytest.MonkeyPatch) -> dict[str, Owner]:
    """Who owns what, by the names of folders; all else is root's."""
    owners: dict[str, Owner] = {}

    class Status:
        def __init__(self, path: Path) -> None:
            self.st_uid, self.st_gid = owners.get(path.name, Owner(0, 0))

    def stat(path: Path, *, follow_symlinks: bool = True) -> Status:
        if path.name == "missing":
            raise FileNotFoundError
        return Status(path)

    monkeypatch.setattr(Path, "stat", stat)
    return owners


@pytest.mark.usefixtures("as_root")
def test_root_writes_as_the_mailbox_s_owner_or_the_nearest(owned_by: dict[str, Owner]) -> None:
    owned_by |= {"mail": Owner(8, 8), "example.com": Owner(10, 10), "bob": Owner(11, 12)}
    assert owner_for("/mail", ["example.com", "bob"], None) == Owner(11, 12)
    assert owner_for("/mail", ["example.com", "missing", "bob"], None) == Owner(10, 10)
    assert owner_for("/mail", ["missing"], None) == Owner(8, 8)
    assert owner_for("/mail", ["missing"], Owner(1, 2)) == Owner(1, 2)
    with pytest.raises(CommandError, match="give --owner"):
        owner_for("/other", ["root's"], None)


def test_others_write_as_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getegid", lambda: 1000)
    assert owner_for("/", [], None) is None
    assert owner_for("/", [], Owner(1000, 1000)) is None
    with pytest.raises(CommandError, match="only root"):
        owner_for("/", [], Owner(8, 8))


def test_owners_are_written_as_names_or_numbers() -> None:
    assert parse_owner(None) is None
    assert parse_owner("daemon") == Owner(1, 1)
    assert parse_owner("daemon:root") == Owner(1, 0)
    assert parse_owner("4711:4712") == Owner(4711, 4712)
    assert parse_owner("1") == Owner(1, 1)
    for wrong in ("nobody-of-this-name", "4711", "daemon:no-group"):
        with pytest.raises(CommandError, match="knows no user or group"):
            parse_owner(wrong)
    with pytest.raises(CommandError, match="as root"):
        parse_owner("root")


class Libc:
    """setfsuid and setfsgid, which give the former one back, and do nothing where it is forbidden."""

    def __init__(self, *, allowed: bool) -> None:
        self.allowed = allowed
        self.ids = threading.local()

    def _set(self, name: str, value: int) -> int:
        before = getattr(self.ids, name, 0)
        if value != -1 and self.allowed:
            setattr(self.ids, name, value)
        return int(before)

    def setfsuid(self, value: int) -> int:
        return self._set("uid", value)

    def setfsgid(self, value: int) -> int:
        return self._set("gid", value)

    def now(self) -> Owner:
        return Owner(self.setfsuid(-1), self.setfsgid(-1))


def test_a_thread_acts_as_the_owner_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    libc = Libc(allowed=True)
    monkeypatch.setattr(owner, "_libc", lambda: libc)
    with acting_as(Owner(8, 12)):
        assert libc.now() == Owner(8, 12)
    assert libc.now() == Owner(0, 0)
    with pytest.raises(ZeroDivisionError), acting_as(Owner(8, 12)):
        assert 1 / 0
    assert libc.now() == Owner(0, 0)
    with acting_as(None):
        assert libc.now() == Owner(0, 0)


def test_a_machine_that_does_not_allow_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owner, "_libc", lambda: Libc(allowed=False))
    with pytest.raises(CommandError, match="does not let us write as user 8"), acting_as(Owner(8, 8)):
        raise AssertionError


def test_every_call_on_the_mail_root_is_made_as_the_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    libc = Libc(allowed=True)
    monkeypatch.setattr(owner, "_libc", lambda: libc)
    source = put(tmp_path, "a.mbox", mbox(b"1\n", b"2\n"))
    wrong: list[str] = []
    (tmp_path / "mail").mkdir()

    def watched(name: str, real: Callable[..., object]) -> Callable[..., object]:
        def watching(*arguments: object, **more: object) -> object:
            if libc.now() != Owner(8, 12):
                wrong.append(f"{name} {arguments}")
            return real(*arguments, **more)

        return watching

    for name in ("open", "mkdir", "rename", "unlink", "writev", "utime", "fsync", "scandir"):
        monkeypatch.setattr(os, name, watched(name, getattr(os, name)))
    import_from(source, tmp_path / "mail", owner=Owner(8, 12))
    assert [call for call in wrong if "mail" in call] == []
    assert {call.split()[0] for call in wrong} <= {"open"}
    assert libc.now() == Owner(0, 0)
    assert len(files(tmp_path / "mail")) == 2
