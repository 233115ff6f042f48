"""All checks at once, each for itself: what one may not look at, or AWS refuses, does not keep the others."""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from mailroomctl.console import Progress
from mailroomctl.doctor.checks import Check
from mailroomctl.doctor.findings import Finding, Report, failure, warning
from mailroomctl.doctor.patient import DeniedError, Patient
from mailroomctl.errors import CommandError
from mailroomctl.setup.calls import DENIED

#: Most of the time is spent waiting for AWS; botocore keeps ten connections for each client.
_AT_ONCE = 8
_ACTION = re.compile(r"not authorized to perform: (\S+:\w+)")
_GONE = re.compile(r"NotFound|NonExistent|DoesNotExist|NoSuch")


def run(patient: Patient, checks: Sequence[Check], progress: Progress) -> list[Report]:
    """Make all checks, and give what they found in their order."""

    def one(check: Check) -> Report:
        report = Report(check.number, check.name, look(patient, check))
        progress.advance()
        return report

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(one, checks))


def look(patient: Patient, check: Check) -> list[Finding]:
    """Make one check."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return list(check.look(patient))
    except DeniedError as denied:
        return [_may_not(str(denied))]
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        if code in DENIED:
            found = _ACTION.search(message)
            return [_may_not(found[1] if found else error.operation_name)]
        if _GONE.search(code):
            seen = f"{error.operation_name}: {message or code}"
            return [failure(seen, "something that the stack made is not there any more", _drift(patient))]
        return [
            warning(f"could not look: AWS refused {error.operation_name}: {message or code}", "try again", _again())
        ]
    except CommandError as error:
        return [failure(str(error), "the stack is not as this version of mailroomctl knows it", "mailroomctl doctor")]
    except BotoCoreError as error:
        return [warning(f"could not look: {error}", "AWS could not be asked", _again())]


def _may_not(permission: str) -> Finding:
    return warning(
        f"could not look: the permission {permission} is missing",
        "it may be as it has to be, or not; docs/permissions has the policies that the commands need",
    )


def _drift(patient: Patient) -> str:
    return f"aws cloudformation detect-stack-drift --stack-name {patient.name}"


def _again() -> str:
    return "mailroomctl doctor"
