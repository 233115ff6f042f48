"""Names that are more than letters: each mailbox is opened by Dovecot, under its name or by a home in a list."""

import itertools
import json

import pytest
from mailroom.addresses import parse
from typer.testing import CliRunner

from mailroomctl.main import app
from tests.e2e.dovecot import Dovecot
from tests.e2e.world import World, until

DOMAIN = "names.example"
#: As somebody may write the address, and the name under which its user logs in: as ``mailbox list`` prints it.
FOUND_BY_NAME = {
    "O'Brien": "o'brien",
    "r&d": "r&d",
    "~root": "~root",
    "a*b": "a*b",
    "müller": "müller",
    "Scho\u0308n": "sch\u00f6n",  # NFD, which is NFC in the directory
    "straße": "strasse",
    '"John Smith"': '"john smith"',
    "ü" * 32: "ü" * 32,
}
#: Of these Dovecot has to be told the home; a colon cannot stand in its list, so that one has a name of its own.
FOUND_BY_HOME = {
    "a%b": ("a%b", "a%25b"),
    '"a:b"': ("a.colon.b", '"a%3Ab"'),
    '"a@b"': ('"a@b"', '"a%40b"'),
    "a/b": ("a/b", "a%2Fb"),
}


def delivered(world: World, message_id: str) -> int:
    return [record["status"] for record in world.records(message_id)].count("DELIVERED")


@pytest.mark.usefixtures("as_operator")
def test_dovecot_opens_what_was_delivered(world: World, dovecot: Dovecot) -> None:
    written = [*FOUND_BY_NAME, *FOUND_BY_HOME]
    file = "mailboxes: " + json.dumps({f"{name}@{DOMAIN}": {} for name in written})
    imported = CliRunner().invoke(app, ["directory", "import", "-"], input=file)
    assert imported.exit_code == 0, imported.output
    named = {f"{name}@{DOMAIN}" in imported.stderr for name in FOUND_BY_HOME}
    assert named == {True}, imported.stderr
    for name, path in FOUND_BY_HOME.values():
        dovecot.set_home(f"{name}@{DOMAIN}", f"{DOMAIN}/{path}")
    listed = json.loads(CliRunner().invoke(app, ["mailbox", "list", "--domain", DOMAIN, "--json"]).stdout)
    names = [name for name, _ in FOUND_BY_HOME.values() if name != "a.colon.b"]
    assert {row["address"] for row in listed} == {
        f"{name}@{DOMAIN}" for name in (*FOUND_BY_NAME.values(), *names, '"a:b"')
    }

    # Some at a time: each copy that is written beside others is one more process to start here.
    for number, some in enumerate(itertools.batched(written, 3, strict=False)):
        event = world.stored(f"names-{number}", b"Subject: for any name\r\n\r\n")
        # SES writes local parts as the sender did.
        event["receipt"]["recipients"] = [f"{name}@{DOMAIN}" for name in some]
        world.publish(event)
        until(lambda: delivered(world, f"names-{number}") == len(some))  # noqa: B023  # it is called at once

    logins = FOUND_BY_NAME | {name: login for name, (login, _) in FOUND_BY_HOME.items()}
    for name, login in logins.items():
        with dovecot.login(f"{login}@{DOMAIN}") as imap:
            assert imap.select("INBOX", readonly=True) == ("OK", [b"1"]), name
            _, [(_, header), *_] = imap.fetch("1", "(BODY.PEEK[HEADER.FIELDS (DELIVERED-TO)])")  # type: ignore[misc]
        assert header.decode().strip() == f"Delivered-To: {parse(f'{name}@{DOMAIN}').text}"
    # No folder but those of the mailboxes: Dovecot made none of its own.
    paths = {row["path"] for row in listed}
    assert {str(one.relative_to(world.mail_root)) for one in (world.mail_root / DOMAIN).glob("*/*")} == paths
