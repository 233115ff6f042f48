"""Every scenario runs on each engine."""

from collections.abc import Iterator

import pytest

from tests.workflow.engines import Engine, Ministack, moto_engine


@pytest.fixture(params=["ministack", "moto"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A fresh engine for the workflow that the test module names, with an empty deliveries table and parked queue."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    workflow = request.module.WORKFLOW
    if request.param == "ministack":
        yield Ministack(workflow)
    else:
        with moto_engine(workflow) as moto:
            yield moto
