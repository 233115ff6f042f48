"""One mailbox as a mail reader sees it, and a mail reader that moves messages."""

from collections.abc import Iterator
from pathlib import Path

from mailroom import maildir
from mailroom.maildir import Delivered, names

from tests.crash.traced_delivery import DELIVERY_ID, MAIL, MAILBOX, RECEIVED_AT


def recover(
    root: Path,
    folder: str = "INBOX",
    *,
    recovering: bool = True,
    patience: float = 0.8,
    first_claimed_at: float | None = None,
) -> Delivered:
    """Deliver the suite's message, as a recovery, in this process."""
    return maildir.deliver(
        root,
        mailbox_path=MAILBOX,
        folder=folder,
        delivery_id=DELIVERY_ID,
        received_at=RECEIVED_AT,
        headers=[],
        content=[MAIL],
        attempt="recovery",
        recovering=recovering,
        first_claimed_at=first_claimed_at,
        patience=patience,
    )


def first_attempt(root: Path, content: Iterator[bytes], publish_before: float | None = None) -> Delivered:
    """Deliver the suite's message for the first time, in this process, as fast as its content comes."""
    return maildir.deliver(
        root,
        mailbox_path=MAILBOX,
        folder="INBOX",
        delivery_id=DELIVERY_ID,
        received_at=RECEIVED_AT,
        headers=[],
        content=content,
        attempt="slow",
        recovering=False,
        publish_before=publish_before,
    )


def place(root: Path, folder: str = "INBOX") -> Path:
    """The folder on disk."""
    return root / MAILBOX if folder == "INBOX" else root / MAILBOX / f".{folder}"


def visible(root: Path) -> list[Path]:
    """Every message of the mailbox that a mail reader could see, in any folder."""
    return sorted(path for name in ("new", "cur") for path in (root / MAILBOX).glob(f"**/{name}/*"))


def temporary(root: Path) -> list[Path]:
    """What is left in any folder's tmp/."""
    return sorted((root / MAILBOX).glob("**/tmp/*"))


def read_by_dovecot(root: Path, folder: str = "INBOX") -> None:
    """Move new messages to cur/ with a flag, as Dovecot does when the mailbox is opened and a message read."""
    box = place(root, folder)
    for message in list(box.glob("new/*")):
        message.rename(box / "cur" / f"{message.name}:2,S")


def assert_one_complete_message(root: Path) -> None:
    """The suite's promise: one message, whole, nothing else."""
    messages = visible(root)
    assert len(messages) == 1, messages
    assert messages[0].read_bytes() == MAIL
    assert f",S={len(MAIL)},W={len(MAIL)}" in messages[0].name
    assert messages[0].stat().st_mtime == RECEIVED_AT


def assert_nothing_partial(root: Path) -> None:
    """What a mail reader could see at any moment is whole."""
    assert all(message.read_bytes() == MAIL for message in visible(root))


def prepare(root: Path, state: str, folder: str) -> None:
    """Bring a mailbox into one of the states that a delivery may find."""
    if state == "nothing":
        return
    box = place(root, folder)
    parts = ("cur", "new") if state == "half of the folders" else ("cur", "new", "tmp")
    for part in parts:
        (box / part).mkdir(parents=True, exist_ok=True)
        (root / MAILBOX / part).mkdir(parents=True, exist_ok=True)
    name = names.message_name(DELIVERY_ID, RECEIVED_AT)
    match state:
        case "a dead attempt's file":
            (box / "tmp" / names.temporary_name(name, "dead")).write_bytes(MAIL[:100])
        case "the message":
            recover(root, folder)
        case "the message, read":
            recover(root, folder)
            read_by_dovecot(root, folder)
