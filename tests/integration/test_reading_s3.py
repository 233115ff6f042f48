"""The writer's S3 reader and the Maildir together, over connections that really break."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import tenacity.nap
from mailroom import maildir
from mailroom.errors import ForbiddenObject, MessageMissing, MessageUnavailable, MessageUnreadable
from mailroom.mail_store import MailStore, RawMail, s3_client
from moto import mock_aws

from tests.integration.s3_server import Misbehaviour, Refusal, S3Server, s3_server

MAIL = random.Random(1).randbytes(3 * 1024 * 1024 + 17)
KEY = "inbound/message-1"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setattr(tenacity.nap.time, "sleep", lambda seconds: None)
    with s3_server() as server:
        server.data = MAIL
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
        yield server


@pytest.fixture
def how() -> str:
    """How a connection breaks; a test may say it."""
    return "close"


@pytest.fixture
def store(s3: S3Server, how: str) -> Iterator[MailStore]:
    """Patient, because a busy machine is slow, except with a server that will be silent."""
    client = s3_client(read_timeout=1 if how == "silence" else 30)
    yield MailStore("mail", client=client)
    client.close()


def deliver(mail: RawMail, root: Path) -> bytes:
    """Deliver the object; gives what a mail reader would read."""
    with mail:
        delivered = maildir.deliver(
            root,
            mailbox_path="bob",
            folder="INBOX",
            delivery_id="1",
            received_at=1.0,
            headers=[],
            content=mail.chunks,
            attempt="a",
            recovering=False,
        )
    return (root / "bob/new" / delivered.file_name).read_bytes()


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_one_request_on_a_connection_that_stays_open(store: MailStore, s3: S3Server, tmp_path: Path) -> None:
    assert deliver(store.open(KEY), tmp_path) == MAIL
    assert deliver(store.open(KEY), tmp_path) == MAIL
    assert [request["path"] for request in s3.requests] == [f"/mail/{KEY}"] * 2
    assert not any("range" in request or "x-amz-checksum-mode" in request for request in s3.requests)


@pytest.mark.parametrize("how", ["close", "reset", "silence"])
@pytest.mark.parametrize("after", [0, 1, 1_000_000, len(MAIL) - 1])
def test_a_connection_that_breaks_is_resumed(
    store: MailStore, s3: S3Server, tmp_path: Path, how: str, after: int
) -> None:
    s3.plan = [Misbehaviour(after, how)]
    assert deliver(store.open(KEY), tmp_path) == MAIL
    resumed = s3.requests[-1]
    assert len(s3.requests) == 2
    assert resumed["if-match"] == s3.etag
    start = int(resumed["range"].removeprefix("bytes=").removesuffix("-"))
    assert start <= after
    if how != "reset":  # a reset also destroys what has arrived and was not read yet
        assert start >= after - 256 * 1024


def test_several_breaks_with_errors_between(store: MailStore, s3: S3Server, tmp_path: Path) -> None:
    broken, busy = Misbehaviour(300_000, "close"), Refusal(503, "SlowDown")
    s3.plan = [broken, busy, Misbehaviour(700_000, "reset"), Refusal(500), Misbehaviour(5, "close")]
    assert deliver(store.open(KEY), tmp_path) == MAIL


def test_an_object_that_is_replaced_meanwhile(store: MailStore, s3: S3Server, tmp_path: Path) -> None:
    s3.plan = [Misbehaviour(1_000_000, "close")]
    mail = store.open(KEY)
    s3.data, s3.etag = MAIL[::-1], '"version-2"'
    with pytest.raises(MessageUnavailable, match="replaced"):
        deliver(mail, tmp_path)
    assert files(tmp_path) == []


def test_a_connection_that_breaks_for_good_publishes_nothing(store: MailStore, s3: S3Server, tmp_path: Path) -> None:
    s3.plan = [Misbehaviour(1000, "close")] * 20
    with pytest.raises(MessageUnavailable, match="broke"):
        deliver(store.open(KEY), tmp_path)
    assert files(tmp_path) == []
    assert len(s3.requests) == 5


def test_access_denied_by_a_slip_passes_when_it_is_mended(store: MailStore, s3: S3Server, tmp_path: Path) -> None:
    s3.plan = [Refusal(403, "AccessDenied")]
    with pytest.raises(MessageUnavailable, match=r"role.* bucket .*endpoint.* key .*\(AccessDenied\)"):
        store.open(KEY)
    assert len(s3.requests) == 1, "no quick second try helps here"
    assert deliver(store.open(KEY), tmp_path) == MAIL


def test_a_server_that_is_not_there(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    client = s3_client()
    with pytest.raises(MessageUnavailable, match="EndpointConnectionError"):
        MailStore("mail", client=client).open(KEY)
    client.close()


def test_against_motos_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = s3_client()
        client.create_bucket(Bucket="mail")
        client.put_object(Bucket="mail", Key=KEY, Body=MAIL)
        client.put_object(Bucket="mail", Key="sealed", Body=b"x", Metadata={"x-amz-key-v2": "…".encode().hex()})
        store = MailStore("mail", client=client)
        assert b"".join(store.open(KEY).chunks) == MAIL
        with pytest.raises(MessageMissing):
            store.open("missing")
        with pytest.raises(MessageUnreadable):
            store.open("sealed")
        with pytest.raises(ForbiddenObject):
            store.open(KEY, bucket="other")
        client.close()
