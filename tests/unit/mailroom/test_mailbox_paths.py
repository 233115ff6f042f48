"""Mailbox paths: from the template, encoded; from the directory, checked; never outside the mail root."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mailroom.addresses import Address, parse
from mailroom.errors import ConfigurationError, InvalidAddress, MailboxPathRejected
from mailroom.mailbox_paths import (
    DEFAULT_TEMPLATE,
    MAX_PATH,
    check_path,
    encode_component,
    fill_template,
    mailbox_components,
    mailbox_path,
)


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("bob@example.com", "example.com/bob/Maildir"),
        ("bob.smith+x=y_z-1@example.com", "example.com/bob.smith+x=y_z-1/Maildir"),
        ("a/b@example.com", "example.com/a%2Fb/Maildir"),
        ("50%@example.com", "example.com/50%25/Maildir"),
        ('".hidden"@example.com', "example.com/%2Ehidden/Maildir"),
        ('".."@example.com', "example.com/%2E./Maildir"),
        ('"../../etc/passwd"@example.com', "example.com/%2E.%2F..%2Fetc%2Fpasswd/Maildir"),
        ('"a b~"@example.com', "example.com/a%20b%7E/Maildir"),
        ("émile@bücher.example", "xn--bcher-kva.example/%C3%A9mile/Maildir"),
        ("é" * 32 + "@example.com", "example.com/" + "%C3%A9" * 32 + "/Maildir"),
    ],
)
def test_template(address: str, path: str) -> None:
    assert mailbox_path(parse(address), None, DEFAULT_TEMPLATE) == path


def test_template_with_an_unknown_placeholder() -> None:
    with pytest.raises(ConfigurationError, match=r"\{user\}"):
        fill_template("{domain}/{user}", parse("bob@example.com"))


def test_template_is_filled_once() -> None:
    assert fill_template("{local_part}", Address("{domain}", "example.com")) == "%7Bdomain%7D"


@pytest.mark.parametrize(
    ("path", "clean"), [("a", "a"), ("a/b", "a/b"), ("a//b/", "a/b"), ("A b/é", "A b/é"), ("x" * 255, "x" * 255)]
)
def test_good_paths(path: str, clean: str) -> None:
    assert check_path(path) == clean


BAD = [
    "",
    "/",
    "/a",
    "..",
    "a/../b",
    "a/..",
    "./a",
    "a/.",
    "a\0b",
    "a\nb",
    "a\x9fb",
    "x" * 256,
    "é" * 128,
    "\ud800",
    "x/" * 600,
    "/etc",
    "../x",
    "a/" + "x" * 256,
]


@pytest.mark.parametrize("path", BAD)
def test_bad_paths(path: str) -> None:
    with pytest.raises(MailboxPathRejected) as caught:
        check_path(path)
    assert str(caught.value)


@given(st.text(min_size=1), st.text(min_size=1))
def test_encoding_keeps_different_values_different(one: str, other: str) -> None:
    try:
        encoded = encode_component(one), encode_component(other)
    except UnicodeEncodeError:
        return
    assert (encoded[0] == encoded[1]) == (one == other)
    for text in encoded:
        assert "/" not in text
        assert not text.startswith(".")
        assert text.isascii()


PATHS = st.one_of(
    st.none(),
    st.text(max_size=300),
    st.lists(st.sampled_from(["..", ".", "", "a", "é", "x" * 200, "\0", "~", "-"]), max_size=8).map("/".join),
)
TEMPLATES = st.sampled_from(
    [DEFAULT_TEMPLATE, "{local_part}", "{local_part}@{domain}/{domain}", "mail/{domain}{local_part}"]
)


@given(st.one_of(st.emails(), st.text('./"\\@a%é\0', max_size=20).map('"{}"@example.com'.format)), PATHS, TEMPLATES)
def test_a_path_that_comes_out_is_inside_the_root(address: str, path: str | None, template: str) -> None:
    try:
        result = mailbox_path(parse(address), path, template)
    except (InvalidAddress, MailboxPathRejected):
        return
    pure = PurePosixPath("/mail") / result
    assert pure.is_relative_to("/mail")
    assert pure != PurePosixPath("/mail")
    assert str(pure) == f"/mail/{result}", "nothing in it is normalised away"
    assert ".." not in pure.parts
    assert "\0" not in result
    assert all(len(part.encode()) <= 255 for part in pure.parts)


@pytest.mark.parametrize("path", ["a", "example.com/bob/Maildir", "...", ".hidden", "a\\..\\b", "a b/%2e%2e", "ünï/x"])
def test_the_writer_walks_plain_names(path: str) -> None:
    assert mailbox_components(path) == path.split("/")


@pytest.mark.parametrize("path", [*BAD, "a//b", "a/"])
def test_the_writer_walks_nothing_else(path: str) -> None:
    with pytest.raises(MailboxPathRejected):
        mailbox_components(path)


@given(PATHS.filter(bool))
def test_one_rule_for_what_is_configured_and_what_is_walked(path: str) -> None:
    try:
        clean = check_path(path)
    except MailboxPathRejected:
        with pytest.raises(MailboxPathRejected):
            mailbox_components(path)
    else:
        assert "/".join(mailbox_components(clean)) == clean


def test_the_longest_path() -> None:
    longest = "/".join(["x" * 204] * 5)
    assert len(longest) == MAX_PATH
    assert mailbox_components(longest) == longest.split("/")
    with pytest.raises(MailboxPathRejected, match="longer than 1024 bytes"):
        mailbox_components(f"{longest}x")
