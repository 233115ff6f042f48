"""Messages of 10 KB, one after the other, each durable: against system calls and Dovecot."""

import statistics
from pathlib import Path

from mailroom import maildir

from benchmarks import bare_calls
from benchmarks.lmtp import lmtp_server
from benchmarks.result import Result, race, ratio

LINE = b"A line of an ordinary mail, as long as such lines are, more or less so, 77 b.\r\n"
MAIL = b"From: alice@example.org\r\nTo: bob@example.com\r\nSubject: benchmark\r\n\r\n" + LINE * 126


def run(folder: Path) -> list[Result]:
    """Two results; ``folder`` is on the disk to measure."""
    bare_calls.make_maildir(folder / "raw")
    for part in ("tmp", "new", "cur"):
        (folder / "mailroom" / part).mkdir(parents=True)

    def raw(number: int) -> None:
        bare_calls.write(folder / "raw", str(number), MAIL)

    def ours(number: int) -> None:
        maildir.deliver(
            folder,
            mailbox_path="mailroom",
            folder="INBOX",
            delivery_id=f"{number}\nbob@example.com",
            received_at=1_795_488_420.123,
            headers=[("Delivered-To", "bob@example.com"), ("X-Original-To", "bob@example.com")],
            content=[MAIL],
            attempt="benchmark",
            recovering=False,
        )

    with lmtp_server(folder / "dovecot", folder / "dovecot/mail") as deliver_by_lmtp:
        contenders = {
            "mailroom": ours,
            "raw": raw,
            "dovecot": lambda _: deliver_by_lmtp(MAIL),
        }
        for contender in contenders.values():
            contender(0)
        seconds = race(contenders, rounds=11, times=200)
    rates = {f"{name} mails/s": round(1 / statistics.median(times)) for name, times in seconds.items()}

    def result(baseline: str, what: str, goal: float) -> Result:
        measured = {name: rate for name, rate in rates.items() if name.split()[0] in ("mailroom", baseline)}
        value = ratio(seconds[baseline], seconds["mailroom"])
        return Result(f"deliver_10k vs {baseline}", what, value, goal, at_least=True, measured=measured)

    return [
        result("raw", "mails/s against open, write, fsync, close, rename, fsync of the directory", 0.85),
        result("dovecot", "mails/s against Dovecot's LMTP, mail_fsync=always, one connection", 6),
    ]
