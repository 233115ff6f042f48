"""Every scenario runs on each engine."""

from collections.abc import Iterator

import pytest

from tests.workflow.engines import Engine, Ministack, moto_engine


@pytest.fixture(params=["ministack", "moto"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A fresh engine, with an empty deliveries table and an empty parked queue."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    if request.param == "ministack":
        yield Ministack()
    else:
        with moto_engine() as moto:
            yield moto
