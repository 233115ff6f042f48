"""Would a delivery work? WriteMailbox itself tries, as it does for the storage breaker."""

import json
from collections.abc import Iterator

from mailroomctl.doctor.findings import Finding, failure, passed
from mailroomctl.doctor.patient import Patient


def probe(patient: Patient) -> Iterator[Finding]:
    """Whether a file can be written where the mailboxes are; it is removed again."""
    call = patient.client("lambda").invoke
    answer = patient.ask(
        "lambda:InvokeFunction",
        call,
        # What Lambda answers where its mount or its network keeps the function from starting.
        absent=_CANNOT_START,
        FunctionName=patient.resource("WriteMailbox"),
        Payload=json.dumps({"probe": True}),
    )
    look = ("mailroomctl status", f"aws logs tail {patient.resource('WriteMailboxLogGroup')} --since 10m")
    if not answer:
        yield failure(
            "WriteMailbox cannot be started: Lambda does not reach the file system",
            "nothing is delivered; the storage breaker stops the pipe, and mail waits",
            "mailroomctl doctor   # see mount targets and security groups",
            *look,
        )
        return
    said = json.loads(answer["Payload"].read() or b"{}")
    if answer.get("FunctionError"):
        text = f"{said.get('errorType', 'Error')}: {said.get('errorMessage', '')}"
        yield failure(text, "nothing is delivered; the storage breaker stops the pipe, and mail waits", *look)
    elif said != {"probe": "ok"}:
        yield failure(f"WriteMailbox answers {said}", "another version of Mailroom is deployed", "sam deploy")
    else:
        yield passed("a file could be written and removed again")


_CANNOT_START = (
    "EC2AccessDeniedException",
    "EC2ThrottledException",
    "EC2UnexpectedException",
    "EFSIOException",
    "EFSMountConnectivityException",
    "EFSMountFailureException",
    "EFSMountTimeoutException",
    "ENILimitReachedException",
    "InvalidSecurityGroupIDException",
    "InvalidSubnetIDException",
    "SubnetIPAddressLimitReachedException",
)
