"""A policy document lets a service do what IAM's rules say, as far as they are known here."""

from typing import Any

import pytest

from mailroomctl.doctor.documents import Answer, Decision, Request, decide, with_statement

BUCKET = "arn:aws:s3:::mail"
SES = Request(
    "ses.amazonaws.com",
    "s3:PutObject",
    f"{BUCKET}/mail/object",
    {"aws:SourceAccount": "1", "aws:SourceArn": "arn:aws:ses:eu-west-1:1:receipt-rule-set/set:receipt-rule/rule"},
)


def statement(**fields: Any) -> dict[str, Any]:
    usual = {
        "Sid": "Store",
        "Effect": "Allow",
        "Principal": {"Service": "ses.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"{BUCKET}/*",
    }
    return {name: one for name, one in (usual | fields).items() if one is not None}


def when(operator: str, name: str, *values: str) -> dict[str, Any]:
    return statement(Condition={operator: {name: list(values)}})


ALLOWED, MISSING, UNKNOWN = Answer.ALLOWED, Answer.MISSING, Answer.UNKNOWN


@pytest.mark.parametrize(
    ("one", "answer"),
    [
        (statement(), ALLOWED),
        (statement(Action=["s3:GetObject", "S3:put*"]), ALLOWED),
        (statement(Action="s3:PutObject?"), MISSING),
        (statement(Resource=[f"{BUCKET}/mail/*", f"{BUCKET}/x"]), ALLOWED),
        (statement(Resource=f"{BUCKET}/quarantine/*"), MISSING),
        (statement(Resource=f"{BUCKET}/MAIL/*"), MISSING),
        (statement(Resource=None), ALLOWED),
        (statement(Principal="*"), ALLOWED),
        (statement(Principal={"AWS": "*"}), ALLOWED),
        (statement(Principal={"Service": ["sns.amazonaws.com", "ses.amazonaws.com"]}), ALLOWED),
        (statement(Principal={"AWS": "arn:aws:iam::1:root"}), MISSING),
        (statement(Principal=None, NotPrincipal={"AWS": "1"}), UNKNOWN),
        (statement(Action=None, NotAction="s3:GetObject"), UNKNOWN),
        (when("StringEquals", "AWS:SourceAccount", "1"), ALLOWED),
        (when("StringEquals", "aws:SourceAccount", "2", "1"), ALLOWED),
        (when("StringEquals", "aws:SourceAccount", "2"), MISSING),
        (when("StringEquals", "aws:SourceOrgID", "o-1"), MISSING),
        (when("StringEqualsIfExists", "aws:SourceOrgID", "o-1"), ALLOWED),
        (when("StringNotEquals", "aws:SourceAccount", "2"), ALLOWED),
        (when("StringNotEquals", "aws:SourceAccount", "1"), MISSING),
        (when("StringLike", "aws:SourceArn", "arn:*:receipt-rule/rule"), ALLOWED),
        (when("ArnLike", "aws:SourceArn", "arn:aws:ses:eu-west-1:1:receipt-rule-set/*"), ALLOWED),
        (when("ArnEquals", "aws:SourceArn", "arn:aws:ses:eu-west-1:1:receipt-rule-set/other:*"), MISSING),
        (when("StringEqualsIgnoreCase", "aws:SourceAccount", "1"), ALLOWED),
        (when("ForAnyValue:StringEquals", "aws:SourceAccount", "1"), ALLOWED),
        (when("Null", "aws:SourceVpc", "true"), ALLOWED),
        (when("Null", "aws:SourceAccount", "true"), MISSING),
        (when("Bool", "aws:SecureTransport", "false"), MISSING),
        (when("DateGreaterThan", "aws:CurrentTime", "2026-01-01"), UNKNOWN),
    ],
)
def test_one_statement(one: dict[str, Any], answer: Answer) -> None:
    assert decide({"Statement": one}, SES).answer is answer
    assert decide({"Statement": [one]}, SES).answer is answer


def test_nothing_allows_anything() -> None:
    assert decide({}, SES) == Decision(Answer.MISSING)


def test_a_denial_decides_whatever_comes_before_or_after() -> None:
    denial = statement(Sid="No", Effect="Deny", Principal="*")
    for several in ([statement(), denial], [denial, statement()]):
        assert decide({"Statement": several}, SES) == Decision(Answer.DENIED, "No")


def test_a_denial_of_something_else_decides_nothing() -> None:
    insecure = statement(Sid="No", Effect="Deny", Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}})
    others = statement(Sid="Others", Effect="Deny", Resource="arn:aws:s3:::other/*")
    assert decide({"Statement": [insecure, others, statement()]}, SES) == Decision(Answer.ALLOWED, "Store")


def test_a_denial_that_is_not_understood_leaves_it_open() -> None:
    odd = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    denial = statement(Sid="Perhaps", Effect="Deny", Principal="*", Condition=odd)
    assert decide({"Statement": [statement(), denial]}, SES) == Decision(Answer.UNKNOWN, "Perhaps")


def test_another_allowance_that_is_not_understood_does_not_matter() -> None:
    odd = when("DateGreaterThan", "aws:CurrentTime", "2026-01-01") | {"Sid": "Odd"}
    assert decide({"Statement": [odd, statement()]}, SES) == Decision(Answer.ALLOWED, "Store")


def test_a_statement_on_another_condition_is_named() -> None:
    near = when("StringEquals", "aws:SourceAccount", "2")
    assert decide({"Statement": [near, statement(Action="s3:GetObject", Sid="Read")]}, SES) == Decision(
        MISSING, "Store"
    )


def test_a_statement_takes_the_place_of_its_namesake() -> None:
    before = {"Version": "2008-10-17", "Id": "x", "Statement": [statement(Action="s3:No"), statement(Sid="Other")]}
    after = with_statement(before, statement())
    assert after == {"Version": "2008-10-17", "Id": "x", "Statement": [statement(Sid="Other"), statement()]}
    assert with_statement({}, statement()) == {"Version": "2012-10-17", "Statement": [statement()]}
