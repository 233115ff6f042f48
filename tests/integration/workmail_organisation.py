"""An organisation of WorkMail behind botocore's own client: requests and answers are checked by the service's model."""

import copy
import functools
import json
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.validate import ParamValidator

ORGANIZATION = "m-0123456789abcdef0123456789abcdef"


def id_of(name: str) -> str:
    """The whole id of ``u-NAME``, ``g-NAME`` or ``r-NAME``: WorkMail has none that is short."""
    return f"{name[:2]}1234567890-{name[2:]}"


class WorkMail:
    """Answers like WorkMail; whatever is no reading is refused. ``refused`` are error codes by operation and entity."""

    def __init__(self) -> None:
        self.organizations: list[dict[str, Any]] = [
            {"OrganizationId": ORGANIZATION, "Alias": "acme", "State": "Active"},
            {"OrganizationId": "m-" + "f" * 32, "Alias": "gone", "State": "Deleted"},
        ]
        self.domains: list[str] = ["example.com", "acme.awsapps.com"]
        self.users: list[dict[str, Any]] = []
        self.groups: list[dict[str, Any]] = []
        self.resources: list[dict[str, Any]] = []
        self.jobs: list[dict[str, Any]] = []
        self.aliases: dict[str, list[str]] = {}
        self.members: dict[str, list[dict[str, Any]]] = {}
        self.policy: dict[str, Any] = {}
        self.refused: dict[tuple[str, str], str] = {}
        self.unlisted: set[str] = set()
        """Jobs that were started more than a week ago."""
        self.page = 100
        self.calls: list[str] = []

    def user(
        self, name: str, *aliases: str, state: str = "ENABLED", role: str = "USER", email: str | None = None
    ) -> None:
        """Add a user, ``u-NAME``."""
        address = f"{name}@example.com" if email is None else email
        entity = {"Id": id_of(f"u-{name}"), "Name": name, "DisplayName": name.title(), "State": state, "UserRole": role}
        self.users.append(entity | ({"Email": address} if address else {}))
        self.aliases[id_of(f"u-{name}")] = list(aliases)

    def group(self, name: str, *members: str, aliases: tuple[str, ...] = (), state: str = "ENABLED") -> None:
        """Add a group, ``g-NAME``, of ids."""
        self.groups.append({"Id": id_of(f"g-{name}"), "Name": name, "State": state, "Email": f"{name}@example.com"})
        self.aliases[id_of(f"g-{name}")] = list(aliases)
        self.members[id_of(f"g-{name}")] = [
            {"Id": id_of(one), "Name": one[2:], "Type": "USER", "State": "ENABLED"} for one in members
        ]

    def resource(self, name: str, kind: str = "ROOM") -> None:
        """Add a resource, ``r-NAME``."""
        self.resources.append(
            {"Id": id_of(f"r-{name}"), "Name": name, "Type": kind, "State": "ENABLED", "Email": f"{name}@example.com"}
        )

    def job(self, entity: str, state: str, start: str, **fields: Any) -> None:
        """Add an export job of an entity."""
        self.jobs.append(
            {"JobId": f"job-{len(self.jobs)}", "EntityId": id_of(entity), "State": state, "StartTime": start, **fields}
        )

    @functools.cached_property
    def client(self) -> Any:
        """A client of botocore's that asks this organisation."""
        client = boto3.client(
            "workmail", region_name="eu-west-1", aws_access_key_id="AKIA", aws_secret_access_key="secret"
        )
        client.meta.events.register("before-call", self._answer)
        return client

    def _answer(self, model: Any, params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        asked = json.loads(params["body"])
        self.calls.append(model.name)
        assert model.name.startswith(("List", "Describe", "Get")), f"{model.name} changes the organisation"
        if "OrganizationId" in model.input_shape.members:
            assert asked["OrganizationId"] == ORGANIZATION
        about = asked.get("EntityId") or asked.get("GroupId") or asked.get("JobId") or ""
        if code := self.refused.get((model.name, about.replace("1234567890-", ""))):
            return SimpleNamespace(status_code=400), {"Error": {"Code": code, "Message": f"{code} it is"}}
        answer = copy.deepcopy(self._content(model.name, about, asked))
        report = ParamValidator().validate(answer, model.output_shape)
        assert not report.has_errors(), report.generate_report()
        return SimpleNamespace(status_code=200), {**answer, "ResponseMetadata": {"HTTPStatusCode": 200}}

    def _content(self, name: str, about: str, asked: dict[str, Any]) -> dict[str, Any]:
        lists: dict[str, tuple[str, list[Any]]] = {
            "ListOrganizations": ("OrganizationSummaries", self.organizations),
            "ListMailDomains": ("MailDomains", [{"DomainName": one, "DefaultDomain": False} for one in self.domains]),
            "ListUsers": ("Users", self.users),
            "ListGroups": ("Groups", self.groups),
            "ListResources": ("Resources", self.resources),
            "ListAliases": ("Aliases", self.aliases.get(about, [])),
            "ListGroupMembers": ("Members", self.members.get(about, [])),
            "ListMailboxExportJobs": (
                "Jobs",
                [_without(job, "ErrorInfo") for job in self.jobs if job["JobId"] not in self.unlisted],
            ),
        }
        if name == "GetDefaultRetentionPolicy":
            return self.policy
        if name == "DescribeMailboxExportJob":
            [job] = [one for one in self.jobs if one["JobId"] == asked["JobId"]]
            return _without(job, "JobId")
        key, found = lists[name]
        begin = int(asked.get("NextToken", "0"))
        end = begin + min(self.page, asked["MaxResults"])
        return {key: found[begin:end], **({"NextToken": str(end)} if end < len(found) else {})}


def _without(job: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in job.items() if name != field}
