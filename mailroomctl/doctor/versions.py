"""Are the stack and this program of one version, and is the deployment finished?"""

from collections.abc import Iterator

from mailroomctl.doctor.findings import Finding, failure, passed, warning
from mailroomctl.doctor.patient import Patient
from mailroomctl.version import VERSION


def versions(patient: Patient) -> Iterator[Finding]:
    """Compare versions, and look how the last deployment ended."""
    status, deployed = patient.stack.status, patient.stack.outputs.get("Version", "unknown")
    events = (
        f"aws cloudformation describe-stack-events --stack-name {patient.name}"
        " --query 'StackEvents[?contains(ResourceStatus, `FAILED`)].[LogicalResourceId,ResourceStatusReason]'"
    )
    if status.endswith("_FAILED") or status == "ROLLBACK_COMPLETE":
        yield failure(f"the stack is {status}", "parts of it may be missing or half changed", events)
    elif status.endswith("_IN_PROGRESS"):
        yield warning(f"the stack is {status}", "it is being deployed: look again when it is done", events)
    elif status == "UPDATE_ROLLBACK_COMPLETE":
        yield warning(f"the stack is {status}", "the last deployment failed; the one before it is in use", events)
    if deployed == VERSION:
        yield passed(f"{VERSION}, {status}")
        return
    means = "commands may not know what the stack writes, or look for what it does not have"
    yield warning(f"the stack is of version {deployed}, mailroomctl of {VERSION}", means, *_mend(deployed))


def _mend(deployed: str) -> tuple[str, ...]:
    if deployed == "unknown" or _number(deployed) < _number(VERSION):
        return ("sam build", "sam deploy")
    return (f"git checkout v{deployed}", "make setup")


def _number(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]
