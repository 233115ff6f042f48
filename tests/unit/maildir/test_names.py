"""Names on disk: deterministic, legal for Dovecot, and never outside the mail root."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mailroom.errors import MailboxPathRejected
from mailroom.maildir import names

AT = datetime(2026, 11, 24, 2, 47, 0, 123456, UTC)


@given(delivery_id=st.text(), at=st.datetimes(timezones=st.just(UTC)))
def test_a_base_name_is_deterministic_and_legal(delivery_id: str, at: datetime) -> None:
    name = names.message_name(delivery_id, at)
    assert name == names.message_name(delivery_id, at)
    assert name.base.endswith(name.mark)
    assert name.base[0].isdigit()
    assert not set(name.base) & set("/:,\0 \n")
    assert len(name.base) < 100


def test_the_receive_time_is_the_first_field_and_the_mtime() -> None:
    name = names.message_name("x", AT)
    assert name.base.split(".")[0] == str(int(AT.timestamp()))
    assert name.mtime == int(AT.timestamp()) * 1_000_000_000 + 123_456_000


def test_the_same_instant_in_another_zone_or_as_a_number_is_the_same() -> None:
    assert names.message_name("x", AT.astimezone(timezone(timedelta(hours=9)))) == names.message_name("x", AT)
    assert names.message_name("x", int(AT.timestamp())).base == names.message_name("x", AT).base


def test_another_receive_time_keeps_the_mark() -> None:
    """A repeated notification may carry another time; the recovery must find the first copy nevertheless."""
    assert names.message_name("x", AT).mark == names.message_name("x", AT + timedelta(days=1)).mark


@given(st.text(), st.text())
def test_different_deliveries_have_different_names(one: str, other: str) -> None:
    assert (names.message_name(one, AT) == names.message_name(other, AT)) == (one == other)


def test_temporary_names_differ_even_for_the_same_attempt() -> None:
    name = names.message_name("x", AT)
    one, other = names.temporary_name(name, "a"), names.temporary_name(name, "a")
    assert one != other
    assert one.startswith(name.base)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/etc",
        "/".join(["x" * 200] * 20),
        "a/\udc80",
        "..",
        "../x",
        "a/../b",
        "a/..",
        "a//b",
        "a/",
        "./a",
        "a/.",
        "a\0b",
        "a/" + "x" * 256,
        "ä" * 128,
    ],
)
def test_a_path_that_is_not_plain_names_is_rejected(path: str) -> None:
    with pytest.raises(MailboxPathRejected):
        names.mailbox_components(path)


@pytest.mark.parametrize("path", ["a", "example.com/bob/Maildir", "...", ".hidden", "a\\..\\b", "a b/%2e%2e", "ünï/x"])
def test_plain_names_are_accepted(path: str) -> None:
    assert names.mailbox_components(path) == path.split("/")


@pytest.mark.parametrize(
    ("folder", "directory"),
    [
        ("INBOX", None),
        ("inbox", None),
        ("Junk", ".Junk"),
        ("Lists/Ünï", ".Lists.&ANw-n&AO8-"),
        ("Tom & Jerry", ".Tom &- Jerry"),
        ("台北/日本語", ".&U,BTFw-.&ZeVnLIqe-"),  # RFC 3501's own example
        ("U\u0308", ".&ANw-"),  # Dovecot normalises to NFC
        ("😀", ".&2D3eAA-"),
        ("INBOX/Sub", ".INBOX.Sub"),
    ],
)
def test_folders_are_maildirplusplus_in_modified_utf7(folder: str, directory: str | None) -> None:
    assert names.folder_directory(folder) == directory


@pytest.mark.parametrize(
    "folder", ["", "/", "a//b", "/a", "a/", "..", ".", "a.b", "a/../b", "~x", "a\0", "a\n", "\x7f", "\ud800", "ü" * 100]
)
def test_a_folder_that_cannot_be_is_rejected(folder: str) -> None:
    with pytest.raises(MailboxPathRejected):
        names.folder_directory(folder)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_modified_utf7_can_be_read_back(text: str) -> None:
    encoded = names.modified_utf7(text)
    assert encoded.isascii()
    standard = "".join(
        "+" + part[1:].replace(",", "/") + "-" if part.startswith("&") and part != "&" else part.replace("+", "+-")
        for part in _parts(encoded)
    )
    assert standard.encode().decode("utf-7") == text


def _parts(encoded: str) -> list[str]:
    """Split into plain text and ``&…`` runs; ``&-`` becomes ``&``."""
    parts: list[str] = []
    while encoded:
        if encoded.startswith("&-"):
            parts.append("&")
            encoded = encoded[2:]
        elif encoded.startswith("&"):
            run, _, encoded = encoded.partition("-")
            parts.append(run)
        else:
            end = encoded.find("&") if "&" in encoded else len(encoded)
            parts.append(encoded[:end])
            encoded = encoded[end:]
    return parts
