"""Deliveries to a mounted NFS: the operations they send, and their time against others on the same mount."""

import contextlib
import mailbox
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from mailroom import maildir

from benchmarks.import_mail import SEPARATOR, mail
from benchmarks.large_mail import CHUNK, SIZE
from benchmarks.lmtp import lmtp_server
from benchmarks.nfs_operations import operations_of
from benchmarks.result import Result, race, ratio
from benchmarks.small_mail import LINE, MAIL
from mailroomctl.moving.write import JOBS_NFS
from tests.crash.test_import import import_all
from tests.nfs.machine import SERVER_FOLDER, Machine

MESSAGES = 100_000
NEW_MESSAGES = 50
IMPORTED = 100
# To the machine's processors what 1 ms is to real ones, which are 10 to 30 times faster.
ROUND_TRIP_OF_IMPORTS = 20
# Longer than Linux believes what it knows of a directory.
FORGOTTEN_SECONDS = 65
RECEIVED_AT = 1_795_488_420.123
DROP_CACHES = Path("/proc/sys/vm/drop_caches")


def run(folder: Path) -> list[Result]:
    """Counts, then times; ``folder`` is on the mount to measure, and stands for a domain: the mail root is above it."""
    _prepare(folder, "large")
    results = [*_four_cases(folder), *_recoveries(folder)]
    if Machine.is_here():  # which forgets it: to remove it file by file would take longer than all the rest
        (folder / "large").rename(folder.parent / "large")
    return [*results, *_small_mail(folder), _large_mail(folder), *_imports(folder)]


def _deliver(folder: Path, user: str, number: int, content: Iterator[bytes] | None = None, **options: float) -> None:
    """One delivery, with the headers of an ordinary one."""
    maildir.deliver(
        folder.parent,
        mailbox_path=f"{folder.name}/{user}/Maildir",
        folder="INBOX",
        delivery_id=f"{number}\nbob@example.com",
        received_at=RECEIVED_AT,
        headers=[("Delivered-To", "bob@example.com"), ("X-Original-To", "bob@example.com")],
        content=content or [MAIL],
        attempt="benchmark",
        recovering="first_claimed_at" in options,
        **options,
    )


def _four_cases(folder: Path) -> list[Result]:
    """What a delivery sends, by what the client knows of the mailbox."""
    users = [f"user{number}" for number in range(3)]

    def worst(number: int, before: Callable[[], object] = lambda: None) -> Counter[str]:
        counts = []
        for user in users:
            before()
            counts.append(operations_of(lambda user=user: _deliver(folder, user, number), folder))
        return max(counts, key=lambda count: count.total())

    new = worst(1)
    warm = worst(2)
    time.sleep(FORGOTTEN_SECONDS)
    forgotten = worst(3)
    results = [
        _operations("nfs_warm", "into a mailbox of which the client knows everything", warm, 5),
        _operations("nfs_after_65_s", "into a mailbox that it has not seen for 65 s", forgotten, 12),
        _operations("nfs_new_mailbox", "into a mailbox that is made", new, 20),
    ]
    if os.access(DROP_CACHES, os.W_OK):
        cold = worst(4, _forget)
        results.insert(2, _operations("nfs_cold", "into a mailbox that it has never seen", cold, 15))
    return results


def _forget() -> None:
    """Let the kernel forget every file and folder that nobody has open."""
    os.sync()
    DROP_CACHES.write_text("2\n")


def _prepare(folder: Path, user: str) -> None:
    """Make a mailbox of ``MESSAGES`` in ``cur``."""
    box = _on_the_server(folder) / user / "Maildir"
    for part in ("tmp", "new", "cur"):
        (box / part).mkdir(parents=True)
    with ThreadPoolExecutor(1 if Machine.is_here() else 32) as pool:
        for step in range(0, MESSAGES, 1000):
            pool.submit(_fill, box / "cur", range(step, step + 1000), ":2,S")


def _on_the_server(folder: Path) -> Path:
    """The folder where many files are made quickly: the server's own, where it is this machine."""
    return SERVER_FOLDER / folder.name if Machine.is_here() else folder


def _fill(directory: Path, numbers: range, flags: str) -> None:
    """Make messages that are empty."""
    for number in numbers:
        os.mknod(f"{directory}/17{number:08}.M{number}P1.host,S=1,W=1{flags}", 0o600)


def _recoveries(folder: Path) -> list[Result]:
    """What a recovery sends that finds nothing: in a mailbox that nobody has changed since, and in a busy one."""
    claimed_at = time.time()
    untouched = operations_of(partial(_deliver, folder, "large", 1, first_claimed_at=claimed_at), folder)
    _fill(_on_the_server(folder) / "large/Maildir/new", range(NEW_MESSAGES), "")
    busy = operations_of(partial(_deliver, folder, "large", 2, first_claimed_at=claimed_at), folder)
    return [
        _operations("nfs_recovery", f"of a recovery, {MESSAGES:,} in cur, nothing new", untouched, 20),
        _operations("nfs_recovery_busy", f"of a recovery, {MESSAGES:,} in cur, {NEW_MESSAGES} just come", busy, 30),
    ]


