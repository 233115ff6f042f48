"""One delivery: one message into one mailbox, as the workflow's Map item describes it."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from mailroom import maildir
from mailroom.errors import ClockWrong, InvalidEvent
from mailroom.mail_store import MailStore
from mailroom.state import WriteRequest, Written
from mailroom.stopwatch import Stopwatch

#: How far the local clock may be behind the workflow's. The rest of the time between the deadline and the state's
#: timeout is for what lies between the check and the rename.
CLOCK_TOLERANCE_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Delivery:
    """What WriteMailbox is asked to do.

    ``attempts`` counts the claims of this delivery over all executions, ``retry_count`` the retries within this
    state; ``attempt`` is unique to this very call. ``mailbox`` is the name under which the records stand, ``address``
    what the mailbox is called now. ``entered_at`` is when the workflow entered the state (aware), and
    ``first_claimed_at`` when this delivery was claimed for the first time (epoch seconds). Both are ``None`` where
    nobody knows: the function was called by hand, or the delivery comes from a version that did not note it.
    """

    message_id: str
    key: str
    bucket: str
    received_at: datetime
    mailbox: str
    path: str
    folder: str
    optional_folder: bool
    recipients: tuple[str, ...]
    verdict: str
    attempts: int
    retry_count: int
    attempt: str
    entered_at: datetime | None = None
    first_claimed_at: int | None = None
    address: str = ""

    @classmethod
    def from_state(cls, state: Mapping[str, Any], *, request_id: str) -> "Delivery":
        """Read the Map item; ``request_id`` is Lambda's, which makes the attempt unique.

        Raises ``InvalidEvent`` that names what is missing: somebody has called the function manually.
        """
        try:
            request = cast("WriteRequest", state)
            message, delivery = request["message"], request["delivery"]
            attempts = int(request.get("attempts", 1))
            retry_count = int(request.get("retry_count", 0))
            return cls(
                message_id=message["id"],
                key=message["key"],
                bucket=message["bucket"],
                received_at=datetime.fromisoformat(message["received_at"]),
                mailbox=delivery["mailbox"],
                path=delivery["path"],
                folder=delivery["folder"],
                optional_folder=bool(delivery.get("optional_folder", False)),
                recipients=tuple(delivery["recipients"]),
                verdict=delivery.get("verdict", ""),
                attempts=attempts,
                retry_count=retry_count,
                attempt=f"{request.get('attempt', 'by-hand')}.{retry_count}.{request_id}",
                entered_at=_moment(request.get("entered_at")),
                first_claimed_at=_first_claim(request, attempts),
                address=delivery.get("address", delivery["mailbox"]),
            )
        except KeyError as error:
            raise InvalidEvent(f"The delivery lacks {error.args[0]!r}.") from None
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidEvent(f"The delivery is malformed: {error}.") from None

    @property
    def delivery_id(self) -> str:
        """The identity of the pair (message, mailbox); the file's base name derives from it."""
        return f"{self.message_id}\n{self.mailbox}"

    @property
    def recovering(self) -> bool:
        """Whether an earlier attempt may have left a copy, whole or in part."""
        return self.attempts > 1 or self.retry_count > 0

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The lines in front of the message: whose copy it is, and why it came here (RFC 9228 for Delivered-To)."""
        lines = [("Delivered-To", self.address or self.mailbox)]
        lines += [("X-Original-To", recipient) for recipient in self.recipients]
        if self.verdict:
            lines.append(("X-Mailroom-Verdict", self.verdict))
        return lines

    def publish_before(self, seconds: float) -> float | None:
        """When this attempt must have published, in epoch seconds: ``seconds`` after the state was entered.

        A recovery has no deadline, because it looks for a copy. For a first attempt the time of entry is its own start.

        Raises ``ClockWrong`` where the local clock is behind it: by such a clock the deadline would come too late. How
        far a clock is behind that has passed the time of entry already cannot be told.
        """
        if self.entered_at is None or self.recovering:
            return None
        entered = self.entered_at.timestamp()
        behind = entered - time.time()
        if behind > CLOCK_TOLERANCE_SECONDS:
            raise ClockWrong(f"the local clock is {behind:.1f} s behind the workflow's; a retry needs no clock")
        return entered + seconds

    def write(
        self, mail_store: MailStore, mail_root: str, *, publish_seconds: float, patience: float, reading: Stopwatch
    ) -> maildir.Delivered:
        """Put the copy into the Maildir; the raw mail is fetched only when it must be written.

        A first attempt publishes within ``publish_seconds`` of the state's entry, or not at all. ``patience`` is the
        time for what may pass at once, in seconds. ``reading`` measures how long the raw mail lets wait.

        Raises ``ClockWrong``, and what ``maildir.deliver`` and ``MailStore.open`` raise.
        """
        return maildir.deliver(
            mail_root,
            mailbox_path=self.path,
            folder=self.folder,
            optional_folder=self.optional_folder,
            delivery_id=self.delivery_id,
            received_at=self.received_at,
            headers=self.headers,
            content=reading.over(self._content(mail_store)),
            attempt=self.attempt,
            recovering=self.recovering,
            first_claimed_at=self.first_claimed_at,
            publish_before=self.publish_before(publish_seconds),
            patience=patience,
        )

    def _content(self, mail_store: MailStore) -> Iterator[bytes]:
        with mail_store.open(self.key, bucket=self.bucket) as raw_mail:
            yield from raw_mail.chunks


def written_state(delivered: maildir.Delivered) -> Written:
    """Give WriteMailbox's output."""
    return {
        "file_name": delivered.file_name,
        "size": delivered.size,
        "folder": delivered.folder,
        "already_delivered": delivered.already_delivered,
    }


def _moment(text: str | None) -> datetime | None:
    """Read the workflow's time; a time without an offset is UTC."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _first_claim(request: WriteRequest, attempts: int) -> int | None:
    """Read when the first of all claims was made; where an earlier version made that, nobody knows."""
    if "first_claimed_at" not in request or request.get("attempts_since") != attempts:
        return None
    return int(request["first_claimed_at"])
