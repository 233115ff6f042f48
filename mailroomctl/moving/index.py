"""Which messages are there already, and how many equal ones a source had: in a temporary database of its own.

SQLite keeps a few megabytes in memory and the rest in a file that has no name, however many messages there are. A set
of Python's would take 100 bytes a message.
"""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -4096;
PRAGMA locking_mode = EXCLUSIVE;
CREATE TABLE present (identity BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE equal (content BLOB PRIMARY KEY, number INTEGER) WITHOUT ROWID;
CREATE TABLE known (message_id BLOB, headers BLOB, place TEXT, file_name TEXT, used INTEGER DEFAULT 0);
CREATE INDEX known_by_id ON known (message_id);
BEGIN;
"""


class Known(NamedTuple):
    """A message that is in the mailbox and that no import has written."""

    row: int
    headers: bytes
    place: str
    """The folder's directory, or ``INBOX``."""
    file_name: str


class Index:
    """One run's database; closed, it is gone."""

    def __init__(self) -> None:
        """Make an empty one."""
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(_TABLES)

    def close(self) -> None:
        """Forget everything."""
        self._database.close()

    def add_present(self, identities: Iterable[bytes]) -> None:
        """Remember messages that are in the mailbox."""
        self._database.executemany("INSERT OR IGNORE INTO present VALUES (?)", ((one,) for one in identities))

    def is_present(self, identity: bytes) -> bool:
        """Tell whether a message is in the mailbox."""
        rows = self._database.execute("SELECT 1 FROM present WHERE identity = ?", (identity,))
        return rows.fetchone() is not None

    def next_ordinal(self, content: bytes) -> int:
        """Count one more message with this content; the first is 0."""
        rows = self._database.execute(
            "INSERT INTO equal VALUES (?, 0) ON CONFLICT DO UPDATE SET number = number + 1 RETURNING number", (content,)
        )
        return int(rows.fetchall()[0][0])

    def add_known(self, rows: Iterable[tuple[bytes, bytes, str, str]]) -> None:
        """Remember messages that have come another way: Message-ID, other headers, where they are, file name."""
        self._database.executemany(
            "INSERT INTO known (message_id, headers, place, file_name) VALUES (?, ?, ?, ?)", rows
        )

    def known(self, message_id: bytes) -> list[Known]:
        """The messages with a Message-ID that have not been used up."""
        rows = self._database.execute(
            "SELECT rowid, headers, place, file_name FROM known WHERE message_id = ? AND NOT used", (message_id,)
        )
        return [Known(*row) for row in rows.fetchall()]

    def has_message_id(self, message_id: bytes) -> bool:
        """Tell whether any message with this Message-ID is known, used up or not."""
        rows = self._database.execute("SELECT 1 FROM known WHERE message_id = ? LIMIT 1", (message_id,))
        return rows.fetchone() is not None

    def use(self, row: int) -> None:
        """Let a known message stand for one of the source, and for no other."""
        self._database.execute("UPDATE known SET used = 1 WHERE rowid = ?", (row,))
