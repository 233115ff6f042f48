"""Parsing and normalising of one address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mailroom.addresses import Address, mask, parse
from mailroom.domain_names import display_domain
from mailroom.errors import InvalidAddress

SAME = [
    ("Bob@Example.COM", "bob@example.com"),
    ('"bob"@example.com', "bob@example.com"),
    ('"b\\o\\b"@example.com', "bob@example.com"),
    ('"bob.smith"@example.com', "bob.smith@example.com"),
    ('"bob..smith"@example.com', '"bob..smith"@example.com'),
    ('"Bob Smith"@example.com', '"bob smith"@example.com'),
    ('"a@b"@example.com', '"a@b"@example.com'),
    ('"a\\"b\\\\c"@example.com', '"a\\"b\\\\c"@example.com'),
    ("o'hara/x=y!#$%&*?^`{|}~@example.com", "o'hara/x=y!#$%&*?^`{|}~@example.com"),
    ("bob@bücher.example", "bob@xn--bcher-kva.example"),
    ("bob@BÜCHER.example", "bob@xn--bcher-kva.example"),
    ("bob@xn--BCHER-kva.Example", "bob@xn--bcher-kva.example"),
    ("bob@bu\u0308cher.example", "bob@xn--bcher-kva.example"),
    ("bob@bücher。example", "bob@xn--bcher-kva.example"),
    ("bob@faß.example", "bob@xn--fa-hia.example"),
    ("e\u0301mile@example.com", "émile@example.com"),
    ("ÉMILE@example.com", "émile@example.com"),
    ("Straße@example.com", "strasse@example.com"),
    ("ΣΊΣΥΦΟΣ@example.com", "σίσυφοσ@example.com"),
    ("用户@例子.example", "用户@xn--fsqu00a.example"),
    ("\u0646\u0627\u0645\u200c\u0647\u0627@example.com", "\u0646\u0627\u0645\u200c\u0647\u0627@example.com"),
    ("a\u037eb@example.com", '"a;b"@example.com'),
    ("x" * 64 + "@example.com", "x" * 64 + "@example.com"),
    ("é" * 32 + "@example.com", "é" * 32 + "@example.com"),
    ("bob@localhost", "bob@localhost"),
    ("bob@1.example", "bob@1.example"),
    ("bob@" + "a" * 63 + ".example", "bob@" + "a" * 63 + ".example"),
    ("bob@" + ".".join(["a" * 63] * 3 + ["b" * 63]), "bob@" + ".".join(["a" * 63] * 3 + ["b" * 63])),
    ("bob@r3---sn.example", "bob@r3---sn.example"),
]

WRONG = [
    None,
    5,
    ["bob@example.com"],
    "",
    "bob",
    "@example.com",
    "bob@",
    '""@example.com',
    '"bob@example.com',
    '"bob"smith@example.com',
    '"a"b"@example.com',
    '"bob\\"@example.com',
    "bob..smith@example.com",
    ".bob@example.com",
    "bob.@example.com",
    "bob smith@example.com",
    " bob@example.com",
    "bob@example.com ",
    "bob@example.com\n",
    "bo\nb@example.com",
    '"bo\tb"@example.com',
    "bo\x00b@example.com",
    "bo\x7fb@example.com",
    "bo\x85b@example.com",
    "bo\u00a0b@example.com",
    "bo\u2028b@example.com",
    "\u202ebob@example.com",
    "bo\u00adb@example.com",
    "bo\ud800b@example.com",
    "bo\ue000b@example.com",
    "<bob@example.com>",
    "Bob <bob@example.com>",
    "bob(comment)@example.com",
    "@relay.example:bob@example.com",
    "bob,eve@example.com",
    "bob@[192.0.2.1]",
    "bob@example..com",
    "bob@.example.com",
    "bob@example.com.",
    "bob@-example.com",
    "bob@example-.com",
    "bob@exa_mple.com",
    "bob@exa mple.com",
    "bob@exam\ud800ple.com",
    "bob@👍.example",
    "bob@xn--zzzzzz.example",
    "bob@xn--.example",
    "bob@xn--bob.example",
    "bob@" + "a" * 64 + ".example",
    "x" * 65 + "@example.com",
    "é" * 33 + "@example.com",
    '"' + "x" * 63 + '"@example.com',
    "bob@" + "a." * 127 + "aa",
    "ŉ" * 32 + "@example.com",
]


@pytest.mark.parametrize(("written", "normal"), SAME)
def test_same_address(written: str, normal: str) -> None:
    assert parse(written).text == normal
    assert parse(normal) == parse(written)


@pytest.mark.parametrize("written", WRONG)
def test_not_an_address(written: object) -> None:
    with pytest.raises(InvalidAddress) as caught:
        parse(written)
    assert str(caught.value)
    assert "bob" not in str(caught.value)


def test_lengths_count_octets_of_the_longest_domain() -> None:
    longest = ".".join(["a" * 63] * 4)
    assert len(longest) == 255
    assert parse(f"b@{longest}").domain == longest
    with pytest.raises(InvalidAddress, match="255"):
        parse(f"b@{longest}a")


def test_an_address_knows_what_its_local_part_means() -> None:
    assert parse('"Bob Smith"@Example.com') == Address("bob smith", "example.com")
    assert str(Address("bob smith", "example.com")) == '"bob smith"@example.com'


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("bob@example.com", "b***@example.com"),
        ("émile@example.com", "é***@example.com"),
        ('"bob smith"@example.com', "***@example.com"),
        ("bob", "***"),
        ("", "***"),
        (None, "***"),
        ("bob@exa\nmple", "b***@***"),
        ("@example.com", "***@example.com"),
    ],
)
def test_mask(text: object, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    ("name", "shown"),
    [("example.com", "example.com"), ("xn--bcher-kva.example", "bücher.example"), ("xn--zzzzzz", "xn--zzzzzz")],
)
def test_domains_are_shown_as_people_write_them(name: str, shown: str) -> None:
    assert display_domain(name) == shown


ADDRESS_LIKE = st.one_of(
    st.text(),
    st.emails(),
    st.builds("{}@{}".format, st.text(max_size=70), st.sampled_from(["example.com", "bücher.example", "xn--a.b"])),
    st.builds('"{}"@{}'.format, st.text(max_size=20), st.text(max_size=20)),
    st.builds("{}@{}".format, st.text('aA+."\\@é\u0345ßΣςİ\u037e', max_size=12), st.text("aA.-xn1é。", max_size=12)),
)


@given(ADDRESS_LIKE)
def test_normalising_is_idempotent(text: str) -> None:
    try:
        address = parse(text)
    except InvalidAddress:
        return
    assert parse(address.text) == address
    assert parse(address.text.upper()) == address or not address.text.isascii()
    assert len(address.domain) <= 255


@given(st.emails())
def test_addresses_of_the_standard_are_understood(text: str) -> None:
    assert parse(text).domain == text.rpartition("@")[2].lower()
