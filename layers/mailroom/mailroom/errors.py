"""Everything that can go wrong, by what to do about it.

A class name here *is* the ``ErrorEquals`` of the workflow: Lambda reports the name of the exception's class as
``errorType``, and Step Functions matches Retry and Catch against it. Renaming a class means renaming it in
``statemachine/*.asl.json``.

A message says what was wrong and what to do, and never holds mail content or a whole address: it becomes the
``Cause`` in the execution's log.
"""


class MailroomError(Exception):
    """Root of all errors that Mailroom raises on purpose."""

    def __init__(self, message: str) -> None:
        """Keep ``message`` as the exception's text: Step Functions shows it as the Cause."""
        super().__init__(message)


class PermanentError(MailroomError):
    """Trying again with the same input cannot help; never retried."""


class TemporaryError(MailroomError):
    """Trying again later can help; retried by the workflow, then by the queue."""


class InvalidEvent(PermanentError):
    """The event is not a notification that Mailroom can understand."""


class ForbiddenObject(PermanentError):
    """The event names a bucket or key outside the configured mail store."""


class MessageMissing(PermanentError):
    """The raw mail is not in the bucket (any more)."""


class MessageUnreadable(PermanentError):
    """The raw mail is there but cannot be read, for example because SES encrypted it for another client."""


class InvalidAddress(PermanentError):
    """A text is not an e-mail address that can receive mail."""


class FanOutLimitExceeded(PermanentError):
    """A message leads to more mailboxes than the limit allows."""


class MailboxPathRejected(PermanentError):
    """A mailbox path is malformed, leaves the mail root, or meets something that is not a folder."""


class ConfigurationError(TemporaryError):
    """A function's environment is incomplete or wrong; temporary, because a new deployment fixes it."""


class StorageUnavailable(TemporaryError):
    """The mail root cannot be written just now: full, read-only, stale, busy or gone."""


class DeadlinePassed(TemporaryError):
    """A first attempt came so late that its retry may be at work already; only a recovery may publish now."""


class ClockWrong(TemporaryError):
    """The local clock is behind the workflow's, so that no deadline can be kept by it."""


class MessageUnavailable(TemporaryError):
    """The raw mail could not be read from S3 just now: no answer, or no permission."""


class DirectoryUnavailable(TemporaryError):
    """The directory table could not be read just now."""
