"""Nothing of the embedded AWS may reach a real account, whatever the user has set."""

import os
from pathlib import Path

import pytest

from mailroomctl.errors import CommandError
from mailroomctl.local.settings import Settings


def test_child_processes_get_no_credentials_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL_S3", "SAM_CLI_POLL_DELAY"):
        monkeypatch.setenv(name, "real")
    environment = Settings(state=tmp_path, aws_port=4567).environment()
    assert "real" not in environment.values()
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4567"
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == environment["AWS_CONFIG_FILE"] == os.devnull


def test_clients_ignore_profile_and_credentials_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "there-is-none")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "real")
    client = Settings(state=tmp_path, aws_port=4567).client("sqs")
    assert client.meta.endpoint_url == "http://127.0.0.1:4567"
    assert client._request_signer._credentials.access_key == "test"


def test_the_stack_waits_here_for_a_whole_execution_too(tmp_path: Path) -> None:
    client = Settings(state=tmp_path, aws_port=4567).stack().stepfunctions
    assert client.meta.endpoint_url == "http://127.0.0.1:4567"
    assert client.meta.config.read_timeout == 320
    assert client.meta.config.inject_host_prefix is False


def test_settings_come_back_as_they_were(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path / "new folder", bind="10.0.0.1", parameters={"LogLevel": "DEBUG"})
    settings.save()
    assert Settings.load(tmp_path / "new folder") == settings


def test_no_settings_or_damaged_ones(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="nothing runs"):
        Settings.load(tmp_path)
    (tmp_path / "local.json").write_text("{")
    with pytest.raises(CommandError, match=r"local\.json is damaged"):
        Settings.load(tmp_path)
