"""What is told of a sent message: from its records, in the order of the recipients."""

from typing import Any

import pytest

from mailroomctl.deliveries.table import DeliveriesTable, outcome_row
from mailroomctl.local.outcomes import Outcome, outcomes
from mailroomctl.local.send import Sent


class Records(DeliveriesTable):
    """The records of every message, without a table."""

    def __init__(self, *records: dict[str, Any]) -> None:
        self._records = [{"message_id": "m1"} | record for record in records]

    def of_message(self, message_id: str) -> list[dict[str, Any]]:
        return [record for record in self._records if record["message_id"] == message_id]


def delivered(mailbox: str, folder: str = "INBOX", **fields: Any) -> dict[str, Any]:
    return {"mailbox": mailbox, "status": "DELIVERED", "path": "p", "folder": folder, "file_name": "f", **fields}


@pytest.mark.parametrize(
    ("folder", "file"),
    [
        ("INBOX", "p/new/f"),
        ("Junk", "p/.Junk/new/f"),
        ("Lists/Rust", "p/.Lists.Rust/new/f"),
        ("Ünï", "p/.&ANw-n&AO8-/new/f"),
        ("Tom & Jerry/日本", "p/.Tom &- Jerry.&ZeVnLA-/new/f"),
    ],
)
def test_the_file_is_where_dovecot_finds_the_folder(folder: str, file: str) -> None:
    record = delivered("bob@example.com", folder)
    (row,) = outcomes(Records(record), Sent("m1", ["bob@example.com"]))
    assert row == Outcome("bob@example.com", "DELIVERED", "bob@example.com", file)
    assert outcome_row({"message_id": "m1"} | record)["file"] == file


def test_recipients_keep_their_order_and_their_spelling() -> None:
    table = Records(
        delivered("bob@example.com", recipients=["bob@example.com", "list@example.com"]),
        delivered("eve@example.com", recipients=["list@example.com"]),
        {"mailbox": "no address", "status": "REJECTED", "code": "5.1.3", "reason": "there is no @ in it"},
    )
    sent = Sent("m1", ["List@Example.com", "no address", "zoe@example.com", "BOB@example.com"], {"x@y.z": "550 no"})
    told = [(row.recipient, row.outcome, row.mailbox, row.detail) for row in outcomes(table, sent)]
    assert told == [
        ("List@Example.com", "DELIVERED", "bob@example.com", ""),
        ("List@Example.com", "DELIVERED", "eve@example.com", ""),
        ("no address", "REJECTED", "no address", "5.1.3 there is no @ in it"),
        ("zoe@example.com", "PENDING", "", ""),
        ("BOB@example.com", "DELIVERED", "bob@example.com", ""),
        ("x@y.z", "REFUSED", "", "550 no"),
    ]


def test_a_message_that_the_server_refused_has_no_records() -> None:
    assert outcomes(Records(delivered("bob@example.com")), Sent(None, [], {"bob@example.com": "550 no"})) == [
        Outcome("bob@example.com", "REFUSED", detail="550 no")
    ]
