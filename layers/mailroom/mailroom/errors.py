"""Everything that can go wrong, by what to do about it.

A class name here *is* the ``ErrorEquals`` of the workflow: Lambda reports the name of the exception's class as
``errorType``, and Step Functions matches Retry and Catch against it. Renaming a class means renaming it in
``statemachine/*.asl.json``.

A message says what was wrong and what to do, and never holds mail content or a whole address: it becomes the
``Cause`` in the execution's log.
"""

from typing import ClassVar


class MailroomError(Exception):
    """Root of all errors that Mailroom raises on purpose.

    ``kind`` is where the fault is, as the metric of failures has it: each class by itself would be too many series.
    """

    kind: ClassVar[str] = "unforeseen"

    def __init__(self, message: str) -> None:
        """Keep ``message`` as the exception's text: Step Functions shows it as the Cause."""
        super().__init__(message)


class PermanentError(MailroomError):
    """Trying again with the same input cannot help; never retried."""


class TemporaryError(MailroomError):
    """Trying again later can help; retried by the workflow, then by the queue."""


class InvalidEvent(PermanentError):
    """The event is not a notification that Mailroom can understand."""

    kind = "event"


class ForbiddenObject(PermanentError):
    """The event names a bucket or key outside the configured mail store."""

    kind = "event"


class MessageMissing(PermanentError):
    """The raw mail is not in the bucket (any more)."""

    kind = "raw mail"


class MessageUnreadable(PermanentError):
    """The raw mail is there but cannot be read, for example because SES encrypted it for another client."""

    kind = "raw mail"


class InvalidAddress(PermanentError):
    """A text is not an e-mail address that can receive mail."""

    kind = "event"


class FanOutLimitExceeded(PermanentError):
    """A message leads to more mailboxes than the limit allows."""

    kind = "directory"


class MailboxPathRejected(PermanentError):
    """A mailbox path is malformed, leaves the mail root, or meets something that is not a folder."""

    kind = "mailbox"


class ConfigurationError(TemporaryError):
    """A function's environment is incomplete or wrong; temporary, because a new deployment fixes it."""

    kind = "configuration"


class StorageUnavailable(TemporaryError):
    """The mail root cannot be written just now: full, read-only, stale, busy or gone."""

    kind = "storage"


class DeadlinePassed(TemporaryError):
    """A first attempt came so late that its retry may be at work already; only a recovery may publish now."""

    kind = "clock"


class ClockWrong(TemporaryError):
    """The local clock is behind the workflow's, so that no deadline can be kept by it."""

    kind = "clock"


class MessageUnavailable(TemporaryError):
    """The raw mail could not be read from S3 just now: no answer, or no permission."""

    kind = "raw mail"


class DirectoryUnavailable(TemporaryError):
    """The directory table could not be read just now."""

    kind = "directory"


class Unforeseen(TemporaryError):
    """Something that nobody has thought of; its text stays where it was raised, because it may quote a mail."""