def _small_mail(folder: Path) -> list[Result]:
    """Messages of 10 KB, one after the other, against those who deliver to the same mount."""
    for part in ("tmp", "new", "cur"):
        (folder / "raw" / part).mkdir(parents=True)
    library = mailbox.Maildir(folder / "library")
    directory = os.open(folder / "raw/new", os.O_RDONLY)

    def raw(number: int) -> None:
        temporary, final = f"{folder}/raw/tmp/{number}", f"{folder}/raw/new/{number}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(descriptor, MAIL)
        os.utime(descriptor, (RECEIVED_AT, RECEIVED_AT))
        os.fsync(descriptor)
        os.close(descriptor)
        os.rename(temporary, final)  # noqa: PTH104 - the bare call is the baseline
        os.fsync(directory)

    with (
        tempfile.TemporaryDirectory(prefix="bench-dovecot-") as base,
        lmtp_server(Path(base) / "dovecot", folder / "dovecot") as deliver_by_lmtp,
    ):
        contenders: dict[str, Callable[[int], object]] = {
            "mailroom": partial(_deliver, folder, "user0"),
            "raw": raw,
            "library": lambda _: library.add(MAIL),
            "dovecot": lambda _: deliver_by_lmtp(MAIL),
        }
        for contender in contenders.values():
            contender(0)
        counts = {name: operations_of(partial(call, -1), folder) for name, call in contenders.items()}
        seconds = race(contenders, rounds=7, times=20)
    os.close(directory)
    milliseconds = {name: round(statistics.median(times) * 1000, 1) for name, times in seconds.items()}

    def result(baseline: str, what: str, value: float, goal: float, *, at_least: bool) -> Result:
        measured = {f"{name} ms": milliseconds[name] for name in ("mailroom", baseline)}
        measured |= {f"{name} operations": counts[name].total() for name in ("mailroom", baseline)}
        return Result(f"nfs_10k vs {baseline}", what, value, goal, at_least=at_least, measured=measured)

    ours = seconds["mailroom"]
    bare = "time against open, write, utime, fsync, close, rename, fsync of the directory"
    return [
        result("raw", bare, ratio(ours, seconds["raw"]), 1.15, at_least=False),
        result("library", "mails/s against mailbox.Maildir.add", ratio(seconds["library"], ours), 1, at_least=True),
        result("dovecot", "mails/s against Dovecot's LMTP", ratio(seconds["dovecot"], ours), 6, at_least=True),
    ]


def _large_mail(folder: Path) -> Result:
    """A message of 40 MB against a plain copy, both from memory."""
    piece = (LINE * (CHUNK // len(LINE) + 1))[:CHUNK]

    def chunks() -> Iterator[bytes]:
        for _ in range(SIZE // CHUNK):
            yield piece

    def copy(_: int) -> None:
        with (folder / "copy").open("wb", buffering=0) as file:
            for chunk in chunks():
                file.write(chunk)
            os.fsync(file.fileno())
        (folder / "copy").unlink()

    def ours(number: int) -> None:
        _deliver(folder, "large_mail", number, chunks())
        for path in (folder / "large_mail/Maildir/new").iterdir():
            path.unlink()

    ours(0)
    seconds = race({"mailroom": ours, "copy": copy}, rounds=11, times=1)
    measured = {f"{name} MB/s": round(SIZE / 1e6 / statistics.median(times)) for name, times in seconds.items()}
    value = ratio(seconds["copy"], seconds["mailroom"])
    return Result("nfs_40m", "MB/s against a copy with fsync", value, 0.9, at_least=True, measured=measured)


def _imports(folder: Path) -> list[Result]:
    """Old mail into new mailboxes: what a message takes, and what the command gains by writing several at once."""
    counts, seconds = {}, {}
    with contextlib.ExitStack() as stack:
        outside = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-import-")))
        source = outside / "source.mbox"
        source.write_bytes(b"".join(SEPARATOR + mail(number) + b"\r\n" for number in range(IMPORTED)))
        if Machine.is_here():
            stack.enter_context(Machine().round_trip(ROUND_TRIP_OF_IMPORTS, afterwards=1))
        for jobs in (1, JOBS_NFS):
            root = folder / f"import{jobs}"
            root.mkdir()
            begin = time.perf_counter()
            counts[jobs] = operations_of(partial(import_all, source, root, jobs), folder)
            seconds[jobs] = time.perf_counter() - begin
    each = counts[1].total() / IMPORTED
    rates: dict[str, float | str] = {
        f"{jobs} at once ms": round(seconds[jobs] * 1000 / IMPORTED, 1) for jobs in seconds
    }
    which = " ".join(f"{name} {count}" for name, count in counts[1].most_common())
    what = f"operations for each of {IMPORTED} messages that are imported into a new mailbox, one at a time"
    several = f"messages/s of an import with {JOBS_NFS} at once against 1"
    return [
        Result("nfs_import", what, each, 6, at_least=False, measured={"operations": which}),
        Result("nfs_import at once", several, seconds[1] / seconds[JOBS_NFS], 4, at_least=True, measured=rates),
    ]


def _operations(name: str, what: str, counted: Counter[str], goal: float) -> Result:
    """A number of operations, each with its name."""
    which = " ".join(f"{operation} {count}" if count > 1 else operation for operation, count in counted.most_common())
    measured = {"operations": which}
    return Result(name, f"operations {what}", counted.total(), goal, at_least=False, measured=measured)
