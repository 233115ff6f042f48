"""What the workflow hands from step to step: the keys of its state, which ``statemachine/deliver_mail.asl.json`` reads.

The steps' dataclasses become these (``to_state``) and are made of them (``from_state``); nothing else knows a key.
"""

from typing import Literal, NotRequired, TypedDict


class Ignored(TypedDict):
    """ValidateEvent's output for something that is not mail."""

    kind: Literal["ignored"]
    reason: str


class Message(TypedDict):
    """The message, as every later step knows it."""

    id: str
    bucket: str
    key: str
    source: str
    received_at: str
    """ISO 8601 in UTC, with milliseconds."""
    month: str
    """The UTC month of ``received_at`` with a shard, see ``mailroom.months``."""
    verdicts: dict[str, str | None]
    dmarc_policy: str | None
    rfc_message_id: str


class Lease(TypedDict):
    """When a claim is made, and when it runs out, in epoch seconds."""

    now: int
    until: int


class Bounce(TypedDict):
    """Whether the sender may get a bounce; ``why_not`` is empty when it may."""

    allowed: bool
    why_not: str


class Received(TypedDict):
    """ValidateEvent's output for mail, ResolveMailboxes's input."""

    kind: Literal["mail"]
    reason: None
    message: Message
    recipients: list[str]
    released: list[str]
    restored: NotRequired[bool]
    """The released mailboxes have had their copies and lost them."""
    lease: Lease
    expires_at: int
    """Of the records, in epoch seconds."""
    concurrency: int
    bounce: Bounce


class Text(TypedDict):
    """A text as DynamoDB's interface writes it: the workflow's language cannot make a list attribute of plain ones."""

    S: str


class Delivery(TypedDict):
    """One copy to make: an item of DeliverToMailboxes."""

    mailbox: str
    """The name under which the mailbox's records stand: the address that it was made with, whatever it is now."""
    address: str
    """The mailbox's address, for the header and for operators."""
    path: str
    folder: str
    recipients: list[str]
    action: Literal["deliver", "quarantine"]
    verdict: str
    optional_folder: bool
    findings: list[Text]
    """What the verdict names, for the record: ``check=STATUS``, and ``dmarc-policy=…`` where DMARC failed."""
    mailbox_number: int
    """Stands for the mailbox in a metric, from 1 to 1,000,000: two numbers are two mailboxes."""


class Problem(TypedDict):
    """What a recipient met on its way; ``entry`` is the directory's key that is at fault, empty where none is."""

    recipient: str
    entry: str
    code: str
    reason: str
    findings: list[Text]
    """What a policy refused, as in a delivery."""


class Undelivered(Problem):
    """One recipient without a copy, or a group of which a member misses its own."""

    status: Literal["REJECTED", "HELD"]


class Resolution(TypedDict):
    """What ResolveMailboxes adds."""

    deliveries: list[Delivery]
    undelivered: list[Undelivered]
    problems: list[Problem]


class Resolved(Received, Resolution):
    """ResolveMailboxes's output."""


class StoredMessage(TypedDict):
    """The part of the message that WriteMailbox needs; the receive time is that of the first claim."""

    id: str
    bucket: str
    key: str
    received_at: str


class ClaimedDelivery(TypedDict):
    """The part of a delivery that WriteMailbox needs; path and folder are those of the first claim."""

    mailbox: str
    address: NotRequired[str]
    """States of earlier versions lack it: then it is the mailbox."""
    path: str
    folder: str
    recipients: list[str]
    verdict: str
    optional_folder: bool


class WriteRequest(TypedDict):
    """WriteMailbox's input.

    ``attempts`` counts claims, ``first_claimed_at`` is when the first of the last ``attempts_since`` was made (epoch
    seconds): the first of all, unless an earlier version made that. ``attempt`` names the execution, ``entered_at`` is
    when the state was entered. States of earlier versions lack both times.
    """

    message: StoredMessage
    delivery: ClaimedDelivery
    attempts: int
    first_claimed_at: NotRequired[int]
    attempts_since: NotRequired[int]
    retry_count: int
    attempt: str
    entered_at: NotRequired[str]


class Written(TypedDict):
    """WriteMailbox's output."""

    file_name: str
    size: int
    folder: str
    already_delivered: bool
