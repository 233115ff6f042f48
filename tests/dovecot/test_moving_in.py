"""Old mail, imported and killed until it is done, and read by Dovecot 2.3 and 2.4 as the archives had it."""

import imaplib
import json
import random
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mailroom import maildir
from mailroom.folder_names import modified_utf7

from tests.dovecot.archives import (
    ANSWERED,
    DELETED,
    DRAFT,
    FLAGGED,
    FOLDERS,
    SEEN,
    SINCE,
    Archive,
    Mail,
    generated,
    mail,
    takeout,
    workmail,
    written,
    zipped,
)
from tests.dovecot.company import VERSIONS, Company, a_company
from tests.dovecot.foreign import foreign
from tests.dovecot.moving import PASSWORD, Mover, differences, shown

KILLS = 3
WRITER = "writer@example.com"
USERS = [f"{name}@example.com" for name in ("takeout", "workmail", "of-2.3", "of-2.4", "generated", "foreign", "gap")]
FLAGS = ((), (SEEN,), (FLAGGED, SEEN), (ANSWERED, SEEN, "$Forwarded"), (DRAFT,), (DELETED, SEEN))


@contextmanager
def running(company: Company, users: Sequence[str]) -> Iterator[None]:
    """Run what is printed, with the printed list of users."""
    company.at.run("directory import -", stdin=json.dumps({"mailboxes": {user: {} for user in users}}))
    company.take_over()
    company.export([(user, PASSWORD) for user in users])
    server = company.server
    with server.serving(company.at.run(f"dovecot config --version {server.dovecot.version} {server.options}")):
        yield


def filled(imap: imaplib.IMAP4) -> Counter[Mail]:
    """Use a mailbox for a while, as people's programs do; returns what is in it then."""
    mails: Counter[Mail] = Counter()
    for name in FOLDERS[1:]:
        imap.create(quoted(name))
    for number in range(100):
        name, seconds = FOLDERS[number % len(FOLDERS)], SINCE + number // 2 * 3600
        flags = FLAGS[number % len(FLAGS)]
        content = written(number // 2 if number % 20 < 10 else number, 1_600_000_000, body=b"line\r\n" * number)
        date = datetime.fromtimestamp(seconds, UTC).strftime('"%d-%b-%Y %H:%M:%S +0000"')
        status, told = imap.append(quoted(name), f"({' '.join(flags)})", date, content)
        assert status == "OK", told
        mails[mail(name, content, seconds, flags)] += 1
    imap.select(quoted("Lists"))
    _, [numbers] = imap.search(None, "DELETED")
    imap.expunge()
    gone = [one for one in mails.elements() if one.folder == "Lists" and DELETED in one.flags]
    assert len(gone) == len(numbers.split()) > 2
    mails -= Counter(gone)
    imap.store("1:3", "+FLAGS", "(\\Answered Work)")
    changed = [one for one in mails.elements() if one.folder == "Lists"][:3]
    mails -= Counter(changed)
    changed = [one._replace(flags=one.flags | {ANSWERED, "Work"}) for one in changed]
    imap.copy("1:2", quoted("INBOX"))
    imap.uid("MOVE", "1:*", quoted("Lists/Привет"))
    mails.update(changed)
    mails.update(one._replace(folder="INBOX") for one in changed[:2])
    return Counter(one._replace(folder="Lists/Привет") if one.folder == "Lists" else one for one in mails.elements())


def quoted(name: str) -> str:
    return f'"{modified_utf7(name)}"'


@pytest.fixture(scope="module")
def maildirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Archive]:
    """Maildirs that people have filled over IMAP, by the version of their Dovecot; flags with keywords."""
    made = {}
    for version in VERSIONS:
        with a_company(version) as company, running(company, [WRITER]):
            with company.server.login(WRITER, PASSWORD) as imap:
                mails = filled(imap)
                assert not differences(shown(imap), mails)
            source = tmp_path_factory.mktemp("written") / "Maildir"
            shutil.copytree(company.server.mail_root / "example.com/writer/Maildir", source)
            made[version] = Archive(source, mails)
    return made


