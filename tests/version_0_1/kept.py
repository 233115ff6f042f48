"""Puts what version 0.1.0 leaves behind into tables, queues, a bucket and a mail root of today."""

import json
import os
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
#: Stands for the mail bucket's name in every file.
BUCKET = "BUCKET"
QUEUES = ("Inbound", "DeadLetter", "Parked")

type TypedItem = dict[str, Any]


def load(name: str, bucket: str = BUCKET) -> Any:
    """One of the files, of a stack with that bucket."""
    return json.loads((HERE / name).read_text(encoding="utf-8").replace(BUCKET, bucket))


#: SES message ids by the messages' names.
MESSAGES: dict[str, str] = load("messages.json")


def entries() -> list[TypedItem]:
    """The directory."""
    return list(load("directory.json"))


def records(bucket: str) -> list[TypedItem]:
    """The deliveries table; that time has gone by since lets no record expire."""
    expires_at = {"N": str(int(time.time()) + 300 * 86_400)}
    return [item | {"expires_at": expires_at} for item in load("deliveries.json", bucket)]


def bodies(queue: str, bucket: str) -> list[str]:
    """The messages of a queue."""
    return list(load("queues.json", bucket)[queue])


def objects() -> dict[str, bytes]:
    """The mail bucket."""
    return {key: content.encode() for key, content in load("bucket.json").items()}


def restore_mail(root: Path) -> None:
    """Make the files and folders of the mail root."""
    for name, file in load("mail.json").items():
        path = root / name
        if file is None:
            path.mkdir(parents=True, exist_ok=True)
            continue
        content, modified_at = file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
        os.utime(path, (modified_at, modified_at))


def state(function: str, bucket: str, part: str = "input") -> Any:
    """What a function was given, or what it answered."""
    return load("states.json", bucket)[function][part]
