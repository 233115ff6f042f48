"""What an operator looks at: traces, metrics, alarms, the dashboard and the saved queries of the template."""

import ast
import inspect
import json
import re
from pathlib import Path
from typing import Any

import mailroom.errors
import pytest
from cfnlint.decode.cfn_yaml import loads
from mailroom.metrics import NAMESPACE, STACK

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "template.yaml"
FUNCTIONS = {
    "validate_event": "ValidateEvent",
    "resolve_mailboxes": "ResolveMailboxes",
    "write_mailbox": "WriteMailbox",
    "audit_mail": "AuditMail",
}
#: Of no workflow.
ALONE = {"audit_mail"}
KINDS = {
    name: one.kind
    for name, one in vars(mailroom.errors).items()
    if inspect.isclass(one) and issubclass(one, mailroom.errors.MailroomError)
}
# What the AWS services measure that Mailroom looks at, and of what (the services' pages on CloudWatch metrics).
OF_AWS = {
    "AWS/SQS": (
        "QueueName",
        {
            "ApproximateNumberOfMessagesVisible",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateAgeOfOldestMessage",
            "NumberOfMessagesReceived",
            "NumberOfMessagesDeleted",
            "NumberOfEmptyReceives",
        },
    ),
    "AWS/Lambda": ("FunctionName", {"Duration", "Errors", "Invocations", "Throttles"}),
    "AWS/States": (
        "StateMachineArn",
        {
            "ExecutionsStarted",
            "ExecutionsSucceeded",
            "ExecutionsFailed",
            "ExecutionsTimedOut",
            "ExecutionsAborted",
            "ExecutionThrottled",
            "ExpressExecutionBilledDuration",
        },
    ),
    "AWS/EventBridge/Pipes": ("PipeName", {"ExecutionThrottled"}),
    "AWS/DynamoDB": ("TableName", {"ReadThrottleEvents", "WriteThrottleEvents", "ConsumedWriteCapacityUnits"}),
    "AWS/EFS": ("FileSystemId", {"PercentIOLimit", "BurstCreditBalance", "StorageBytes"}),
    "AWS/SES": ("RuleName", {"PublishFailure", "PublishExpired"}),
    "AWS/Logs": ("LogGroupName", {"IncomingBytes"}),
}

type SeriesOfMetric = tuple[str, frozenset[tuple[str, str]]]


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return json.loads(json.dumps(loads(TEMPLATE.read_text(), str(TEMPLATE))))


def of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    found = {name: one for name, one in template["Resources"].items() if one["Type"] == kind}
    assert found, kind
    return found


def series() -> set[SeriesOfMetric]:
    """Every series that functions and workflows can make, without the dimension of the stack, which all share."""
    found: set[SeriesOfMetric] = set()
    for folder, function in FUNCTIONS.items():
        code = ast.parse((ROOT / "functions" / folder / "app.py").read_text())
        for call in ast.walk(code):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "metrics.add":
                found |= {(ast.literal_eval(call.args[0]), dimensions) for dimensions in dimension_sets(call)}
        (handler,) = [one for one in code.body if isinstance(one, ast.FunctionDef) and one.name == "handler"]
        raised = [*re.findall(r"``(\w+)``", (ast.get_docstring(handler) or "").split("Raises")[1]), "Unforeseen"]
        for error in raised:
            found.add(("Failures", frozenset({("Function", function), ("Error", KINDS[error])})))
    for machine in (ROOT / "statemachine").glob("*.asl.json"):
        for name in re.findall(r'"MetricName": "(\w+)"', machine.read_text()):
            dimensions = {("Storage", "efs")} if name.startswith("Storage") else set()
            found.add((name, frozenset(dimensions)))
    return found


def dimension_sets(call: ast.Call) -> list[frozenset[tuple[str, str]]]:
    """The values of a call's dimensions: written out, or one of two that are."""
    sets: list[set[tuple[str, str]]] = [set()]
    for keyword in call.keywords:
        value = keyword.value
        choices = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
        sets = [one | {(str(keyword.arg), ast.literal_eval(choice))} for one in sets for choice in choices]
    return [frozenset(one) for one in sets]


def test_a_stack_makes_at_most_thirty_series() -> None:
    found = series()
    assert len(found) > 20
    assert len(found) <= 30, sorted(found)