@pytest.fixture(scope="module", params=VERSIONS)
def company(request: pytest.FixtureRequest, maildirs: dict[str, Archive]) -> Iterator[Company]:
    assert maildirs
    with a_company(request.param) as company, running(company, USERS):
        yield company
        assert company.server.errors() == []


@pytest.fixture(scope="module", autouse=True)
def movers() -> Iterator[list[Mover]]:
    """All of them; some were killed halfway."""
    movers: list[Mover] = []
    yield movers
    assert sum(one.halfway for one in movers) > 0


@pytest.fixture
def mover(
    company: Company, chance: random.Random, measured: list[str], movers: list[Mover]
) -> Iterator[Callable[[str], Mover]]:
    """Moves into a user's mailbox, and says at the end what it took."""
    begun, before = time.monotonic(), len(movers)

    def mover(name: str) -> Mover:
        movers.append(Mover(company, f"{name}@example.com", chance))
        return movers[-1]

    yield mover
    for one in movers[before:]:
        mails = one.read()
        octets = sum(len(mail.content) * number for mail, number in mails.items())
        measured.append(
            f"Dovecot {company.server.dovecot.version}, {one.address.partition('@')[0]}: {mails.total()} messages,"
            f" {octets / 1e6:.1f} MB, {len({mail.folder for mail in mails})} folders; {one.kills} kills,"
            f" {one.halfway} of them halfway; {time.monotonic() - begun:.1f} s"
        )


def move(mover: Mover, archive: Archive) -> None:
    """Import, be killed, repeat, repeat once more; then everything is there, once."""
    mover.run_killed(archive.source, archive.mails, KILLS)
    assert mover.kills
    total = archive.mails.total() + archive.again
    for _ in range(2):
        told = mover.run(archive.source)
        assert not differences(mover.read(), archive.mails)
        assert (told["imported"] + told["present"], told["set_aside"]) == (total, 0)
    assert told["present"] == total
    assert not list(mover.mailbox.glob("**/tmp/*"))


def test_takeout(mover: Callable[[str], Mover], tmp_path: Path) -> None:
    move(mover("takeout"), takeout(tmp_path, 150))


def test_an_export_of_workmail(mover: Callable[[str], Mover], tmp_path: Path) -> None:
    move(mover("workmail"), workmail(tmp_path, 150))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_maildir_that_a_dovecot_has_written(
    mover: Callable[[str], Mover], maildirs: dict[str, Archive], version: str
) -> None:
    source, with_keywords, _ = maildirs[version]
    mails = Counter(
        one._replace(flags=frozenset(flag for flag in one.flags if flag.startswith("\\")))
        for one in with_keywords.elements()
    )
    one = mover(f"of-{version}")
    move(one, Archive(source, mails))
    # Keywords are told where a message is written: once each, in the runs that were not killed.
    words = Counter(flag for mail in with_keywords.elements() for flag in mail.flags if not flag.startswith("\\"))
    told = one.run(source, "--dry-run", "--folder", "Elsewhere")
    assert told["keywords"] == words
    assert words.keys() == {"$Forwarded", "Work"}


def test_any_bytes(mover: Callable[[str], Mover], tmp_path: Path, chance: random.Random) -> None:
    move(mover("generated"), generated(tmp_path, 1000, chance))


def test_mails_that_nobody_here_made(mover: Callable[[str], Mover], foreign_mails: Path) -> None:
    one = mover("foreign")
    mails = foreign(foreign_mails, one.run(foreign_mails, "--dry-run"))
    assert mails
    move(one, Archive(foreign_mails, mails))


