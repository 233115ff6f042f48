"""What Step Functions records of a failure, in words."""

import json

import pytest

from mailroomctl.deliveries.cause import plain_cause

LAMBDA = json.dumps({"errorMessage": "opening the mail root: ENOENT", "errorType": "StorageUnavailable"})


@pytest.mark.parametrize(
    ("cause", "plain"),
    [
        ("", ""),
        ("as it is", "as it is"),
        (LAMBDA, "opening the mail root: ENOENT"),
        (json.dumps({"Error": "StorageUnavailable", "Cause": LAMBDA}), "opening the mail root: ENOENT"),
        (json.dumps({"Error": "States.Timeout"}), ""),
        (json.dumps({"Error": "States.Timeout", "Cause": ""}), ""),
        (json.dumps([{"mailbox": "b@x.de", "status": "FAILED", "error": "E"}]), "b@x.de: FAILED E"),
        (json.dumps({"other": 1}), '{"other": 1}'),
    ],
)
def test_causes(cause: str, plain: str) -> None:
    assert plain_cause(cause) == plain
