from pathlib import Path

import pytest

from mailroomctl.moving.known import By, hash_of_body
from tests.unit.mailroomctl.moving.one_import import PATH, SECONDS, contents, files, import_from, outcomes, put

HEADERS = b"Message-ID: <1@example.org>\nDate: Tue, 24 Nov 2026 10:00:00 +0000\nFrom: Alice <alice@example.org>\n"
BODY = b"\nbody\n\nend\n"
OLD = HEADERS + BODY
#: The same message as SES has delivered it: other lines, other line ends, headers written in another way.
DELIVERED = (
    b"Delivered-To: bob@example.com\nReceived: by ses\nMessage-ID:\n <1@example.org>\n"
    b"Date: Tue, 24 Nov 2026 11:00:00 +0100\n"
    b"From: =?UTF-8?Q?Alice?= <Alice@example.org>\nX-SES-Spam-Verdict: PASS\n" + BODY
).replace(b"\n", b"\r\n")
DELIVERY = "1795514400.0123456789abcdef0123456789abcdef.mailroom,S=1,W=1"


def import_old(tmp_path: Path, *mails: bytes, folder: str = "INBOX", by: By | None = By.ALL) -> dict[str, int]:
    """Import mails from a folder; the numbers of the outcomes, and of those that are reported."""
    for number, mail in enumerate(mails):
        put(tmp_path, f"source/{folder}/{number}.eml", mail)
    summary = import_from(tmp_path / "source", tmp_path / "mail", known_by=by)
    return {**outcomes(summary), **dict(summary.counts)}


@pytest.fixture
def delivered(tmp_path: Path) -> Path:
    return put(tmp_path, f"mail/{PATH}/new/{DELIVERY}", DELIVERED)


@pytest.mark.usefixtures("delivered")
def test_what_has_come_another_way_is_known(tmp_path: Path) -> None:
    assert import_old(tmp_path, OLD) == {"known": 1}
    assert contents(tmp_path / "mail") == {".": [DELIVERED]}


def test_headers_may_be_long(tmp_path: Path) -> None:
    many = b"To: " + b",\n ".join(b"%d@example.org" % number for number in range(10_000)) + b"\n"
    put(tmp_path, f"mail/{PATH}/new/{DELIVERY}", b"Delivered-To: bob@example.com\n" + many + OLD)
    assert import_old(tmp_path, many + OLD, many + OLD.replace(b"10:00:00", b"10:00:01")) == {
        "known": 1,
        "imported": 1,
        "same_message_id": 1,
    }
    [imported] = [path for path in files(tmp_path / "mail") if "import" in path.name]
    assert imported.stat().st_mtime == SECONDS + 1


@pytest.mark.usefixtures("delivered")
def test_nothing_is_known_unless_asked(tmp_path: Path) -> None:
    assert import_old(tmp_path, OLD, by=None) == {"imported": 1}


@pytest.mark.usefixtures("delivered")
@pytest.mark.parametrize(
    "other",
    [
        OLD.replace(b"end", b"END"),
        OLD.replace(b"10:00:00", b"10:00:01"),
        OLD.replace(b"alice@", b"mallory@"),
    ],
)
def test_the_same_message_id_alone_is_reported_and_not_skipped(tmp_path: Path, other: bytes) -> None:
    assert import_old(tmp_path, other) == {"imported": 1, "same_message_id": 1}
    assert contents(tmp_path / "mail") == {".": sorted([DELIVERED, other])}


@pytest.mark.usefixtures("delivered")
def test_by_the_message_id_alone_when_asked(tmp_path: Path) -> None:
    assert import_old(tmp_path, OLD.replace(b"end", b"END"), by=By.MESSAGE_ID) == {"known": 1}


@pytest.mark.usefixtures("delivered")
def test_one_that_is_there_stands_for_one_of_the_source(tmp_path: Path) -> None:
    assert import_old(tmp_path, OLD, OLD) == {"known": 1, "imported": 1, "same_message_id": 1}
    assert import_old(tmp_path, OLD, OLD) in (
        {"known": 1, "present": 1},
        {"present": 1, "known": 1},
    )
    assert contents(tmp_path / "mail") == {".": sorted([DELIVERED, OLD])}