def delivered(company: Company, address: str, number: int, content: bytes, seconds: int) -> bytes:
    """Deliver as Mailroom does; returns what is in the mailbox."""
    ses = b"Return-Path: <anna@example.org>\r\nReceived: by inbound-smtp; now\r\nX-SES-Spam-Verdict: PASS\r\n" + content
    maildir.deliver(
        company.server.mail_root,
        mailbox_path=f"example.com/{address.partition('@')[0]}/Maildir",
        folder="INBOX",
        delivery_id=f"{number}\n{address}",
        received_at=seconds,
        headers=[("Delivered-To", address)],
        content=[ses],
        attempt="first",
        recovering=False,
    )
    company.take_over()
    return f"Delivered-To: {address}\r\n".encode() + ses


def test_the_second_export_adds_what_colleagues_have_written(
    mover: Callable[[str], Mover], company: Company, tmp_path: Path, chance: random.Random
) -> None:
    """Mail between colleagues never passes SES: the second export, in another order, is its only source."""
    one = mover("gap")
    days = 1_790_000_000
    old = {f"Inbox/{number}.eml": written(number, SINCE + number * 3600) for number in range(60)}
    mails = Counter(mail("INBOX", content, SINCE + number * 3600) for number, content in enumerate(old.values()))

    def in_both(numbers: range) -> dict[str, bytes]:
        """Mail from outside, which SES hands to Mailroom and to WorkMail, whose lines above are its own."""
        exported = {}
        for number in numbers:
            content, seconds = written(number, days + number * 60), days + number * 60 + 5
            mails[mail("INBOX", delivered(company, one.address, number, content, seconds), seconds)] += 1
            exported[f"Inbox/{number}.eml"] = b"X-WorkMail: 1\r\nReceived: by workmail; then\r\n" + content
        return exported

    first = old | in_both(range(1000, 1010))
    source = zipped(tmp_path / "first.zip", first)
    one.run_killed(source, mails, KILLS, "--skip-known")
    told = one.run(source, "--skip-known")
    assert (told["imported"] + told["present"], told["known"]) == (60, 10)
    assert not differences(one.read(), mails)

    # The days go on: Mailroom delivers, and people file what they have.
    later = in_both(range(1010, 1030))
    mails = filed(one, mails)
    colleague = written(5000, days + 1015 * 60)
    files = list((first | later | {"Inbox/from-a-colleague.eml": colleague}).values())
    chance.shuffle(files)
    second = zipped(tmp_path / "second.zip", {f"Inbox/{name}.eml": content for name, content in enumerate(files)})
    told = one.run(second, "--skip-known")
    assert (told["imported"], told["present"] + told["known"], told["same_message_id"]) == (1, 90, 0)
    mails[mail("INBOX", colleague, days + 1015 * 60)] += 1
    assert not differences(one.read(), mails)
    assert one.run(second, "--skip-known")["imported"] == 0
    assert not differences(one.read(), mails)


def filed(one: Mover, mails: Counter[Mail]) -> Counter[Mail]:
    """Flag some messages and move others to a folder, imported and delivered ones; returns what there is then."""
    flagged, moved = (3, 1004, 1012), (4, 1005, 1013)
    with one.company.server.login(one.address, PASSWORD) as imap:
        imap.create(quoted("Büro"))
        imap.select("INBOX")
        for number in flagged:
            imap.uid("STORE", place_of(imap, number), "+FLAGS", "(\\Flagged)")
        for number in moved:
            imap.uid("MOVE", place_of(imap, number), quoted("Büro"))
    after: Counter[Mail] = Counter()
    for one_mail in mails.elements():
        [number] = re.findall(rb"Message-ID: <(\d+)@", one_mail.content)
        if int(number) in flagged:
            one_mail = one_mail._replace(flags=frozenset({FLAGGED}))
        after[one_mail._replace(folder="Büro") if int(number) in moved else one_mail] += 1
    return after


def place_of(imap: imaplib.IMAP4, number: int) -> str:
    _, [found] = imap.uid("SEARCH", "HEADER", "Message-ID", f"<{number}@example.org>")
    assert found.isdigit(), found
    return str(found.decode())
