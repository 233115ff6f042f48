"""Read an organisation from AWS, with calls that only look: ``List…``, ``Describe…`` and ``Get…``."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from mailroomctl.console import Progress
from mailroomctl.errors import CommandError
from mailroomctl.workmail.organisation import ExportJob, Organisation, parsed

AT_ONCE = 8
"""Calls. An organisation of 5,000 takes one for each user, and two for each group."""

#: How a client has to be made: WorkMail throttles, and each of the calls has a connection.
CLIENT = {"retries": {"mode": "adaptive", "total_max_attempts": 10}, "max_pool_connections": AT_ONCE}

_PAGE = 100  # WorkMail's largest
# An entity that is disabled or gone since it was listed has nothing to say.
_NOTHING = ("EntityStateException", "EntityNotFoundException")


def find(client: Any) -> str:
    """Return the id of the only organisation in the region, or raise ``CommandError`` that lists those there are."""
    found = [
        one
        for one in _pages(client.list_organizations, "OrganizationSummaries")
        if str(one.get("State", "")).lower() != "deleted"
    ]
    if len(found) == 1:
        return str(found[0]["OrganizationId"])
    if not found:
        raise CommandError("there is no WorkMail organisation in this region; give --region.")
    names = ", ".join(f"{one['OrganizationId']} ({one.get('Alias', '')})" for one in found)
    raise CommandError(f"there are several organisations; give one with --organization: {names}.")


def read(client: Any, organization: str, progress: Progress, earlier: Iterable[ExportJob] = ()) -> Organisation:
    """Read everything of an organisation; changes nothing.

    WorkMail lists the export jobs of the last seven days; ``earlier`` are those that an earlier reading has found.
    """
    asked = {"OrganizationId": organization}
    document: dict[str, Any] = {
        **asked,
        "MailDomains": list(_pages(client.list_mail_domains, "MailDomains", **asked)),
        "Users": list(_pages(client.list_users, "Users", **asked)),
        "Groups": list(_pages(client.list_groups, "Groups", **asked)),
        "Resources": list(_pages(client.list_resources, "Resources", **asked)),
        "Jobs": list(_pages(client.list_mailbox_export_jobs, "Jobs", **asked)),
        "RetentionPolicy": _or_nothing(client.get_default_retention_policy, **asked),
    }
    entities = [
        one
        for kind in ("Users", "Groups", "Resources")
        for one in document[kind]
        if one["State"] != "DELETED" and one.get("Email")
    ]

    def ask(entity: dict[str, Any]) -> None:
        entity["Aliases"] = list(_pages(client.list_aliases, "Aliases", **asked, EntityId=entity["Id"]))
        progress.advance()

    def ask_group(group: dict[str, Any]) -> None:
        group["Members"] = list(_pages(client.list_group_members, "Members", **asked, GroupId=group["Id"]))

    def ask_job(job: dict[str, Any]) -> None:
        job["ErrorInfo"] = client.describe_mailbox_export_job(**asked, JobId=job["JobId"]).get("ErrorInfo")

    listed = {job["JobId"] for job in document["Jobs"]}
    older = [job.model_dump() for job in earlier if job.JobId not in listed]

    def ask_again(job: dict[str, Any]) -> None:
        job.update(_or_nothing(client.describe_mailbox_export_job, **asked, JobId=job["JobId"]) or {"State": "FAILED"})

    with ThreadPoolExecutor(AT_ONCE) as pool:
        groups = [one for one in document["Groups"] if one in entities]
        failed = [one for one in document["Jobs"] if one["State"] == "FAILED"]
        running = [job for job in older if job["State"] == "RUNNING"]
        for call, about in ((ask, entities), (ask_group, groups), (ask_job, failed), (ask_again, running)):
            for _ in pool.map(call, about):
                pass
    document["Jobs"] += older
    return parsed(_with_text(document), "what WorkMail says")


def _pages(call: Callable[..., Any], key: str, **request: Any) -> Iterator[Any]:
    """All pages of an answer; not every operation has a paginator."""
    token: dict[str, str] = {}
    while True:
        answer = _or_nothing(call, **request, MaxResults=_PAGE, **token)
        yield from answer.get(key) or []
        if not answer.get("NextToken"):
            return
        token = {"NextToken": answer["NextToken"]}


def _or_nothing(call: Callable[..., Any], **request: Any) -> dict[str, Any]:
    from botocore.exceptions import ClientError

    try:
        return dict(call(**request))
    except ClientError as error:
        if error.response["Error"]["Code"] in _NOTHING:
            return {}
        raise


def _with_text(value: Any) -> Any:
    """Times as text, as in the file."""
    match value:
        case dict():
            return {name: _with_text(one) for name, one in value.items()}
        case list():
            return [_with_text(one) for one in value]
        case datetime():
            return value.astimezone(UTC).isoformat()
        case _:
            return value
