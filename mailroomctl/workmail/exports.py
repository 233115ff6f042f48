"""The exports of the mailboxes: how far each is, and the commands that are left."""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mailroomctl.workmail.organisation import ExportJob, Organisation

_HEAD = """\
#!/bin/sh
# Exports of WorkMail mailboxes that are still to be run. The bucket, the role that WorkMail writes with, and the key:
: "${{BUCKET:?}}" "${{ROLE_ARN:?}}" "${{KMS_KEY_ARN:?}}"
export_mailbox() {{
    aws workmail start-mailbox-export-job --organization-id {organization} --entity-id "$1" --description "$2" \\
        --s3-bucket-name "$BUCKET" --s3-prefix "$1" --role-arn "$ROLE_ARN" --kms-key-arn "$KMS_KEY_ARN"
}}
"""


@dataclass(frozen=True, slots=True)
class Export:
    """One mailbox's export."""

    entity: str
    address: str
    """Where the mail goes here."""
    state: str
    """``TO START``, or the state of the last job."""
    detail: str
    """How far it is, what went wrong, or where the result is."""

    @property
    def to_start(self) -> bool:
        """Whether a command is left to run."""
        return self.state not in ("RUNNING", "COMPLETED")


def exports(organisation: Organisation, mailboxes: Mapping[str, str], since: str = "") -> list[Export]:
    """Return the state of each mailbox's export, by the last job that was started at ``since`` (ISO 8601) or later."""
    last: dict[str, ExportJob] = {}
    for job in sorted(organisation.Jobs, key=lambda one: one.StartTime):
        if job.StartTime >= since:
            last[job.EntityId] = job
    return [_export(entity, address, last.get(entity)) for entity, address in mailboxes.items()]


def script(organization: str, found: Iterable[Export]) -> str:
    """Write the commands that are left as a shell script; what runs or is done stands in comments."""
    lines = [_HEAD.format(organization=shlex.quote(organization))]
    for one in found:
        if one.to_start:
            lines.append(f"export_mailbox {shlex.quote(one.entity)} {shlex.quote(one.address)}")
        elif one.state == "COMPLETED":
            file = shlex.quote(f"{one.entity}.zip")
            lines += [
                f"# {one.address} is exported; then:",
                f"#   aws s3 cp {shlex.quote(one.detail)} {file}",
                f"#   mailroomctl import {file} --to {shlex.quote(one.address)} --skip-known",
            ]
        else:
            lines.append(f"# {one.address}: {one.detail}")
    return "\n".join(lines) + "\n"


def _export(entity: str, address: str, job: ExportJob | None) -> Export:
    if job is None:
        return Export(entity, address, "TO START", "")
    detail = {
        "COMPLETED": _place(job),
        "RUNNING": f"job {job.JobId} is at {job.EstimatedProgress or 0} %",
    }.get(job.State, job.ErrorInfo)
    # It goes into a comment of a script, which ends with its line.
    return Export(entity, address, job.State, " ".join(detail.split()))


def _place(job: ExportJob) -> str:
    """Where the result is; the path comes with the bucket or without."""
    path = job.S3Path.removeprefix("s3://").lstrip("/").removeprefix(f"{job.S3BucketName}/")
    return f"s3://{job.S3BucketName}/{path}"
