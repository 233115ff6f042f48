"""Mailbox paths: from the template, encoded; from the directory, checked; never outside the mail root."""

from collections.abc import Callable
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
    default_path,
    dovecot_path,
    encode_component,
    encode_to_ascii,
    mailbox_components,
    mailbox_path,
)


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("bob@example.com", "example.com/bob/Maildir"),
        ("Bob.Smith+x=y_z-1@Example.com", "example.com/bob.smith+x=y_z-1/Maildir"),
        ("O'Brien@example.com", "example.com/o'brien/Maildir"),
        ("r&d@example.com", "example.com/r&d/Maildir"),
        ("~root@example.com", "example.com/~root/Maildir"),
        ("a*b@example.com", "example.com/a*b/Maildir"),
        ("müller@example.com", "example.com/müller/Maildir"),
        ("mu\u0308ller@example.com", "example.com/m\u00fcller/Maildir"),
        ("Straße@example.com", "example.com/strasse/Maildir"),
        ("ü" * 32 + "@example.com", "example.com/" + "ü" * 32 + "/Maildir"),
        ("émile@bücher.example", "xn--bcher-kva.example/émile/Maildir"),
        ('"a b"@example.com', 'example.com/"a b"/Maildir'),
        ('".hidden"@example.com', 'example.com/".hidden"/Maildir'),
    ],
)
def test_a_new_mailbox_is_where_dovecot_looks(address: str, path: str) -> None:
    assert default_path(parse(address), DEFAULT_TEMPLATE) == path
    assert dovecot_path(parse(address), DEFAULT_TEMPLATE) == path


@pytest.mark.parametrize(
    ("address", "path", "dovecot"),
    [
        ("a/b@example.com", "example.com/a%2Fb/Maildir", "example.com/a/b/Maildir"),
        ("a%b@example.com", "example.com/a%25b/Maildir", "example.com/a%b/Maildir"),
        ('"a:b"@example.com', 'example.com/"a%3Ab"/Maildir', 'example.com/"a:b"/Maildir'),
        ('"a@b"@example.com', 'example.com/"a%40b"/Maildir', 'b"@example.com/"a/Maildir'),
        ('"../../etc"@example.com', 'example.com/"..%2F..%2Fetc"/Maildir', 'example.com/"../../etc"/Maildir'),
    ],
)
def test_a_new_mailbox_where_dovecot_cannot_look(address: str, path: str, dovecot: str) -> None:
    assert default_path(parse(address), DEFAULT_TEMPLATE) == path
    assert dovecot_path(parse(address), DEFAULT_TEMPLATE) == dovecot


@pytest.mark.parametrize(
    ("value", "component"),
    [
        (".", "%2E"),
        ("..", "%2E."),
        (".a.b", "%2Ea.b"),
        ("a.b.", "a.b."),
        ("/%:@", "%2F%25%3A%40"),
        ("\0\n\x7f\x85", "%00%0A%7F%C2%85"),
        ("a b~*'&", "a b~*'&"),
    ],
)
def test_what_is_encoded_in_a_component(value: str, component: str) -> None:
    assert encode_component(value) == component


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("bob.smith+x=y_z-1@example.com", "example.com/bob.smith+x=y_z-1/Maildir"),
        ("a/b@example.com", "example.com/a%2Fb/Maildir"),
        ("50%@example.com", "example.com/50%25/Maildir"),
        ("o'brien@example.com", "example.com/o%27brien/Maildir"),
        ('".hidden"@example.com', "example.com/%2Ehidden/Maildir"),
        ('".."@example.com', "example.com/%2E./Maildir"),
        ('"../../etc/passwd"@example.com', "example.com/%2E.%2F..%2Fetc%2Fpasswd/Maildir"),
        ('"a b~"@example.com', "example.com/a%20b%7E/Maildir"),
        ("émile@bücher.example", "xn--bcher-kva.example/%C3%A9mile/Maildir"),
        ("é" * 32 + "@example.com", "example.com/" + "%C3%A9" * 32 + "/Maildir"),
    ],
)
def test_an_entry_without_a_path_means_what_it_meant_in_version_0_1(address: str, path: str) -> None:
    assert mailbox_path(parse(address), None, DEFAULT_TEMPLATE) == path


@pytest.mark.parametrize("template", ["{domain}/{user}", "{domain}/{}"])
def test_template_with_an_unknown_placeholder(template: str) -> None:
    for fill in (lambda address, text: mailbox_path(address, None, text), default_path, dovecot_path):
        with pytest.raises(ConfigurationError, match=r"\{(user)?\}"):
            fill(parse("bob@example.com"), template)


def test_template_is_filled_once() -> None:
    address = Address("{domain}", "example.com")
    assert default_path(address, "{local_part}") == "{domain}"
    assert mailbox_path(address, None, "{local_part}") == "%7Bdomain%7D"


def test_a_component_of_the_template_that_is_too_long() -> None:
    address = parse("x@" + ".".join(["y" * 62] * 4))
    assert default_path(address, "{domain}/{local_part}")
    with pytest.raises(MailboxPathRejected, match="more than 255 bytes"):
        default_path(address, "{domain}-{local_part}abc")


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


@pytest.mark.parametrize("encode", [encode_component, encode_to_ascii])
@given(one=st.text(min_size=1), other=st.text(min_size=1))
def test_encoding_keeps_different_values_different(encode: Callable[[str], str], one: str, other: str) -> None:
    try:
        encoded = encode(one), encode(other)
    except UnicodeEncodeError:
        return
    assert (encoded[0] == encoded[1]) == (one == other)
    for text in encoded:
        assert not set("/:@\0\n") & set(text)
        assert not text.startswith(".")
        assert encode is encode_component or text.isascii()


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
    for fill in (lambda one: mailbox_path(one, path, template), lambda one: default_path(one, template)):
        try:
            result = fill(parse(address))
        except (InvalidAddress, MailboxPathRejected):
            continue
        check_inside(result)


def check_inside(result: str) -> None:
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
