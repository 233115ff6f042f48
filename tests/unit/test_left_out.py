"""What a machine may forbid is left out there, but never by CI."""

import pytest

from tests.left_out import left_out


def test_a_machine_may_forbid_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no browser here"):
        left_out("no browser here")


def test_ci_may_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(AssertionError, match="CI has to run this: no browser here"):
        left_out("no browser here")
