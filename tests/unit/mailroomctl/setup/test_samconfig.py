"""samconfig.toml gets our settings, and loses nothing."""

import tomllib
from pathlib import Path

import pytest

from mailroomctl.errors import CommandError
from mailroomctl.setup.samconfig import Settings, replaced, updated

OURS = (Path(__file__).parents[4] / "samconfig.toml").read_text()
SETTINGS = Settings("post", "eu-west-1", {"FileSystemId": "fs-0a", "SubnetIds": "subnet-a,subnet-b"})


def test_a_new_file_deploys() -> None:
    made = tomllib.loads(updated("", SETTINGS))["default"]
    ours = tomllib.loads(OURS)["default"]
    assert made["global"]["parameters"] == {"stack_name": "post", "region": "eu-west-1"}
    assert made["build"] == ours["build"]
    overrides = made["deploy"]["parameters"].pop("parameter_overrides")
    assert overrides == ["FileSystemId=fs-0a", "SubnetIds=subnet-a,subnet-b"]
    assert made["deploy"] == ours["deploy"]


def test_the_project_s_own_file_keeps_everything_else() -> None:
    changed = updated(OURS, SETTINGS)
    assert [line for line in OURS.splitlines() if line not in changed.splitlines()] == ['stack_name = "mailroom"']
    assert replaced(OURS, SETTINGS) == ['stack_name = "mailroom" becomes "post"']
    assert updated(changed, SETTINGS) == changed
    assert replaced(changed, SETTINGS) == []


COMMENTS = ["comments among parameter_overrides are lost"]


@pytest.mark.parametrize(
    ("before", "lost"),
    [
        ('parameter_overrides = "FileSystemId=fs-9 SpamFailPolicy=inbox"', []),
        (
            'parameter_overrides = [ # ours\n  "FileSystemId=fs-9",\n  "SpamFailPolicy=inbox", # ] a bracket\n]',
            COMMENTS,
        ),
    ],
)
def test_other_parameters_stay(before: str, lost: list[str]) -> None:
    text = f"[default.deploy.parameters] # ours\n{before}\nresolve_s3 = true\n\n[other]\nkey = 1 # theirs\n"
    parsed = tomllib.loads(updated(text, SETTINGS))
    assert parsed["default"]["deploy"]["parameters"] == {
        "parameter_overrides": ["FileSystemId=fs-0a", "SpamFailPolicy=inbox", "SubnetIds=subnet-a,subnet-b"],
        "resolve_s3": True,
        "capabilities": "CAPABILITY_IAM",
    }
    assert parsed["other"] == {"key": 1}
    assert replaced(text, SETTINGS) == ["FileSystemId=fs-9 becomes fs-0a", *lost]


@pytest.mark.parametrize(
    ("there", "added"),
    [
        ("", {"capabilities": "CAPABILITY_IAM", "resolve_s3": True}),
        ('s3_bucket = "mine"', {"capabilities": "CAPABILITY_IAM"}),
        ('capabilities = "CAPABILITY_NAMED_IAM"\nresolve_s3 = false', {}),
    ],
)
@pytest.mark.parametrize("table", ["default.deploy.parameters", "default.global.parameters"])
def test_a_file_of_another_project_can_deploy(table: str, there: str, added: dict[str, object]) -> None:
    """Without these sam deploy ends with an error."""
    text = f"# mine\n[{table}]\n{there}\n"
    before = tomllib.loads(text)["default"].get("deploy", {}).get("parameters", {})
    found = tomllib.loads(updated(text, Settings("post", "eu-west-1", {})))["default"].get("deploy", {})
    assert found.get("parameters", {}) == before | added
    assert replaced(text, SETTINGS) == []


def test_what_the_guided_deployment_has_written_is_changed_where_it_is() -> None:
    text = '[default.deploy.parameters]\nstack_name = "old"\nregion = "us-east-1"\n'
    parsed = tomllib.loads(updated(text, SETTINGS))["default"]
    assert parsed["deploy"]["parameters"]["stack_name"] == "post"
    assert parsed["deploy"]["parameters"]["region"] == "eu-west-1"
    assert "stack_name" not in parsed.get("global", {}).get("parameters", {})


def test_without_parameters_none_are_written() -> None:
    made = tomllib.loads(updated(OURS, Settings("mailroom", "eu-west-1", {})))
    assert "parameter_overrides" not in made["default"]["deploy"]["parameters"]


@pytest.mark.parametrize(
    "text",
    [
        'default.global.parameters.stack_name = "old"\n',
        '[default]\nglobal = { parameters = { stack_name = "old" } }\n',
        '[default.global.parameters]\n"stack_name" = "old"\n',
        '[default.global]\nparameters.stack_name = "old"\n',
    ],
)
def test_a_layout_that_is_not_understood_is_left_alone(text: str) -> None:
    with pytest.raises(CommandError, match="put stack_name and region into"):
        updated(text, SETTINGS)


@pytest.mark.parametrize(
    "text",
    [
        "default = 5\n",
        "[default]\ndeploy = 5\n",
        "[[default]]\n",
        "[default.deploy.parameters]\nparameter_overrides = 3\n",
    ],
)
def test_what_is_no_table_is_left_alone(text: str) -> None:
    with pytest.raises(CommandError, match="put stack_name and region into"):
        updated(text, SETTINGS)


def test_windows_line_ends_and_strange_values() -> None:
    text = '[default.global.parameters]\r\nstack_name = "old"\r\n'
    strange = Settings("post", "eu-west-1", {"MailboxPathTemplate": 'a "b" \\ {domain} ü'})
    parsed = tomllib.loads(updated(text, strange))["default"]
    assert parsed["global"]["parameters"]["stack_name"] == "post"
    assert parsed["deploy"]["parameters"]["parameter_overrides"] == ['MailboxPathTemplate=a "b" \\ {domain} ü']
