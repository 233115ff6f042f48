"""The template, the commands and the built-in policy name the same settings, with the same defaults."""

from pathlib import Path
from typing import Any

from cfnlint.decode.cfn_yaml import loads
from mailroom import settings
from mailroom.resolve.mailboxes import Rules
from mailroom.resolve.policy import ACTIONS, DEFAULT_POLICY

from mailroomctl.directory.stack_rules import stack_rules
from mailroomctl.stack import Stack

TEMPLATE = Path(__file__).parents[4] / "template.yaml"


class DeployedStack(Stack):
    """A stack deployed with these parameters."""

    def __init__(self, parameters: dict[str, str]) -> None:
        super().__init__()
        self._parameters = parameters

    def parameter(self, name: str, default: str) -> str:
        """Every parameter that is asked for must be in the template."""
        assert name in self._parameters
        return self._parameters[name]


def parameters() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = loads(TEMPLATE.read_text(), str(TEMPLATE))["Parameters"]
    return found


def test_defaults_of_the_stack_are_the_built_in_ones() -> None:
    rules = stack_rules(DeployedStack({name: str(one["Default"]) for name, one in parameters().items()}))
    assert rules == Rules(policy=dict(DEFAULT_POLICY))


def test_every_setting_of_the_stack_reaches_the_function() -> None:
    template = loads(TEMPLATE.read_text(), str(TEMPLATE))
    variables = template["Resources"]["ResolveMailboxes"]["Properties"]["Environment"]["Variables"]
    written = [one["Fn::Sub"] for one in variables["VERDICT_POLICY"]["Fn::Join"][1]]
    values = {name: f"value-of-{name}" for name in template["Parameters"]}
    text = ",".join(written)
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    policy = settings.Pairs()(text)
    assert policy == stack_rules(DeployedStack({**values, "FanOutLimit": "1"})).policy
    assert variables["FAN_OUT_LIMIT"] == {"Ref": "FanOutLimit"}
    assert variables["MAILBOX_PATH_TEMPLATE"] == {"Ref": "MailboxPathTemplate"}


def test_the_stack_offers_every_action() -> None:
    for name, one in parameters().items():
        if name.endswith("Policy"):
            assert one["AllowedValues"] == list(ACTIONS), name
