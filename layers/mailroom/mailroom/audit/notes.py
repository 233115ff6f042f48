"""What an audit has read, in a file: memory stays the same for a thousand messages and for a million.

Each page is written together with the place where its stream goes on, so whatever ends an audit, another one goes on
from there. The file holds addresses, and no content.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import batched
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

_BATCH = 1000  # findings written at once
_VERSION = 1  # of the tables below; a file of another version is begun anew

_TABLES = """
CREATE TABLE objects (message_id TEXT NOT NULL, key TEXT NOT NULL, stored_at REAL NOT NULL);
CREATE TABLE records (
    message_id TEXT NOT NULL, mailbox TEXT NOT NULL, status TEXT NOT NULL, received_at TEXT NOT NULL,
    recipients TEXT NOT NULL, envelope TEXT NOT NULL, lease_until INTEGER, key TEXT, entry TEXT, error TEXT,
    path TEXT, file_name TEXT, size INTEGER, delivered_at TEXT, restored_at TEXT, PRIMARY KEY (message_id, mailbox)
) WITHOUT ROWID;
CREATE TABLE streams (name TEXT PRIMARY KEY, place TEXT, ended INTEGER NOT NULL);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE findings (
    kind TEXT NOT NULL, message_id TEXT NOT NULL, received_at TEXT NOT NULL, recipients TEXT NOT NULL,
    mailbox TEXT NOT NULL, reason TEXT NOT NULL, key TEXT NOT NULL
);
CREATE INDEX records_of_path ON records (path);
CREATE TABLE files (mark TEXT, size INTEGER, place BLOB NOT NULL);
CREATE INDEX files_of_mark ON files (mark);
CREATE INDEX files_of_size ON files (size) WHERE mark IS NULL;
"""


class StoredObject(NamedTuple):
    """One object of the mail bucket; ``stored_at`` in epoch seconds."""

    message_id: str
    key: str
    stored_at: float


class RecordNote(NamedTuple):
    """What an audit needs of one record. ``envelope`` is empty where an earlier version kept none."""

    message_id: str
    mailbox: str
    status: str
    received_at: str
    recipients: tuple[str, ...]
    envelope: tuple[str, ...] = ()
    lease_until: int | None = None
    key: str | None = None
    entry: str | None = None
    error: str | None = None
    path: str | None = None
    file_name: str | None = None
    size: int | None = None
    delivered_at: str | None = None
    restored_at: str | None = None

    def row(self) -> tuple[object, ...]:
        """Give the columns of its table."""
        return (*self[:4], json.dumps(self.recipients), json.dumps(self.envelope), *self[6:])

    @classmethod
    def of_row(cls, row: Sequence[Any]) -> "RecordNote":
        """Read the columns of its table."""
        return cls._make((*row[:4], tuple(json.loads(row[4])), tuple(json.loads(row[5])), *row[6:]))


class Finding(NamedTuple):
    """Something that is not as it must be, or worth a look; ``kind`` is one of ``findings.Kind``."""

    kind: str
    message_id: str
    received_at: str
    recipients: tuple[str, ...]
    mailbox: str = ""
    reason: str = ""
    key: str = ""


class Notes:
    """The file; a context manager, which keeps the file."""

    def __init__(self, path: str | Path) -> None:
        """Open the file, or begin it; it is its owner's alone."""
        if str(path) != ":memory:":
            Path(path).touch(mode=0o600)
        # Pages are read in threads, but written by one.
        self.database = sqlite3.connect(path, isolation_level=None)
        # What survives is what a dying program leaves, not a dying machine: that costs an fsync a page.
        self.database.executescript("PRAGMA synchronous = OFF; PRAGMA cache_size = -16000; PRAGMA temp_store = FILE;")
        [[version]] = self.database.execute("PRAGMA user_version")
        if version != _VERSION:
            self.clear()

    def clear(self) -> None:
        """Forget everything."""
        tables = [name for (name,) in self.database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        drops = "".join(f"DROP TABLE {name};" for name in tables)
        self.database.executescript(f"BEGIN; {drops} {_TABLES} PRAGMA user_version = {_VERSION}; COMMIT;")

    def __enter__(self) -> Self:
        """Close it at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the file."""
        self.database.close()

    @contextmanager
    def at_once(self) -> Iterator[sqlite3.Connection]:
        """Write all of the block, or nothing."""
        self.database.execute("BEGIN")
        try:
            yield self.database
        except BaseException:
            self.database.execute("ROLLBACK")
            raise
        self.database.execute("COMMIT")

    # --- how far it has come ---------------------------------------------------------------------------------------

    def fact(self, name: str) -> str | None:
        """Return what was said of the audit itself, such as its period."""
        row = self.database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def say(self, **facts: str) -> None:
        """Keep facts."""
        self.database.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())

    def place(self, stream: str) -> tuple[Any, bool]:
        """Return where a stream goes on, None for its beginning, and whether it has ended."""
        row = self.database.execute("SELECT place, ended FROM streams WHERE name = ?", (stream,)).fetchone()
        return (json.loads(row[0]), bool(row[1])) if row else (None, False)

    def add(self, stream: str, rows: Iterable[StoredObject | RecordNote], place: Any) -> None:
        """Add a page, and the place where its stream goes on; None when this was its last."""
        objects = [row for row in rows if isinstance(row, StoredObject)]
        records = [row.row() for row in rows if isinstance(row, RecordNote)]
        columns = ", ".join("?" * len(RecordNote._fields))
        with self.at_once():
            self.database.executemany("INSERT INTO objects VALUES (?, ?, ?)", objects)
            self.database.executemany(f"INSERT OR REPLACE INTO records VALUES ({columns})", records)  # noqa: S608
            self.database.execute(
                "INSERT OR REPLACE INTO streams VALUES (?, ?, ?)", (stream, json.dumps(place), place is None)
            )

    # --- what was read ---------------------------------------------------------------------------------------------

    def objects(self) -> Iterator[StoredObject]:
        """Return all objects by message."""
        rows = self.database.execute("SELECT message_id, key, stored_at FROM objects ORDER BY message_id, key")
        return map(StoredObject._make, rows)

    def records(self) -> Iterator[RecordNote]:
        """Return all records by message."""
        return map(RecordNote.of_row, self.database.execute("SELECT * FROM records ORDER BY message_id, mailbox"))

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        [[count]] = self.database.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - a name of ours
        return int(count)

    # --- what was found --------------------------------------------------------------------------------------------

    def find(self, found: Iterable[Finding]) -> None:
        """Keep findings, as they come."""
        for some in batched(found, _BATCH, strict=False):
            rows = ((*one[:3], json.dumps(one.recipients), *one[4:]) for one in some)
            with self.at_once() as database:
                database.executemany("INSERT INTO findings VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def forget_findings(self) -> None:
        """Begin the comparison anew."""
        self.database.execute("DELETE FROM findings")

    def findings(self, kinds: Sequence[str] = (), *, limit: int = -1) -> Iterator[Finding]:
        """Return findings, all of them by time, or those of some kinds by message."""
        which = f"WHERE kind IN ({', '.join('?' * len(kinds))}) ORDER BY" if kinds else "ORDER BY received_at,"
        query = f"SELECT * FROM findings {which} message_id, kind, mailbox LIMIT ?"  # noqa: S608 - question marks
        for row in self.database.execute(query, (*kinds, limit)):
            yield Finding._make((*row[:3], tuple(json.loads(row[3])), *row[4:]))

    def summary(self) -> list[tuple[str, int, str, str]]:
        """Return for each kind how many findings there are, and the receive times of the first and the last."""
        query = "SELECT kind, count(*), min(received_at), max(received_at) FROM findings GROUP BY kind"
        return [(str(kind), int(count), first, last) for kind, count, first, last in self.database.execute(query)]
