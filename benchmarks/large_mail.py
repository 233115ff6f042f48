"""Messages of 40 MB: as fast as a copy, in the memory of a small one."""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from mailroom import maildir

from benchmarks.result import Result, race, ratio
from benchmarks.small_mail import LINE, MAIL
from tests.integration.s3_server import s3_server

SIZE = 40 * 1024 * 1024
CHUNK = 256 * 1024
# What the function does with a message, from a connection to S3 to the disk; prints the peak of its memory in KiB.
DELIVER_FROM_S3 = """
import resource, sys
from mailroom import maildir
from mailroom.mail_store import MailStore
with MailStore("mail").open("key") as mail:
    maildir.deliver(sys.argv[1], mailbox_path="bob", folder="INBOX", delivery_id="x", received_at=1,
        headers=[], content=mail.chunks, attempt="x", recovering=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def run(folder: Path) -> list[Result]:
    """Two results; ``folder`` is on the disk to measure."""
    source = folder / "source"
    source.write_bytes((LINE * (SIZE // len(LINE) + 1))[:SIZE])

    def chunks() -> Iterator[bytes]:
        descriptor = os.open(source, os.O_RDONLY)
        try:
            while chunk := os.read(descriptor, CHUNK):
                yield chunk
        finally:
            os.close(descriptor)

    def copy(_: int) -> None:
        descriptor = os.open(folder / "copy", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        for chunk in chunks():
            os.write(descriptor, chunk)
        os.fsync(descriptor)
        os.close(descriptor)
        (folder / "copy").unlink()

    def ours(number: int) -> None:
        delivered = maildir.deliver(
            folder,
            mailbox_path="large",
            folder="INBOX",
            delivery_id=str(number),
            received_at=1,
            headers=[],
            content=chunks(),
            attempt="benchmark",
            recovering=False,
        )
        (folder / "large/new" / delivered.file_name).unlink()

    copy(0)
    ours(0)
    seconds = race({"mailroom": ours, "copy": copy}, rounds=15, times=1)
    megabytes = SIZE / 1e6
    measured = {f"{name} MB/s": round(megabytes / statistics.median(times)) for name, times in seconds.items()}
    value = ratio(seconds["copy"], seconds["mailroom"])
    speed = Result("deliver_40m", "MB/s against a copy with fsync", value, 0.9, at_least=True, measured=measured)
    return [speed, _memory(folder)]


def _memory(folder: Path) -> Result:
    """The peak of a process that delivers 40 MB from S3, above that of one that delivers 10 KB."""
    peaks: dict[str, float] = {}
    with s3_server() as server:
        environment = {
            **os.environ,
            "AWS_ENDPOINT_URL_S3": server.url,
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "benchmark",
            "AWS_SECRET_ACCESS_KEY": "benchmark",
        }
        for name, server.data in (("10 KB", MAIL), ("40 MB", LINE * (SIZE // len(LINE)))):
            runs = [
                subprocess.run(
                    [sys.executable, "-c", DELIVER_FROM_S3, folder],
                    env=environment,
                    capture_output=True,
                    check=True,
                    text=True,
                )
                for _ in range(3)
            ]
            peaks[name] = statistics.median(int(run.stdout) for run in runs) / 1024
    what = "peak memory from S3 to disk above a 10 KB mail's"
    value = peaks["40 MB"] - peaks["10 KB"]
    measured: dict[str, float | str] = {f"{name} MiB": round(peak, 1) for name, peak in peaks.items()}
    return Result("memory_40m", what, value, 8, at_least=False, unit=" MiB", measured=measured)
