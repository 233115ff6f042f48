"""A mail as a page may show it: whatever a stranger wrote, nothing fails, and nothing that reaches out is left."""

import itertools
import re
import time
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailroomctl.web.mail.cleaning import clean
from mailroomctl.web.mail.parts import Mail, decoded, read_mail
from mailroomctl.web.mail.tokens import End, Start, Text, tokens
from mailroomctl.web.rendering import environment, size, took, visible, when
from tests.fakes.hostile_mails import hostile_mails

MAILS = dict(hostile_mails(lambda number: f"mail{number:02}.evil.example:1"))
_ALLOWED = frozenset(
    [
        "abbr",
        "align",
        "alt",
        "bgcolor",
        "border",
        "cellpadding",
        "cellspacing",
        "charset",
        "class",
        "color",
        "colspan",
        "dir",
        "face",
        "height",
        "lang",
        "nowrap",
        "rowspan",
        "size",
        "src",
        "start",
        "style",
        "summary",
        "title",
        "type",
        "valign",
        "width",
    ]
)


class Look(HTMLParser):
    """What a browser would find."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.reaching: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.names.add(name)
            if name == "src" and not (value or "").startswith("data:image/"):
                self.reaching.append(f"{tag} {name} {value}")
            if name == "style" and re.search(r"url|@|\\|image-set", value or ""):
                self.reaching.append(f"{tag} {name} {value}")

    def handle_data(self, data: str) -> None:
        self.text += data


def check(page: str) -> Look:
    look = Look(page)
    assert look.reaching == []
    assert look.names <= _ALLOWED, look.names - _ALLOWED
    wrong = {
        "script",
        "link",
        "base",
        "form",
        "object",
        "embed",
        "iframe",
        "frame",
        "svg",
        "math",
        "input",
        "a",
        "template",
    }
    assert not look.tags & wrong
    assert page.count("<style>") == 1
    assert page.count("<meta") == 1
    return look


def test_there_are_seventy() -> None:
    assert len(MAILS) == 70


@pytest.mark.parametrize("name", MAILS)
def test_a_hostile_mail(name: str) -> None:
    mail = read_mail(MAILS[name])
    check(clean(mail.html, mail.pictures))
    for one in mail.attachments:
        assert not set("/\\\r\n\0") & set(one.name)
        assert one.name
        assert one.name.isprintable()
        assert not one.name.startswith(".")


@settings(max_examples=40)
@given(
    st.text()
    | st.lists(
        st.sampled_from(
            [
                "<",
                ">",
                "img",
                " src=",
                "'",
                '"',
                "</",
                "style",
                "script",
                "a",
                "&lt;",
                "<!--",
                "-->",
                "<svg",
                "data:image/png;base64,AAAA",
                "\0",
                "title",
                "textarea",
            ]
        )
    ).map("".join)
)
def test_any_html(text: str) -> None:
    check(clean(text, {}))


@settings(max_examples=40)
@given(st.binary())
def test_any_octets(source: bytes) -> None:
    mail = read_mail(source)
    check(clean(mail.html or mail.text, mail.pictures))
    assert mail.source == source


@settings(max_examples=40)
@given(st.binary())
def test_any_headers_and_parts(some: bytes) -> None:
    source = b"Subject: " + some + b"\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: " + some
    read_mail(
        source + b"\r\n\r\n" + some + b"\r\n--b\r\nContent-Disposition: attachment; filename=" + some + b"\r\n\r\nx"
    )


def test_what_people_want_to_read_is_left() -> None:
    text = '<h1 align="center">Hi</h1><p style="color:red">one <b>two</b><br><a href="https://x.example/y">three</a></p><ul><li>4'
    page = clean(text, {})
    assert '<h1 align="center">Hi</h1>' in page
    assert '<p style="color:red">one <b>two</b><br><span title="https://x.example/y">three</span></p>' in page
    assert "<ul><li>4</li></ul>" in page


def test_pictures() -> None:
    picture = "data:image/png;base64,AAAA"
    page = clean(
        f'<img src="cid:one"><img src="{picture}" alt="a"><img src="http://x.example/t.png" alt="b">', {"one": picture}
    )
    assert page.count(f'src="{picture}"') == 2
    assert "b (from x.example, left out)" in page


def test_parts_of_a_usual_mail() -> None:
    message = EmailMessage()
    message["Subject"] = "Grüße"
    message["From"] = "Zoë <zoe@example.org>"
    message.set_content("text with ü")
    message.add_alternative('<p>html <img src="cid:pic"></p>', subtype="html")
    html = message.get_payload()[1]
    html.add_related(b"\x89PNG", "image", "png", cid="<pic>")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="Rechnung für März.pdf")
    inner = EmailMessage()
    inner["Subject"] = "inner"
    inner.set_content("x")
    message.add_attachment(inner)
    mail = read_mail(b"X-SES-Spam-Verdict: PASS\r\nSubject: of SES\r\n" + message.as_bytes())
    assert mail.header("subject") == "Grüße"
    assert mail.header("From") == "Zoë <zoe@example.org>"
    assert mail.text == "text with ü\n"
    assert "html" in mail.html
    assert [(one.kind, one.name) for one in mail.attachments] == [
        ("image/png", "part-2.png"),
        ("application/pdf", "Rechnung für März.pdf"),
        ("message/rfc822", "part-4.eml"),
    ]
    assert mail.attachments[1].content == b"%PDF"
    assert b"Subject: inner" in mail.attachments[2].content
    assert mail.pictures == {"pic": "data:image/png;base64,iVBORw=="}
    assert mail.problem == ""


@pytest.mark.parametrize("charset", ["", "; charset=us-ascii", "; charset=no-such", '; charset="'])
def test_a_text_that_does_not_say_what_it_is(charset: str) -> None:
    head = f"Content-Type: text/plain{charset}\r\n\r\n".encode()
    assert read_mail(head + "Grüße".encode()).text == "Grüße"
    assert read_mail(head + "Grüße ja".encode("cp1252")).text == "Grüße ja"


@pytest.mark.parametrize("charset", ["punycode", "idna", "undefined"])
def test_no_text_is_decoded_as_the_name_of_a_domain(charset: str) -> None:
    """That would take minutes, or raise."""
    text = b"a-" * 100_000 + b"\xff" + b"zz99" * 30_000
    word = b"=?" + charset.upper().encode() + b"?q?" + b"a-" * 40_000 + b"?="
    began = time.thread_time()
    mail = read_mail(
        b"Content-Type: text/plain; charset=" + charset.encode() + b"\r\nSubject: " + word + b"\r\n\r\n" + text
    )
    assert time.thread_time() - began < 5
    assert mail.problem == ""
    assert len(mail.text) == len(text)


def test_a_mail_within_a_mail_that_cannot_be_written_again() -> None:
    head = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
    inner = b"Subject: \xff inner\r\nContent-Type: text/plain; charset=\xff\r\n\r\n\r\n\xff"
    mail = read_mail(head + inner + b"\r\n--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--\r\n")
    assert [one.kind for one in mail.attachments] == ["message/rfc822", "image/png"]
    assert b"inner" in mail.attachments[0].content


def test_a_mail_with_too_many_parts() -> None:
    body = b"".join(b"--b\r\nContent-Type: image/png\r\n\r\nx\r\n" for _ in range(300))
    mail = read_mail(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + body + b"--b--\r\n")
    assert len(mail.attachments) == 200
    assert "more than 200 parts" in mail.problem


def test_a_mail_with_too_many_headers() -> None:
    mail = read_mail(b"X: y\r\n" * 2000 + b"\r\nbody")
    assert len(mail.headers) == 1000
    assert "more than 1000 headers" in mail.problem
    assert mail.text == "body"


def test_a_mail_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = itertools.count()
    monkeypatch.setattr("mailroomctl.web.mail.parts.time.thread_time", lambda: next(moments) * 2.0)
    mail = read_mail(b"Subject: large\r\n\r\n" + b"text\r\n" * 200_000)
    assert mail.header("Subject") == "large"
    assert mail.text.startswith("text")
    assert "takes too long" in mail.problem


HARD = {
    "comments": "<!--",
    "tags": "<a",
    "end tags": "</",
    "sections": "<![CDATA[",
    "instructions": "<?",
    "attributes": '<a b="',
    "unquoted": "<a =",
    "spaces": "<a " + " " * 50,
    "open": "<div><p>",
    "others' ends": "<b></i>",
    "scripts": "<script>x</",
    "left out": "<object></video>",
    "references": "&#",
}


@pytest.mark.parametrize("unit", HARD.values(), ids=HARD.keys())
def test_html_is_read_in_a_time_that_grows_with_its_length(unit: str) -> None:
    """A parser that looks for the end of each again would take minutes."""
    text = unit * (400_000 // len(unit))
    began = time.thread_time()
    check(clean(text, {}))
    assert time.thread_time() - began < 5


def test_tokens() -> None:
    text = "a&lt;<B c=1 D='2' e=\"3\" f c=4>x</b y='>'><!-- > --><!-->y<!x>< z</><script a><b></script ><p/>"
    assert list(tokens(text)) == [
        Text("a<"),
        Start("b", {"c": "1", "d": "2", "e": "3", "f": ""}),
        Text("x"),
        End("b"),
        Text("y"),
        Text("<"),
        Text(" z"),
        Start("script", {"a": ""}),
        End("script"),
        Start("p"),
    ]
    for unfinished in (
        "<b",
        "<b c",
        "<b c='",
        "<b c=",
        "</b",
        "<!-- x",
        "<!x",
        "<?x",
        "</",
        "<script>x",
        "<style>x</styl",
    ):
        assert [one for one in tokens(f"a{unfinished}") if not isinstance(one, Start)] == [Text("a")], unfinished


def test_characters_that_no_page_can_have() -> None:
    mail = read_mail(b"Content-Type: text/html; charset=utf-7\r\n\r\n<p>+2AA-</p>")
    assert "\ud800" in clean(mail.html, {})


def test_a_mail_that_cannot_be_taken_apart() -> None:
    mail = read_mail(MAILS["parts without end"])
    assert mail.problem.startswith("it cannot be taken apart") or mail.attachments
    assert mail.source == MAILS["parts without end"]


def test_headers_that_are_none() -> None:
    assert decoded("=?no-such-charset?q?x?=") == "=?no-such-charset?q?x?="
    assert decoded("=?utf-8?b?!!!?=") == ""
    assert decoded("a\r\n b\tc") == "a b c"
    assert Mail(b"").header("Subject") == ""


def test_characters_that_play_tricks_are_seen() -> None:
    assert visible("a\u202eb\x1b[2J\u2066c\x00") == "a\ufffdb\ufffd[2J\ufffdc\ufffd"
    assert visible("é 漢字 🙂") == "é 漢字 🙂"


def test_templates_escape() -> None:
    template = environment().from_string("{{ text }}")
    assert template.render(text="<script>") == "&lt;script&gt;"


def test_numbers() -> None:
    assert [size(number) for number in (None, 999, 1500, 15_000, 2_700_000)] == [
        "0 B",
        "999 B",
        "1.5 KB",
        "15 KB",
        "2.7 MB",
    ]
    assert [took(seconds) for seconds in (None, 0.0123, 2.04)] == ["", "12 ms", "2.0 s"]
    assert when("2026-11-24T02:47:00.123Z") == "2026-11-24 02:47:00"
    assert when("no time\x1b") == "no time\ufffd"
    assert when(None) == "-"
