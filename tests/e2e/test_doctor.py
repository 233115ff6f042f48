"""doctor at the embedded AWS: what the template has made there is as it has to be, and what is taken away is named."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from mailroomctl.main import app
from tests.e2e.world import World

NOT_THERE = {1, 2, 3, 4, 5, 6, 21, 22, 25}
#: Other tests' entries, messages and failures show in these, and the embedded AWS has no reader of alarms.
OF_THE_DAY = {14, 15, 16, 18, 19}


def look(world: World, monkeypatch: pytest.MonkeyPatch) -> dict[int, dict[str, Any]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    options = ["--endpoint-url", world.settings.endpoint, "--stack-name", world.settings.stack_name, "--json"]
    result = CliRunner().invoke(app, ["doctor", *options])
    assert result.exit_code in (0, 1), result.output
    return {one["number"]: one for one in json.loads(result.stdout)}


def test_what_the_template_makes_is_as_it_has_to_be(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    found = look(world, monkeypatch)
    verdicts = {number: one["verdict"] for number, one in found.items() if number not in OF_THE_DAY}
    wanted = {number: "not applicable" if number in NOT_THERE else "pass" for number in verdicts}
    assert verdicts == wanted, [one for number, one in found.items() if verdicts.get(number) == "failure"]
    assert len(found) == 26


def test_what_is_taken_away_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sns, topic = world.client("sns"), world.outputs["NotificationTopicArn"]
    [subscription] = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    raw = {"SubscriptionArn": subscription["SubscriptionArn"], "AttributeName": "RawMessageDelivery"}
    world.idle()
    sns.set_subscription_attributes(**raw, AttributeValue="false")
    try:
        with world.without_mail_root():
            found = look(world, monkeypatch)
    finally:
        sns.set_subscription_attributes(**raw, AttributeValue="true")
    assert [found[number]["verdict"] for number in (11, 23)] == ["failure", "failure"]
    assert "mail root" in found[23]["findings"][0]["seen"]
