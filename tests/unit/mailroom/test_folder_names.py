"""Folders: which names a rule may use, and the directory of each, legal for Dovecot and never outside the mailbox."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mailroom.errors import MailboxPathRejected
from mailroom.folder_names import folder_directory, folder_name, modified_utf7


@pytest.mark.parametrize("name", ["lists", "Junk", "a/b/c", "büro", "списки", "a b", "x" * 100, "a+b=c", "日本語"])
def test_folder_names(name: str) -> None:
    assert folder_name(name) == name


LEVELS = ["/", "a/", "/a", "a//b", ".", "..", "a.b", "../x", "inbox", "INBOX", "Inbox/a", "~root", "a/~b", " a", "a/ b"]
CHARACTERS = ["", "a\0", "a\nb", "a\u202eb", "a\ud800", "x" * 101, "日" * 100]


@pytest.mark.parametrize("name", [*LEVELS, *CHARACTERS])
def test_what_cannot_name_a_folder(name: str) -> None:
    assert folder_name(name) is None


@given(st.text() | st.text(alphabet="a&é/日~. "))
def test_the_writer_takes_every_folder_name_that_the_rules_let_through(text: str) -> None:
    """The rules are checked where nothing is written, and are the narrower ones; the writer has the last word."""
    name = folder_name(text)
    if name is not None:
        directory = folder_directory(name)
        assert directory is not None
        assert len(directory) <= 255


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
    assert folder_directory(folder) == directory


@pytest.mark.parametrize(
    "folder", ["", "/", "a//b", "/a", "a/", "..", ".", "a.b", "a/../b", "~x", "a\0", "a\n", "\x7f", "\ud800", "ü" * 100]
)
def test_a_folder_that_cannot_be_is_rejected(folder: str) -> None:
    with pytest.raises(MailboxPathRejected):
        folder_directory(folder)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_modified_utf7_can_be_read_back(text: str) -> None:
    encoded = modified_utf7(text)
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
