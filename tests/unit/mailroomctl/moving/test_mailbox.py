import fcntl
import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from pathlib import Path

import pytest
from mailroom.errors import MailboxPathRejected, StorageUnavailable

from mailroomctl.errors import CommandError
from mailroomctl.moving import mailbox
from mailroomctl.moving.index import Index
from mailroomctl.moving.mailbox import LOCK, Mailbox
from mailroomctl.moving.owner import Owner
from tests.unit.mailroomctl.moving.one_import import PATH, import_from, mbox, outcomes, put

type Opened = Callable[[Path], Mailbox]


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Open the mailbox as an import does."""
    with closing(Index()) as index:
        yield lambda root: Mailbox(str(root), PATH, None, index, dry_run=False)


def test_a_second_import_into_a_mailbox_is_refused(opened: Opened, tmp_path: Path) -> None:
    one, other = opened(tmp_path), opened(tmp_path)
    one.lock()
    with pytest.raises(CommandError, match="another import into this mailbox is running"):
        other.lock()
    other.close()
    assert (tmp_path / PATH / LOCK).exists()
    one.close()
    assert not (tmp_path / PATH / LOCK).exists()
    other.lock()
    other.close()


@pytest.mark.parametrize(("owner", "says"), [(Owner(8, 9), "user 8 .* another --owner"), (None, "run this as root")])
def test_a_mailbox_that_its_owner_may_not_make_is_told_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Owner | None, says: str
) -> None:
    def refused(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(mailbox, "open_folder", refused)
    monkeypatch.setattr(mailbox, "acting_as", lambda _: nullcontext())
    with closing(Index()) as index:
        one = Mailbox(str(tmp_path), PATH, owner, index, dry_run=False)
        with pytest.raises(CommandError, match=f"may not write to {PATH} below {tmp_path}") as error:
            one.lock()
        assert re.search(says, str(error.value))


def test_a_lock_that_its_owner_has_just_removed_does_not_count(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else two imports would have one each: the removed one, and a new one."""
    one = opened(tmp_path)
    real = fcntl.flock
    removed = []

    def flock(descriptor: int, operation: int) -> None:
        if not removed:
            (tmp_path / PATH / LOCK).unlink()
            removed.append(True)
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    one.lock()
    assert one._lock is not None
    assert os.fstat(one._lock).st_ino == (tmp_path / PATH / LOCK).stat().st_ino
    one.close()


def test_what_a_killed_import_has_locked_is_free(opened: Opened, tmp_path: Path) -> None:
    put(tmp_path, f"{PATH}/{LOCK}", b"")
    one = opened(tmp_path)
    one.lock()
    one.close()


def test_a_lock_that_leads_elsewhere_is_refused(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "root" / PATH).mkdir(parents=True)
    (tmp_path / "root" / PATH / LOCK).symlink_to(tmp_path / "elsewhere")
    one = opened(tmp_path / "root")
    with pytest.raises(MailboxPathRejected):
        one.lock()
    one.close()
    assert not (tmp_path / "elsewhere").exists()


def test_a_mail_root_that_is_not_mounted_is_told(opened: Opened, tmp_path: Path) -> None:
    one = opened(tmp_path / "nothing")
    with pytest.raises(StorageUnavailable, match="is the file system mounted"):
        one.lock()
    one.close()


def test_names_are_read_again_while_somebody_changes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing may show a message that is renamed meanwhile under neither name."""
    source = put(tmp_path, "a.mbox", mbox(b"1\n"))
    import_from(source, tmp_path / "mail")
    real = mailbox._identities
    looks = []

    def missed(readable: int) -> list[bytes]:
        found = list(real(readable))
        looks.append(len(found))
        return found if looks.count(1) > 1 else []

    monkeypatch.setattr(mailbox, "_identities", missed)
    assert outcomes(import_from(source, tmp_path / "mail")) == {"present": 1}
    assert len(looks) == 4


def test_folders_that_are_there_are_found(opened: Opened, tmp_path: Path) -> None:
    put(tmp_path, f"{PATH}/cur/1", b"")
    put(tmp_path, f"{PATH}/.Sent/cur/1", b"")
    put(tmp_path, f"{PATH}/.hidden", b"")
    one = opened(tmp_path)
    assert [place.name for place in one.places()] == ["INBOX", ".Sent"]
    assert opened(tmp_path / "x").places() == []
