"""What Mailroom costs: the arithmetic, and the page, the template and the dashboard that rest on the same figures."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import loads

from tests.unit.test_observability_template import series
from tools.cost import FIGURES, LOGS, a_month, compared, main, per_million, tables

ROOT = Path(__file__).parents[3]
TEMPLATE = ROOT / "template.yaml"


@pytest.fixture
def figures() -> dict[str, Any]:
    return json.loads(FIGURES.read_text())


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return loads(TEMPLATE.read_text(), str(TEMPLATE))


def test_a_million_messages_by_hand(figures: dict[str, Any]) -> None:
    costs = per_million(figures["prices"], figures["measured"], "full")
    assert costs["SES"] == pytest.approx(100)
    assert costs["Step Functions"] == pytest.approx(1 + 1e6 * 0.5 * 0.0625 * 0.00001667)
    assert costs["Lambda"] == pytest.approx(3 * 0.2 + 1e6 * 0.098 * 0.5 * 0.0000133334)
    assert costs["SNS, SQS, pipe"] == pytest.approx(2.1)
    assert costs["EFS, writes"] == pytest.approx(13.5 * 0.06)
    assert costs["S3"] == pytest.approx(5.4 + 13.5 * 90 / 30.4 * 0.023)
    assert costs["DynamoDB"] == pytest.approx(5 * 0.625 + 0.125 + 1.6 * 400 / 30.4 * 0.25)
    assert costs["logs"] == pytest.approx(65.6 * 0.5 + 65.6 * 0.15 * 30 / 30.4 * 0.03)
    assert costs["traces"] == pytest.approx(5)


def test_the_execution_log_without_data_costs_less_and_nothing_else_changes(figures: dict[str, Any]) -> None:
    full, metadata = (per_million(figures["prices"], figures["measured"], log) for log in LOGS)
    assert {name for name in full if full[name] != metadata[name]} == {"logs"}
    assert metadata["logs"] < full["logs"]


def test_large_mail_costs_its_chunks_and_more_copies_cost_more(figures: dict[str, Any]) -> None:
    price, measured = figures["prices"], figures["measured"]
    large = per_million(price, measured | {"message_octets": 1024 * 1024}, "full")
    assert large["SES"] == pytest.approx(100 + 4 * 90)
    one, three = (per_million(price, measured | {"copies": copies}, "full") for copies in (1, 3))
    assert three["EFS, writes"] == pytest.approx(3 * one["EFS, writes"])
    assert three["SES"] == one["SES"]
    assert three["Lambda"] - one["Lambda"] == pytest.approx(2 * (0.2 + 1e6 * 0.075 * 0.5 * 0.0000133334))


def test_an_express_workflow_is_billed_by_the_tenth_of_a_second(figures: dict[str, Any]) -> None:
    price, measured = figures["prices"], figures["measured"]
    costs = [per_million(price, measured | {"workflow_ms": ms}, "full")["Step Functions"] for ms in (401, 500, 501)]
    assert costs[0] == costs[1] < costs[2]


def test_a_site_pays_for_its_mail_its_mailboxes_and_the_stack(figures: dict[str, Any]) -> None:
    price, measured = figures["prices"], figures["measured"]
    costs = compared(price, measured, users=100, messages=1_000)
    assert costs["WorkMail"] == 400
    mail = sum(per_million(price, measured, "full").values()) / 10
    fixed = sum(a_month(price, measured).values())
    assert costs["full"] == pytest.approx(fixed + mail + 12.26 + 200 * 0.3)
    assert costs["small server"] == pytest.approx(12.26 + 200 * 0.13)


def test_the_page_is_up_to_date(figures: dict[str, Any]) -> None:
    page = (ROOT / "docs/cost.md").read_text()
    assert "\n".join(tables(figures)) in page, "put in what `python -m tools.cost` prints"
    costs = [per_million(figures["prices"], figures["measured"], log) for log in LOGS]
    full, metadata = (sum(one.values()) for one in costs)
    readme = (ROOT / "README.md").read_text()
    assert f"${full:.0f} a million messages" in readme
    assert f"${metadata:.0f} with `ExecutionLog=metadata`" in readme
    assert f"${full - costs[0]['SES']:.0f} without SES" in readme


def test_every_figure_is_explained_on_the_page(figures: dict[str, Any]) -> None:
    page = (ROOT / "docs/cost.md").read_text()
    told = {name for row in re.findall(r"^\| (`.+?) \|", page, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert told == set(figures["measured"])


def test_own_figures_from_a_file(figures: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures["prices"]["ses_message"] = 0
    path = tmp_path / "my.json"
    path.write_text(json.dumps(figures))
    main([str(path)])
    assert "| SES | 0.00 | 0.00 |" in capsys.readouterr().out
    main([])
    assert "| SES | 100.00 | 100.00 |" in capsys.readouterr().out


def test_what_a_stack_has_is_counted(figures: dict[str, Any], template: dict[str, Any]) -> None:
    alarms = [one["Properties"] for one in template["Resources"].values() if one["Type"] == "AWS::CloudWatch::Alarm"]
    metrics = [sum("MetricStat" in metric for metric in one.get("Metrics", [{"MetricStat": {}}])) for one in alarms]
    dashboards = [one for one in template["Resources"].values() if one["Type"] == "AWS::CloudWatch::Dashboard"]
    measured = figures["measured"]
    assert (measured["alarm_metrics"], measured["dashboards"]) == (sum(metrics), len(dashboards))
    assert measured["series"] == len(series())
    defaults = {name: one["Default"] for name, one in template["Parameters"].items()}
    assert measured["raw_mail_days"] == defaults["MailRetentionDays"]
    assert measured["record_days"] == defaults["RecordRetentionDays"]
    assert measured["log_days"] == defaults["LogRetentionDays"]
    assert template["Globals"]["Function"]["MemorySize"] == 512


def test_the_dashboard_has_the_same_prices(figures: dict[str, Any], template: dict[str, Any]) -> None:
    body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"][0]
    widgets = json.loads(re.sub(r"\$\{(?:Rule|Breaker)Alarms\}", "", body))["widgets"]
    (widget,) = [one for one in widgets if one["properties"].get("title") == "USD an hour"]
    expressions = {
        one["label"]: one["expression"] for (one,) in (x for x in widget["properties"]["metrics"] if len(x) == 1)
    }
    price = figures["prices"]
    numbers = {label: [float(one) for one in re.findall(r"\d*\.\d+", text)] for label, text in expressions.items()}
    assert numbers == {
        "SES": [price["ses_message"]],
        "Step Functions": [price["express_execution"], 0.0625, price["express_gb_second"]],
        "Lambda": [0.5, price["lambda_gb_second"]],
        "DynamoDB, writes": [price["dynamodb_write_unit"]],
        "logs": [price["log_gb"]],
        "EFS, writes": [price["efs_write_gb"]],
    }
