"""Reading a message from S3, over every way that a connection can break."""

import io
from collections.abc import Callable
from typing import Any

import pytest
import tenacity.nap
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from mailroom.errors import ForbiddenObject, MessageMissing, MessageUnavailable, MessageUnreadable
from mailroom.mail_store import MailStore
from urllib3.exceptions import ProtocolError

MAIL = bytes(range(256)) * 40
ETAG = '"one"'


class Body(io.BytesIO):
    """A response's body that may break after some bytes."""

    def __init__(self, data: bytes, breaks_after: int | None, error: Exception | None) -> None:
        super().__init__(data if breaks_after is None else data[:breaks_after])
        self.error = error if breaks_after is not None else None

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        if not data and self.error:
            raise self.error
        return data


class FakeS3:
    """One object; `plan` says for each GET what goes wrong: an error to raise, or where the body breaks."""

    def __init__(self, *plan: Exception | tuple[int, Exception | None] | None, **response: Any) -> None:
        self.plan = list(plan)
        self.response = response
        self.data = MAIL
        self.etag = ETAG
        self.requests: list[dict[str, Any]] = []
        self.bodies: list[Body] = []

    def get_object(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        step = self.plan.pop(0) if self.plan else None
        if isinstance(step, Exception):
            raise step
        if request.get("IfMatch", self.etag) != self.etag:
            raise s3_error("PreconditionFailed")
        start = int(request.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        body = Body(self.data[start:], *(step or (None, None)))
        self.bodies.append(body)
        response: dict[str, Any] = {"ContentLength": len(self.data) - start, "ETag": self.etag, "Body": body}
        if "Range" in request:
            response["ContentRange"] = f"bytes {start}-{len(self.data) - 1}/{len(self.data)}"
        return {**response, **self.response}


def s3_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "secret@example.com"}}, "GetObject")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenacity.nap.time, "sleep", lambda seconds: None)


def store(s3: FakeS3, **options: Any) -> MailStore:
    return MailStore("mail", client=s3, chunk_bytes=1000, **options)  # type: ignore[arg-type]


def test_one_get_gives_the_object_in_chunks() -> None:
    s3 = FakeS3()
    mail = store(s3).open("inbound/1")
    assert (mail.size, mail.etag) == (len(MAIL), ETAG)
    chunks = list(mail.chunks)
    assert b"".join(chunks) == MAIL
    assert {len(chunk) for chunk in chunks[:-1]} == {1000}
    assert s3.requests == [{"Bucket": "mail", "Key": "inbound/1"}]


def test_an_empty_object_has_no_chunks() -> None:
    s3 = FakeS3()
    s3.data = b""
    assert list(store(s3).open("k").chunks) == []


BREAKS: list[tuple[int, Exception | None]] = [
    (0, ConnectionResetError()),
    (1, ProtocolError("broken")),
    (999, ReadTimeoutError(endpoint_url="s3")),
    (1000, None),
    (10239, TimeoutError()),
]


@pytest.mark.parametrize("where", BREAKS)
def test_a_broken_stream_goes_on_where_it_broke_with_the_same_version(where: tuple[int, Exception | None]) -> None:
    s3 = FakeS3(where)
    assert b"".join(store(s3).open("k").chunks) == MAIL
    whole = where[0] // 1000 * 1000 if where[1] is None else where[0]
    assert s3.requests[1:] == [{"Bucket": "mail", "Key": "k", "Range": f"bytes={whole}-", "IfMatch": ETAG}]
    assert s3.bodies[0].closed


def test_several_breaks_and_failing_resumes_share_one_budget() -> None:
    s3 = FakeS3((1500, None), s3_error("SlowDown"), (1500, None), ConnectTimeoutError(endpoint_url="s3"), None)
    assert b"".join(store(s3, resumes=4).open("k").chunks) == MAIL
    assert len(s3.requests) == 5
    s3 = FakeS3((1500, None), s3_error("SlowDown"), (1500, None), ConnectTimeoutError(endpoint_url="s3"), None)
    with pytest.raises(MessageUnavailable):
        list(store(s3, resumes=3).open("k").chunks)
    assert len(s3.requests) == 4


def test_a_replaced_object_is_never_mixed_and_not_asked_for_again() -> None:
    s3 = FakeS3((1500, None))
    chunks = store(s3).open("k").chunks
    next(chunks)
    s3.data, s3.etag = MAIL[::-1], '"two"'
    with pytest.raises(MessageUnavailable, match="replaced"):
        list(chunks)
    assert len(s3.requests) == 2


@pytest.mark.parametrize("wrong", [{"ContentRange": "bytes 0-10239/10240"}, {"ContentRange": None}, {"ETag": '"two"'}])
def test_an_answer_that_is_not_the_range_is_refused(wrong: dict[str, Any]) -> None:
    s3 = FakeS3((1500, None))
    chunks = store(s3).open("k").chunks
    s3.response = wrong
    with pytest.raises(MessageUnavailable, match="range"):
        list(chunks)


def test_more_bytes_than_announced_are_refused() -> None:
    s3 = FakeS3(ContentLength=len(MAIL) - 1)
    with pytest.raises(MessageUnavailable, match="more bytes"):
        list(store(s3).open("k").chunks)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (s3_error("NoSuchKey"), MessageMissing),
        (s3_error("404"), MessageMissing),
        (s3_error("AccessDenied"), MessageUnavailable),
        (s3_error("403"), MessageUnavailable),
        (s3_error("InvalidObjectState"), MessageUnreadable),
        (s3_error("NoSuchBucket"), MessageUnavailable),
        (s3_error("SlowDown"), MessageUnavailable),
        (s3_error("ExpiredToken"), MessageUnavailable),
        (ConnectTimeoutError(endpoint_url="https://secret"), MessageUnavailable),
        (ConnectionResetError(), MessageUnavailable),
    ],
)
def test_errors_by_what_to_do_about_them(error: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        store(FakeS3(error)).open("k")
    assert type(caught.value) is kind
    assert "secret" not in str(caught.value)


def test_another_bucket_is_not_even_asked() -> None:
    s3 = FakeS3()
    with pytest.raises(ForbiddenObject):
        store(s3).open("k", bucket="other")
    assert s3.requests == []
    assert store(s3).open("k", bucket="mail").size == len(MAIL)


@pytest.mark.parametrize("key", ["x-amz-key-v2", "X-Amz-Key", "x-amz-cek-alg"])
def test_a_client_side_encrypted_object_is_refused_before_it_is_read(key: str) -> None:
    s3 = FakeS3(Metadata={key: "…"})
    with pytest.raises(MessageUnreadable, match="receipt rule"):
        store(s3).open("k")
    assert s3.bodies[0].closed


@pytest.mark.parametrize("stop", [lambda mail: None, lambda mail: next(mail.chunks)])
def test_leaving_early_closes_the_connection(stop: Callable[[Any], object]) -> None:
    s3 = FakeS3()
    with store(s3).open("k") as mail:
        stop(mail)
    assert s3.bodies[0].closed