@pytest.mark.usefixtures("delivered")
def test_without_a_message_id_nothing_is_known(tmp_path: Path) -> None:
    mail = OLD.partition(b"\n")[2]
    put(tmp_path, f"mail/{PATH}/new/1.a.host", mail)
    assert import_old(tmp_path, mail) == {"imported": 1}


def test_what_its_owner_has_filed_elsewhere_is_known(tmp_path: Path) -> None:
    path = put(tmp_path, f"mail/{PATH}/.Work/cur/{DELIVERY}:2,S", DELIVERED)
    for part in ("new", "tmp"):
        (path.parent.parent / part).mkdir()
    assert import_old(tmp_path, OLD) == {"known": 1}


@pytest.mark.usefixtures("delivered")
def test_what_was_sent_is_known_by_its_own_folder_alone(tmp_path: Path) -> None:
    assert import_old(tmp_path, OLD, folder="Sent Items") == {"imported": 1, "same_message_id": 1}
    put(tmp_path, f"mail/{PATH}/.Sent Items/cur/1.a.host:2,S", OLD)
    assert import_old(tmp_path, OLD, OLD + b"\n", folder="Sent Items") == {"present": 1, "known": 1}


def test_what_an_import_has_written_stands_for_itself_alone(tmp_path: Path) -> None:
    assert import_old(tmp_path, OLD) == {"imported": 1}
    assert import_old(tmp_path, OLD, OLD) == {"present": 1, "imported": 1}


@pytest.mark.parametrize("mail", [OLD, b"Subject: no Message-ID\n\nbody\n"])
def test_what_an_import_has_written_and_its_owner_has_moved_is_there(tmp_path: Path, mail: bytes) -> None:
    assert import_old(tmp_path, mail, mail) == {"imported": 2}
    moved = files(tmp_path / "mail")[0]
    below = put(tmp_path, f"mail/{PATH}/.Work/cur/{moved.name}:2,S", mail)  # Dovecot keeps the name
    for part in ("new", "tmp"):
        (below.parent.parent / part).mkdir()
    moved.unlink()
    assert import_old(tmp_path, mail, mail) == {"present": 2}
    assert import_old(tmp_path, mail, mail, by=None) == {"present": 1, "imported": 1}


def test_a_message_that_its_owner_flags_meanwhile_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path, f"mail/{PATH}/new/{DELIVERY}", DELIVERED)
    (path.parent.parent / "cur").mkdir()
    moved = path.parent.parent / "cur" / f"{DELIVERY}:2,FS"
    from mailroomctl.moving import known

    real = known.KnownMail.judge

    def judge(self: known.KnownMail, *arguments: object) -> object:
        if path.exists():
            path.rename(moved)
        return real(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(known.KnownMail, "judge", judge)
    assert import_old(tmp_path, OLD) == {"known": 1}


def test_mail_between_colleagues_that_never_passed_ses_is_imported(tmp_path: Path) -> None:
    """The second import, after the change-over, is its only source."""
    put(tmp_path, f"mail/{PATH}/new/{DELIVERY}", DELIVERED)
    internal = OLD.replace(b"<1@", b"<2@").replace(b"alice@example.org", b"carol@example.com")
    assert import_old(tmp_path, OLD) == {"known": 1}
    assert import_old(tmp_path, OLD, internal) == {"known": 1, "imported": 1}
    assert contents(tmp_path / "mail") == {".": sorted([DELIVERED, internal])}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_the_body_is_the_same_however_it_is_cut_and_its_lines_end(size: int) -> None:
    def pieces(mail: bytes) -> list[bytes]:
        return [mail[at : at + size] for at in range(0, len(mail), size)]

    body = b"a\n\n\nb\n \n"
    same = [
        b"A: 1\n\n" + body,
        b"\n" + body,
        (b"B: 2\nC: 3\n\n" + body + b"\n\n").replace(b"\n", b"\r\n"),
        b"\r\n" + body.rstrip(b"\n"),
    ]
    assert len({hash_of_body(pieces(mail)) for mail in same}) == 1
    assert hash_of_body(pieces(b"\na\n\nb\n \n")) != hash_of_body(pieces(same[0]))
