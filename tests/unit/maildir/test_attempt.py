"""A first attempt: what is on disk afterwards, byte for byte and name for name."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mailroom.errors import DeadlinePassed, MailboxPathRejected, StorageUnavailable
from mailroom.maildir import names

from tests.unit.maildir.one_mailbox import MAIL, PATH, RECEIVED_AT, Deliver, tree

FRONT = b"Delivered-To: bob@example.com\r\n"


def test_a_new_mailbox_gets_its_folders_and_one_message(deliver: Deliver, box: Path) -> None:
    delivered = deliver()
    size = len(FRONT + MAIL)
    base = names.message_name("message-1\nbob@example.com", RECEIVED_AT).base
    assert delivered == (f"{base},S={size},W={size}", "INBOX", size, size, False)
    assert tree(box) == ["cur/", "new/", f"new/{delivered.file_name}", "tmp/"]
    file = box / "new" / delivered.file_name
    assert file.read_bytes() == FRONT + MAIL
    assert file.stat().st_mtime_ns == int(RECEIVED_AT.timestamp()) * 1_000_000_000 + 123_000_000
    assert oct(file.stat().st_mode) == "0o100600"
    assert oct((box / "new").stat().st_mode) == oct(box.parent.stat().st_mode) == "0o40700"


def test_a_folder_is_maildirplusplus(deliver: Deliver, box: Path) -> None:
    delivered = deliver(folder="Lists/Ünï")
    folder = ".Lists.&ANw-n&AO8-"
    assert delivered.folder == "Lists/Ünï"
    assert tree(box) == [
        *(
            f"{folder}{name}"
            for name in ("/", "/cur/", "/maildirfolder", "/new/", f"/new/{delivered.file_name}", "/tmp/")
        ),
        *("cur/", "new/", "tmp/"),
    ]
    assert (box / folder / "maildirfolder").read_bytes() == b""


def test_an_optional_folder_is_used_only_when_it_exists(deliver: Deliver, box: Path) -> None:
    assert deliver(folder="tag", optional_folder=True).folder == "INBOX"
    assert not (box / ".tag").exists()
    (box / ".tag").mkdir()
    delivered = deliver(folder="tag", optional_folder=True, delivery_id="another")
    assert delivered.folder == "tag"
    assert (box / ".tag/new" / delivered.file_name).exists()


@pytest.mark.parametrize("folder", ["a.b", "..", "x" * 300, "~root", "a\nb", ""])
def test_an_optional_folder_that_cannot_exist_is_the_inbox(deliver: Deliver, folder: str) -> None:
    assert deliver(folder=folder, optional_folder=True).folder == "INBOX"


@pytest.mark.parametrize("gone", ["tmp", "new", "cur", "cur new", "new tmp", "cur new tmp"])
@pytest.mark.parametrize("folder", ["INBOX", "Junk"])
def test_what_is_missing_of_a_folder_is_made(deliver: Deliver, box: Path, gone: str, folder: str) -> None:
    place = box if folder == "INBOX" else box / ".Junk"
    for name in {"tmp", "new", "cur"} - set(gone.split()):
        (place / name).mkdir(parents=True)
    delivered = deliver(folder=folder)
    assert (place / "new" / delivered.file_name).exists()
    assert (place / "tmp").exists()
    assert (place / "cur").exists() == (gone != "cur")  # Dovecot makes its own cur/, and looking costs a round trip


def test_a_second_delivery_is_another_message(deliver: Deliver, box: Path) -> None:
    deliver()
    deliver(delivery_id="message-2\nbob@example.com")
    assert len(list((box / "new").iterdir())) == 2


def test_the_walk_without_openat2_does_the_same(deliver: Deliver, box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailroom.maildir.directories.find_openat2", lambda: None)
    for number in range(2):
        delivered = deliver(delivery_id=str(number), folder="Junk")
        assert (box / ".Junk/new" / delivered.file_name).read_bytes() == FRONT + MAIL
    with pytest.raises(MailboxPathRejected):
        deliver(mailbox_path=f"{PATH}/.Junk/new/{delivered.file_name}")


def test_a_mail_root_behind_a_symlink_is_the_operators_choice(deliver: Deliver, root: Path) -> None:
    elsewhere = root.with_name("elsewhere")
    root.rename(elsewhere)
    root.symlink_to(elsewhere)
    delivered = deliver()
    assert (elsewhere / PATH / "new" / delivered.file_name).exists()


def test_a_mail_root_that_is_not_there_is_temporary_and_not_made(deliver: Deliver, root: Path) -> None:
    root.rmdir()
    with pytest.raises(StorageUnavailable, match="mounted"):
        deliver()
    assert not root.exists()


class TestRejectedPaths:
    """Nothing is created, and the reason never shows the path."""

    @pytest.mark.parametrize(
        "path", ["", "/etc", "..", "a/../../b", "a//b", "a/", "./a", "a\0b", "new/" + "x" * 256, "a/" * 2000 + "a"]
    )
    def test_malformed(self, deliver: Deliver, root: Path, path: str) -> None:
        with pytest.raises(MailboxPathRejected):
            deliver(mailbox_path=path)
        assert tree(root) == []

    @pytest.mark.parametrize("folder", ["", "..", "../x", "a/../b", "a.b", "x" * 255, "/", "a\0b"])
    def test_malformed_folder(self, deliver: Deliver, root: Path, folder: str) -> None:
        with pytest.raises(MailboxPathRejected):
            deliver(folder=folder)
        assert tree(root) == []

    @pytest.mark.parametrize("at", ["example.com", "example.com/bob", PATH, f"{PATH}/tmp", f"{PATH}/new"])
    @pytest.mark.parametrize("kind", ["symlink inside", "symlink outside", "dangling", "file", "loop"])
    @pytest.mark.parametrize("recovering", [False, True])
    def test_something_that_is_not_a_folder(
        self, deliver: Deliver, root: Path, at: str, kind: str, recovering: bool
    ) -> None:
        outside = root.with_name("outside")
        for target in (outside, root / "inside"):
            for name in ("tmp", "new", "cur"):
                (target / "bob/Maildir" / name).mkdir(parents=True)
        obstacle = root / at
        obstacle.parent.mkdir(parents=True, exist_ok=True)
        match kind:
            case "symlink inside":
                obstacle.symlink_to(root / "inside")
            case "symlink outside":
                obstacle.symlink_to(outside)
            case "dangling":
                obstacle.symlink_to(outside / "nothing")
            case "loop":
                obstacle.symlink_to(obstacle.name)
            case "file":
                obstacle.touch()
        before = tree(root), tree(outside)
        with pytest.raises(MailboxPathRejected) as caught:
            deliver(recovering=recovering)
        assert "bob" not in str(caught.value)
        if at.endswith(("tmp", "new")):  # the folder is the mailbox owner's; its other parts may be made
            assert tree(outside) == before[1]
        else:
            assert (tree(root), tree(outside)) == before

    def test_symlinked_folder(self, deliver: Deliver, root: Path, box: Path) -> None:
        outside = root.with_name("outside")
        outside.mkdir()
        deliver()
        (box / ".Junk").symlink_to(outside)
        with pytest.raises(MailboxPathRejected):
            deliver(folder="Junk", delivery_id="another")
        assert deliver(folder="Junk", delivery_id="another", optional_folder=True).folder == "INBOX"
        assert tree(outside) == []


@pytest.mark.parametrize("recovering", [False, True])
def test_a_symlink_in_the_temporary_files_place_is_not_followed(
    deliver: Deliver, box: Path, monkeypatch: pytest.MonkeyPatch, recovering: bool
) -> None:
    """Nobody can guess the name; should somebody, nothing is written elsewhere."""
    deliver(delivery_id="another")
    monkeypatch.setattr(names, "temporary_name", lambda *_: "guessed")
    outside = box.parent / "outside"
    outside.write_bytes(b"precious")
    (box / "tmp/guessed").symlink_to(outside)
    with pytest.raises(MailboxPathRejected, match="ELOOP"):
        deliver(recovering=recovering)
    assert outside.read_bytes() == b"precious"
    assert len(list((box / "new").iterdir())) == 1


def test_content_that_fails_leaves_nothing_in_tmp(deliver: Deliver, box: Path) -> None:
    for failure in (ValueError, OSError, KeyboardInterrupt, SystemExit):

        def broken(failure: type[BaseException] = failure):  # type: ignore[no-untyped-def]
            yield MAIL
            raise failure

        with pytest.raises(failure):
            deliver(content=broken())
        assert tree(box) == ["cur/", "new/", "tmp/"]


def test_permission_denied_is_temporary(deliver: Deliver, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "denied")

    monkeypatch.setattr(os, "mkdir", denied)
    with pytest.raises(StorageUnavailable, match="EACCES"):
        deliver()


@pytest.mark.parametrize("folder", ["INBOX", "Junk"])
def test_nothing_is_published_after_the_deadline(deliver: Deliver, box: Path, folder: str) -> None:
    with pytest.raises(DeadlinePassed, match=r"deadline passed 5\.\d s ago"):
        deliver(folder=folder, publish_before=time.time() - 5)
    assert [path for path in box.rglob("*") if path.is_file() and path.name != "maildirfolder"] == []


def test_before_the_deadline_nothing_is_different(deliver: Deliver, box: Path) -> None:
    delivered = deliver(publish_before=time.time() + 600)
    assert tree(box) == ["cur/", "new/", f"new/{delivered.file_name}", "tmp/"]


def test_the_deadline_is_looked_at_last(deliver: Deliver, box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever comes between the look and the rename is time in which a recovery could begin."""
    calls = []

    def noting(name: str, module: object) -> None:
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *args, **more: (calls.append(name), real(*args, **more))[1])

    for name in ("fsync", "close", "rename"):
        noting(name, os)
    noting("time", time)
    deliver(publish_before=time.time() + 600)
    assert calls[: calls.index("rename") + 1][-4:] == ["fsync", "close", "time", "rename"]


def test_a_deadline_that_passes_during_the_write_counts(deliver: Deliver, box: Path) -> None:
    end = time.time() + 0.2

    def content() -> Iterator[bytes]:
        yield MAIL[:10]
        while time.time() < end:
            time.sleep(0.01)
        yield MAIL[10:]

    with pytest.raises(DeadlinePassed):
        deliver(content=content(), publish_before=end)
    assert tree(box) == ["cur/", "new/", "tmp/"]


def test_a_recovery_has_no_deadline(deliver: Deliver) -> None:
    long_ago = time.time() - 3600
    assert not deliver(recovering=True, publish_before=long_ago).already_delivered
    assert deliver(recovering=True, publish_before=long_ago).already_delivered
