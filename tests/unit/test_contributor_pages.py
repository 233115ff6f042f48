"""The pages for contributors name only what is there."""

import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import loads
from samcli.cli.types import CfnParameterOverridesType
from typer.main import get_command

from mailroomctl.main import app

ROOT = Path(__file__).parents[2]
PAGES = ("CONTRIBUTING.md", "CHANGELOG.md", "README.md")
TESTS = ROOT / "tests"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)", (ROOT / page).read_text())
    assert links
    assert [link for link in links if ":" not in link and not (ROOT / link).exists()] == []


def test_named_files_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    # What is in capitals stands for a name of the reader's; the folder around it has to be there.
    folders = "docs|events|functions|layers|mailroomctl|statemachine|tests|tools"
    named = re.findall(rf"\b((?:{folders})/(?:[a-z0-9_]+/)*(?:[a-z0-9_]+(?:\.[a-z]+)+)?)", text)
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_page_of_the_tests_names_what_exists() -> None:
    text = (TESTS / "README.md").read_text()
    named = re.findall(r"`(?:tests/)?((?:\w+/)+(?:\w+\.py)?)", text)
    assert len(named) > 15
    assert [name for name in named if not any((top / name).exists() for top in (TESTS, ROOT))] == []
    sizes = re.findall(r"^\| `(\w+)` \|", text.split("\n## ")[0], re.MULTILINE)
    folders = {path.name for path in TESTS.iterdir() if any(path.glob("**/test_*.py"))}
    assert set(sizes) == folders


def test_make_help_lists_every_target_that_the_page_names() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = {name for line in said.splitlines() for name in line[:28].split()}
    named = set(re.findall(r"(?:^|`)make ([a-z0-9-]+)", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE))
    assert named <= listed, named - listed


def test_named_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:^|`)make ([a-z0-9-]+)", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE):
        assert re.search(rf"^(?:[\w-]+ )*{target}(?: [\w-]+)*:", makefile, re.MULTILINE), target


def test_the_readme_names_commands_that_exist() -> None:
    text = (ROOT / "README.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:^|`|&& )make ([a-z0-9-]+)", text, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize(
    "page",
    sorted({*ROOT.glob("README.md"), *ROOT.glob("docs/*.md")} - {ROOT / "docs/cli.md"}),
    ids=lambda page: page.name,
)
def test_pages_name_commands_and_options_that_exist(page: Path) -> None:
    text = page.read_text()
    commands = re.findall(r"(?:^|`|\||\$ )\s*(?:\S*/bin/)?mailroomctl ([^`\n|<>]+)", text, re.MULTILINE)
    for line in commands:
        found: Any = get_command(app)
        words = line.replace("[", " ").replace("]", " ").split()
        while hasattr(found, "commands") and words and not words[0].startswith("-") and not words[0].isupper():
            assert words[0] in found.commands, line
            found = found.commands[words.pop(0)]
        options = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
        named = {word.rstrip(",;.:").partition("=")[0] for word in words if re.match("--[a-z]", word)}
        assert named <= options | {"--help", "--install-completion", "--show-completion"}, line


def test_the_readme_names_what_a_stack_retains() -> None:
    template = loads((ROOT / "template.yaml").read_text(), "template.yaml")
    retained = {name for name, one in template["Resources"].items() if one.get("DeletionPolicy") == "Retain"}
    queues = {"InboundQueue", "DeadLetterQueue", "ParkedQueue"}
    assert retained == {"MailBucket", *queues, "DirectoryTable", "DeliveriesTable", "FileSystem"}
    assert "Six resources are retained" in (ROOT / "README.md").read_text()


def test_the_readme_begins_and_ends_the_intake_as_sam_and_the_template_read_it() -> None:
    """sam keeps the value of a parameter that is left out, and refuses ``NAME=`` without quotes."""
    text = (ROOT / "README.md").read_text()
    begin, end = re.findall(r"^sam deploy --parameter-overrides (.+)$", text, re.MULTILINE)
    given = CfnParameterOverridesType().convert(tuple(shlex.split(begin)), None, None)
    assert given == {"ReceiptRuleSetName": "mailroom", "MailDomains": "example.com"}
    given = CfnParameterOverridesType().convert(tuple(shlex.split(end)), None, None)
    assert given == {"ReceiptRuleSetName": ""}
    template = loads((ROOT / "template.yaml").read_text(), "template.yaml")
    conditions = template["Conditions"]["HasReceiptRule"]
    assert conditions == {"Fn::Not": [{"Fn::Equals": [{"Ref": "ReceiptRuleSetName"}, given["ReceiptRuleSetName"]]}]}
    assert template["Resources"]["ReceiptRule"]["Condition"] == "HasReceiptRule"


def test_the_pages_say_what_the_workflow_s_log_keeps() -> None:
    template = loads((ROOT / "template.yaml").read_text(), "template.yaml")
    group = template["Resources"]["DeliverMailLogGroup"]["Properties"]
    assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    for page in ("README.md", "SECURITY.md"):
        sentences = re.split(r"(?<=\.)\s", " ".join((ROOT / page).read_text().split()))
        (told,) = [one for one in sentences if "subject and all headers of every mail" in one]
        assert "LogRetentionDays" in told, page
        assert "masked" not in (ROOT / page).read_text(), "no function masks an address: it leaves it out"


def test_the_readme_names_parameters_that_exist() -> None:
    template = loads((ROOT / "template.yaml").read_text(), "template.yaml")
    set_there = re.findall(r'^ +"(\w+)=', (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(set_there) == 7
    assert set(set_there) <= set(template["Parameters"])


def test_the_readme_shows_the_two_ways_of_the_storage_apart() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    new, existing = (re.findall(r'"(\w+)=', one) for one in blocks)
    assert new == ["Storage", "AlarmTopicArn"]
    assert existing == ["FileSystemId", "AccessPointId", "SubnetIds", "SecurityGroupIds", "AlarmTopicArn"]
    for one in blocks:
        assert tomllib.loads(one)["parameter_overrides"]
