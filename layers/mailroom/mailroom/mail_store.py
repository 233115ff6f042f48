"""The raw mail in S3, as a stream of chunks that survives a broken connection.

Imported only by the function that writes mailboxes: botocore is most of a cold start.
"""

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session
from urllib3.exceptions import HTTPError

from mailroom.errors import (
    ForbiddenObject,
    MailroomError,
    MessageMissing,
    MessageUnavailable,
    MessageUnreadable,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CHUNK_BYTES = 256 * 1024

# What a broken or silent connection raises, depending on the moment and on the layer that notices.
_BROKEN = (BotoCoreError, HTTPError, OSError)
# User metadata by which the S3 encryption clients (SES's KmsKeyArn is one) mark what only their key can read.
_CLIENT_SIDE_ENCRYPTED = frozenset({"x-amz-key", "x-amz-key-v2", "x-amz-cek-alg"})
_REPLACED = "PreconditionFailed"  # the answer to If-Match
# Temporary, because it is a slip of ours and not of the event, and the same for all mail: the queue keeps it meanwhile.
# Whoever may not list a bucket is told 403 for an object that is not there.
_DENIED = (
    MessageUnavailable,
    "S3 denies access to the raw mail: look at the function's role, at the policies of the bucket and of the VPC "
    "endpoint, and at the key if the bucket has one; without s3:ListBucket it may also be missing",
)
_ERRORS: dict[str, tuple[type[MailroomError], str]] = {
    "NoSuchKey": (MessageMissing, "the raw mail is not in the bucket (any more)"),
    "404": (MessageMissing, "the raw mail is not in the bucket (any more)"),
    "AccessDenied": _DENIED,
    "403": _DENIED,
    "InvalidObjectState": (MessageUnreadable, "the raw mail was archived; restore the object first"),
    _REPLACED: (MessageUnavailable, "the raw mail was replaced while it was being read"),
}


def s3_client(*, connect_timeout: float = 2, read_timeout: float = 3, attempts: int = 2) -> "S3Client":
    """Make the one S3 client of a function; endpoint, region and credentials come from AWS's usual environment.

    botocore's own session: boto3 would add 5 % to the cold start and nothing that is used here. One quick second
    try and short timeouts, because the workflow and the queue do the patient part. ``when_required``: SES stores no
    checksums, and the default would ask for them and wrap the stream.
    """
    config = Config(
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        max_pool_connections=2,
        tcp_keepalive=True,
        retries={"mode": "standard", "total_max_attempts": attempts},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return cast("S3Client", get_session().create_client("s3", config=config))


class MailStore:
    """The bucket where SES puts raw mail."""

    def __init__(
        self,
        bucket: str,
        *,
        client: "S3Client | None" = None,
        chunk_bytes: int = CHUNK_BYTES,
        resumes: int = 4,
        wait_seconds: float = 1,
    ) -> None:
        """Use ``bucket`` only.

        ``resumes`` bounds how often one message's stream is taken up again, ``wait_seconds`` the wait before each.
        """
        self._bucket = bucket
        self._client = client or s3_client()
        self._chunk_bytes = chunk_bytes
        self._resumes = resumes
        self._wait_seconds = wait_seconds

    def open(self, key: str, *, bucket: str | None = None) -> "RawMail":
        """Begin to read an object: one GET, whose body is read as ``RawMail.chunks`` is.

        ``bucket`` is the one that the notification names; another than the configured one is ``ForbiddenObject``.

        Raises:
            MessageMissing, MessageUnreadable, ForbiddenObject: for good.
            MessageUnavailable: not now.
        """
        if bucket not in (None, self._bucket):
            raise ForbiddenObject("the notification names a bucket that is not the mail store")
        response = self._get(Key=key)
        if _CLIENT_SIDE_ENCRYPTED & {name.lower() for name in response.get("Metadata", {})}:
            response["Body"].close()
            raise MessageUnreadable(
                "the raw mail is encrypted for a client: remove the KMS key from the receipt rule's S3 action and use "
                "the bucket's default encryption"
            )
        return RawMail(self._get, key, response, self._chunk_bytes, self._resumes, self._wait_seconds)

    def _get(self, **arguments: str) -> Any:
        """One GetObject, its failures by what to do about them."""
        try:
            return self._client.get_object(Bucket=self._bucket, **arguments)  # type: ignore[arg-type]
        except ClientError as error:
            code = _s3_code(error)
            kind, text = _ERRORS.get(code, (MessageUnavailable, "S3 cannot give the raw mail just now"))
            raise kind(f"{text} ({code})") from error
        except _BROKEN as error:
            raise MessageUnavailable(f"S3 cannot be reached ({type(error).__name__})") from error


class RawMail:
    """One version of one object; ``chunks`` gives exactly ``size`` bytes of it or raises."""

    def __init__(
        self,
        get: Callable[..., Any],
        key: str,
        response: dict[str, Any],
        chunk_bytes: int,
        resumes: int,
        wait_seconds: float,
    ) -> None:
        """Made by ``MailStore.open``."""
        self.size: int = response["ContentLength"]
        self.etag: str = response["ETag"]
        self._get = get
        self._key = key
        self._body = response["Body"]
        self._chunk_bytes = chunk_bytes
        self._resumes = resumes
        self._wait_seconds = wait_seconds
        self.chunks: Iterator[bytes] = self._read()

    def __enter__(self) -> Self:
        """Close the connection at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection, whatever happened in the block."""
        self.close()

    def close(self) -> None:
        """Give up what has not been read."""
        self._body.close()

    def _read(self) -> Iterator[bytes]:
        """Read on to the end, over broken connections."""
        offset = 0
        resumes_left = self._resumes
        while offset < self.size:
            chunk, reason = self._read_chunk()
            if chunk:
                offset += len(chunk)
                if offset > self.size:
                    raise MessageUnavailable("S3 sent more bytes than the object has")
                yield chunk
                continue
            if not resumes_left:
                raise MessageUnavailable(f"the connection to S3 broke {self._resumes + 1} times, last by {reason}")
            resumes_left = self._resume(offset, resumes_left)

    def _read_chunk(self) -> tuple[bytes, str]:
        """The next chunk, or an empty one and the reason when the connection broke; an early end is a break too."""
        try:
            return self._body.read(self._chunk_bytes), "an early end"
        except _BROKEN as error:
            return b"", type(error).__name__

    def _resume(self, offset: int, resumes_left: int) -> int:
        """Ask for the rest of the same version; returns how many resumes are left.

        tenacity brings asyncio with it, so only a broken stream pays for the import.
        """
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

        self._body.close()
        retrying = Retrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_attempt(resumes_left),
            wait=wait_random_exponential(multiplier=0.1, max=self._wait_seconds),
            reraise=True,
        )
        response = retrying(self._get, Key=self._key, Range=f"bytes={offset}-", IfMatch=self.etag)
        self._body = response["Body"]
        if (
            response.get("ContentRange") != f"bytes {offset}-{self.size - 1}/{self.size}"
            or response["ETag"] != self.etag
        ):
            raise MessageUnavailable("S3 did not send the range that was asked for")
        return resumes_left - int(retrying.statistics["attempt_number"])


def _may_pass(error: BaseException) -> bool:
    """Tell whether to ask again immediately; a version that was replaced does not come back."""
    return isinstance(error, MessageUnavailable) and _s3_code(error.__cause__) != _REPLACED


def _s3_code(error: BaseException | None) -> str:
    """S3's own code for an error; empty when it was not S3 that answered."""
    return error.response.get("Error", {}).get("Code", "unknown") if isinstance(error, ClientError) else ""