def test_every_series_is_on_the_page() -> None:
    """One row each, with the values that its dimensions take."""
    page = (ROOT / "docs/architecture.md").read_text().split("\n## The metrics\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in page.splitlines() if line.startswith("| `")]
    told: set[SeriesOfMetric] = set()
    for name, dimensions, _ in rows:
        sets: list[set[tuple[str, str]]] = [set()]
        for part in filter(None, dimensions.split("; ")):
            key, _, values = part.partition(": ")
            sets = [one | {(key.strip("`"), value.strip("`"))} for one in sets for value in values.split(", ")]
        told |= {(name.strip("`"), frozenset(one)) for one in sets}
    assert told == series()


def test_what_a_handler_raises_is_what_it_says() -> None:
    """The count of the series rests on it: the permanent errors of each step are those that its Retry names."""
    machine = json.loads((ROOT / "statemachine/deliver_mail.asl.json").read_text())
    states = machine["States"] | machine["States"]["DeliverToMailboxes"]["ItemProcessor"]["States"]
    for folder, function in FUNCTIONS.items():
        if folder in ALONE:
            continue
        text = (ROOT / "functions" / folder / "app.py").read_text()
        (permanent,) = [one["ErrorEquals"] for one in states[function]["Retry"][:1] if one["MaxAttempts"] == 0]
        said = set(re.findall(r"``(\w+)``", text.split("Raises")[1].split('"""')[0]))
        assert set(permanent) - {"InvalidEvent"} <= said, function


def test_a_stack_has_at_most_fifteen_alarms(template: dict[str, Any]) -> None:
    alarms = of_type(template, "AWS::CloudWatch::Alarm").values()
    assert len(alarms) <= 15
    of_rule = [one for one in alarms if one.get("Condition") == "HasReceiptRule"]
    page = (ROOT / "docs/operations.md").read_text()
    assert f"none rings (of {len(alarms) - len(of_rule)})" in page
    assert "The alarms are 13, and two more where the stack has made the receipt rule." in page
    assert len(of_rule) == 2


def test_traces_can_be_switched_off_with_the_permission(template: dict[str, Any]) -> None:
    assert template["Parameters"]["Tracing"]["Default"] == "enabled"
    assert template["Conditions"]["HasTracing"] == {"Fn::Equals": [{"Ref": "Tracing"}, "enabled"]}
    assert template["Globals"]["Function"]["Tracing"] == {"Fn::If": ["HasTracing", "Active", "PassThrough"]}
    workflow = template["Resources"]["DeliverMail"]["Properties"]["Tracing"]
    assert workflow == {"Enabled": {"Fn::If": ["HasTracing", True, False]}}
    roles = {
        role["Fn::If"][1]["Ref"] if "Fn::If" in role else role["Ref"]
        for policy in of_type(template, "AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if {"xray:PutTraceSegments", "xray:PutTelemetryRecords"} <= set(statement["Action"])
        and policy["Condition"] == "HasTracing"
        for role in policy["Properties"]["Roles"]
    }
    assert roles == {f"{name}Role" for name in ("DeliverMail", *FUNCTIONS.values())}
    assert "aws_xray_sdk" not in "".join(path.read_text() for path in (ROOT / "layers").rglob("*.py"))


def substituted(template: dict[str, Any]) -> tuple[str, set[str]]:
    """The dashboard's body with a text for each reference, and what it refers to."""
    text, variables = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    references = set(re.findall(r"\$\{([^}]+)\}", text))
    own = {"RuleAlarms": '"rule",', "BreakerAlarms": '"breaker",'}
    # Of the stack, or of an earlier one.
    own |= {name: f"<{name}>" for name in ("FileSystem", "Directory", "Deliveries")}
    assert set(variables) == set(own)
    return re.sub(r"\$\{([^}]+)\}", lambda one: own.get(one[1], f"<{one[1]}>"), text), references - set(own)


def widgets(template: dict[str, Any]) -> list[dict[str, Any]]:
    return json.loads(substituted(template)[0])["widgets"]


def test_the_dashboard_refers_to_what_there_is(template: dict[str, Any]) -> None:
    names = set(template["Resources"]) | set(template["Parameters"]) | {"AWS::Region", "AWS::StackName"}
    assert {one.partition(".")[0] for one in substituted(template)[1]} <= names


def test_the_dashboard_answers_from_top_to_bottom(template: dict[str, Any]) -> None:
    found = widgets(template)
    places = [(one["y"], one["x"]) for one in found]
    assert places == sorted(places)
    headings = [one["properties"]["markdown"].splitlines()[0] for one in found if one["type"] == "text"]
    assert headings == [
        "## Does mail flow?",
        "## How late is it?",
        "## What fails?",
        "## What waits, and for how many more days?",
        "## Is the storage well?",
        "## What does it cost?",
    ]
    taken: set[tuple[int, int]] = set()
    for one in found:
        cells = {(one["x"] + x, one["y"] + y) for x in range(one["width"]) for y in range(one["height"])}
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_the_dashboard_shows_every_alarm(template: dict[str, Any]) -> None:
    (widget,) = [one for one in widgets(template) if one["type"] == "alarm"]
    shown = {one.strip("<>").removesuffix(".Arn") for one in widget["properties"]["alarms"]} - {"rule", "breaker"}
    alarms = of_type(template, "AWS::CloudWatch::Alarm")
    assert shown == {name for name, one in alarms.items() if "Condition" not in one}
    _, variables = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    for variable, condition in (("RuleAlarms", "HasReceiptRule"), ("BreakerAlarms", "HasStorageBreaker")):
        needed, there, otherwise = variables[variable]["Fn::If"]
        conditional = {name for name, one in alarms.items() if one.get("Condition") == condition}
        assert conditional == set(re.findall(r"\$\{(\w+)\.Arn\}", there["Fn::Sub"]))
        assert (needed, otherwise) == (condition, "")


def shown_metrics(template: dict[str, Any]) -> list[tuple[str, str, dict[str, str], dict[str, Any]]]:
    """Namespace, name, dimensions and options of every metric on the dashboard."""
    found = []
    for widget in widgets(template):
        for metric in widget["properties"].get("metrics", []):
            options = metric.pop() if isinstance(metric[-1], dict) else {}
            if metric:
                found.append((metric[0], metric[1], dict(zip(metric[2::2], metric[3::2], strict=True)), options))
    return found


def test_every_metric_on_the_dashboard_is_measured(template: dict[str, Any]) -> None:
    own = series()
    shown: set[SeriesOfMetric] = set()
    for namespace, name, dimensions, _ in shown_metrics(template):
        if namespace != NAMESPACE:
            dimension, names = OF_AWS[namespace]
            assert name in names
            assert set(dimensions) - {"StorageClass"} == {dimension}
            continue
        if "Storage" in dimensions:
            assert dimensions.pop("Storage") == "<AWS::StackName>/efs"
            dimensions["Storage"] = "efs"
        else:
            assert dimensions.pop(STACK) == "<AWS::StackName>"
        shown.add((name, frozenset(dimensions.items())))
    assert shown <= own
    rest = {name for name, _ in own - shown}
    assert rest == {"Failures", "EntriesHeld"}, "the former is shown by a search, the latter by its alarm"
    assert 'MetricName=\\"Failures\\" Stack=\\"<AWS::StackName>\\"' in substituted(template)[0]
    assert f"{{{NAMESPACE},{STACK},Function,Error}}" in substituted(template)[0]


def test_every_metric_of_an_alarm_is_measured(template: dict[str, Any]) -> None:
    own = {name for name, _ in series()}
    for alarm, one in of_type(template, "AWS::CloudWatch::Alarm").items():
        properties = one["Properties"]
        stats = [part["MetricStat"]["Metric"] for part in properties.get("Metrics", []) if "MetricStat" in part]
        for metric in stats or [properties]:
            if metric["Namespace"] == NAMESPACE:
                assert metric["MetricName"] in own, alarm
            else:
                dimension, names = OF_AWS[metric["Namespace"]]
                assert metric["MetricName"] in names, alarm
                assert [part["Name"] for part in metric["Dimensions"]] == [dimension], alarm


def test_every_expression_of_the_dashboard_uses_what_is_in_its_widget(template: dict[str, Any]) -> None:
    for widget in widgets(template):
        options = [one[-1] for one in widget["properties"].get("metrics", []) if isinstance(one[-1], dict)]
        ids = {one["id"] for one in options if "id" in one}
        used: set[str] = set()
        for one in options:
            if "expression" in one and "SEARCH" not in one["expression"]:
                used |= set(re.findall(r"[a-z]\w*", re.sub(r"<\w+>", "", one["expression"])))
        assert used == {one for one in ids if one != "failures"}, widget["properties"].get("title")


def test_the_saved_queries_ask_for_what_is_logged(template: dict[str, Any]) -> None:
    queries = of_type(template, "AWS::Logs::QueryDefinition")
    names = {one["Properties"]["Name"]["Fn::Sub"] for one in queries.values()}
    assert names == {
        "${AWS::StackName}/one message",
        "${AWS::StackName}/one mailbox",
        "${AWS::StackName}/slowest copies",
        "${AWS::StackName}/errors by kind",
    }
    groups = of_type(template, "AWS::Logs::LogGroup")
    for one in queries.values():
        assert {group["Ref"] for group in one["Properties"]["LogGroupNames"]} <= set(groups)
    lines = (ROOT / "layers/mailroom/mailroom/observability.py").read_text()
    errors = queries["ErrorsQuery"]["Properties"]["QueryString"]
    assert 'message = "Failed"' in errors
    assert lines.count('"Failed"') == 2
    slowest = queries["SlowestQuery"]["Properties"]["QueryString"]
    asked = set(re.findall(r"\b[A-Z][a-z]\w+\b", slowest)) - {"Outcome"}
    assert asked <= {name for name, _ in series()}
