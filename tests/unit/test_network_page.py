"""docs/network.md names only what the template and the AWS command line have."""

import re
import shlex
from pathlib import Path

import botocore.session
from botocore import xform_name

from tools.deployed_template import source

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/network.md").read_text()
BLOCKS = re.findall(r"^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_parameters_and_outputs_are_the_template_s() -> None:
    template = source()
    named = set(re.findall(r"`([A-Z][A-Za-z]+)(?:=\w+)?`", PAGE))
    assert named <= template["Parameters"].keys() | template["Outputs"].keys()
    new = {name for name, one in template["Outputs"].items() if one.get("Condition") == "HasNewStorage"}
    assert new <= named
    [resource] = re.findall(r"--logical-resource-id (\w+)", PAGE)
    assert resource in template["Resources"]


def test_the_values_that_it_tells_are_the_defaults() -> None:
    defaults = {name: str(one["Default"]) for name, one in source()["Parameters"].items()}
    assert f"for {defaults['ColdMailDays']} days" in PAGE
    assert f"user and group {defaults['MailUid']}" in PAGE
    assert f"Uid={defaults['MailUid']},Gid={defaults['MailGid']}" in PAGE
    [subnet] = re.findall(r"--cidr-block (\S+)", PAGE)
    assert defaults["NetworkRange"] == "10.25.0.0/16"
    # Beside those of the stack, which are the first three, and within the smallest range.
    assert re.fullmatch(r"10\.25\.[3-7]\.0/24", subnet)


def test_the_mount_is_the_output_s() -> None:
    command = source()["Outputs"]["MountCommand"]["Value"]["Fn::Sub"]
    [options] = re.findall(r" efs _netdev,(\S+) ", PAGE)
    filled = command.replace("${AccessPoint}", "fsap-0123456789abcdef0")
    assert f"-o {options} " in filled
    assert filled.endswith(" /mnt/mail")
    assert source()["Parameters"]["MailRoot"]["Default"] == "/mnt/mail"


def test_commands_have_the_options_of_their_operations() -> None:
    session, seen = botocore.session.Session(), 0
    text = "\n".join(BLOCKS).replace("\\\n", " ")
    for command in re.findall(r"aws ([a-z][^)\n]+)", text):
        service, operation, *words = shlex.split(command)
        model = session.get_service_model(service)
        [shape] = [model.operation_model(name).input_shape for name in model.operation_names
                   if xform_name(name, "-") == operation]  # fmt: skip
        options = {word.removeprefix("--") for word in words if word.startswith("--")} - {"query", "output"}
        known = {xform_name(name, "-") for name in shape.members}
        # What the command line adds for a rule of a security group.
        assert options <= known | {"protocol", "port", "cidr", "source-group"}, command
        seen += 1
    assert seen > 10
