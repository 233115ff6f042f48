"""``mailroomctl workmail plan`` on an organisation that it only looks at."""

import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from mailroomctl.console import Progress
from mailroomctl.workmail import reading
from mailroomctl.workmail.exports import exports
from mailroomctl.workmail.plan import make_plan
from tests.integration.command_line import Operator
from tests.integration.workmail_organisation import ORGANIZATION, WorkMail, id_of


@pytest.fixture
def workmail() -> WorkMail:
    return WorkMail()


@pytest.fixture
def at(at: Operator, workmail: WorkMail) -> Operator:
    at.replaced["workmail"] = workmail.client
    return at


def planned(at: Operator, options: str = "") -> dict[str, Any]:
    """The plan's sections."""
    text = at.run(f"workmail plan {options}")
    return dict(yaml.safe_load(text) or {})


def notes(at: Operator) -> list[str]:
    """What has no counterpart, of the command before."""
    return [line.removeprefix("warning: ") for line in at.stderr.splitlines() if line.startswith("warning: ")]


def company(workmail: WorkMail) -> None:
    workmail.user("bob", "robert@example.com", "bob@acme.awsapps.com")
    workmail.user("eve")
    workmail.user("old", state="DISABLED")
    workmail.user("Guest", email="", role="SYSTEM_USER")
    workmail.group("all", "u-bob", "u-eve", "u-old", "g-sales", aliases=("everybody@example.com",))
    workmail.group("sales", "u-eve")
    workmail.resource("blue-room")


def test_the_plan_is_what_directory_import_reads(at: Operator, workmail: WorkMail, tmp_path: Path) -> None:
    company(workmail)
    file = tmp_path / "directory.yaml"
    assert at.run(f"workmail plan --output {file}") == ""
    assert yaml.safe_load(file.read_text()) == {
        "domains": {"example.com": {}},
        "mailboxes": {
            "blue-room@example.com": {},
            "bob@example.com": {},
            "eve@example.com": {},
            "old@example.com": {"enabled": False},
        },
        "aliases": {"everybody@example.com": ["all@example.com"], "robert@example.com": ["bob@example.com"]},
        "groups": {
            "all@example.com": ["bob@example.com", "eve@example.com", "old@example.com", "sales@example.com"],
            "sales@example.com": ["eve@example.com"],
        },
    }
    assert at.stderr.startswith(f"wrote 9 entries to {file}\n")
    assert notes(at) == [
        "acme.awsapps.com: WorkMail's own domain ends with it; nobody receives there any more",
        "old@example.com: is disabled in WorkMail, and so is the mailbox here: its mail is rejected; WorkMail deletes"
        " the old mail 30 days after that day",
        "blue-room@example.com: is a room: a mailbox here, which answers no invitation and knows no delegates",
    ]
    assert at.stderr.endswith("exports of mail: 4 to start\n")
    assert at.run(f"directory import {file}").endswith("9 added, 0 changed, 0 removed, 0 as they were\n")
    assert at.run(f"directory import {file}").endswith("0 added, 0 changed, 0 removed, 9 as they were\n")


def test_nothing_is_asked_twice_and_every_page_is_read(at: Operator, workmail: WorkMail) -> None:
    workmail.page = 2
    for number in range(5):
        workmail.user(f"user{number}", *(f"a{number}{letter}@example.com" for letter in "abc"))
    found = planned(at)
    assert len(found["mailboxes"]) == 5
    assert len(found["aliases"]) == 15
    assert workmail.calls.count("ListUsers") == 3
    assert workmail.calls.count("ListAliases") == 10


def test_what_has_no_counterpart_is_told(at: Operator, workmail: WorkMail) -> None:
    workmail.user("gone", state="DELETED")
    workmail.user("never", email="", state="DISABLED")
    workmail.user("remote", role="REMOTE_USER")
    workmail.user("own", email="own@acme.awsapps.com")
    workmail.user("moved", "moved@example.com", email="moved@acme.awsapps.com")
    workmail.user("odd", "b..c@example.com", email="a..b@example.com")
    workmail.resource("van", "EQUIPMENT")
    workmail.group("nobody")
    workmail.group("nested", "g-nobody")
    workmail.group("mixed", "u-moved", "u-remote", "u-stranger")
    workmail.group("closed", "u-moved", state="DISABLED")
    workmail.policy = {
        "Id": "p",
        "Name": "default",
        "FolderConfigurations": [
            {"Name": "DELETED_ITEMS", "Action": "PERMANENTLY_DELETE", "Period": 30},
            {"Name": "INBOX", "Action": "NONE"},
        ],
    }
    workmail.domains = ["example.com"]
    assert planned(at) == {
        "domains": {"example.com": {}},
        "mailboxes": {"moved@example.com": {}, "van@example.com": {}},
        "groups": {"mixed@example.com": ["moved@example.com"]},
    }
    assert sorted(notes(at)) == sorted(
        [
            "never: has no address in WorkMail; nothing is made here",
            "remote@example.com: has the mailbox on another server; nothing is made here",
            "own@acme.awsapps.com: is a user without an address of your own domains; nothing is made here",
            "moved@acme.awsapps.com: is in WorkMail's own domain; moved@example.com is its address here",
            "a..b@example.com: the address of a user, cannot be one here: the local part holds a character it may not,"
            " or a dot where none may stand",
            "a..b@example.com: is a user without an address of your own domains; nothing is made here",
            "van@example.com: is a piece of equipment: a mailbox here, which answers no invitation and knows no"
            " delegates",
            "nobody@example.com: is a group without members; its mail would be for nobody, so it is left out",
            "nested@example.com: is a group without members; its mail would be for nobody, so it is left out",
            "mixed@example.com: has the member remote, who has no address here",
            "mixed@example.com: has the member stranger, who has no address here",
            "closed@example.com: is a disabled group, and left out: its mail is rejected as before",
            "folder DELETED_ITEMS: WorkMail deletes what is in it after 30 days; here nothing is deleted (Dovecot has"
            " autoexpunge)",
        ]
    )


def test_groups_in_a_circle_have_the_people_of_all_in_it(at: Operator, workmail: WorkMail, tmp_path: Path) -> None:
    for name in ("ann", "bob", "eve"):
        workmail.user(name)
    workmail.group("a", "g-b", "u-ann")
    workmail.group("b", "g-c", "u-bob", "u-bob")
    workmail.group("c", "g-a", "g-out")
    workmail.group("out", "u-eve")
    workmail.group("self", "g-self", "u-bob")
    workmail.group("empty", "g-void")
    workmail.group("void", "g-empty")
    workmail.group("above", "g-a", "g-out")
    file = tmp_path / "directory.yaml"
    at.run(f"workmail plan --output {file}")
    people = ["ann@example.com", "bob@example.com", "out@example.com"]
    assert yaml.safe_load(file.read_text())["groups"] == {
        "a@example.com": people,
        "above@example.com": ["a@example.com", "out@example.com"],
        "b@example.com": people,
        "c@example.com": people,
        "out@example.com": ["eve@example.com"],
        "self@example.com": ["bob@example.com"],
    }
    circle = "is in a circle of groups, each a member of the next; it has the people of all of them"
    empty = "is a group without members; its mail would be for nobody, so it is left out"
    assert [one for one in notes(at) if "acme" not in one] == [
        *(f"{name}@example.com: {empty}" for name in ("empty", "void")),
        *(f"{name}@example.com: {circle}" for name in ("a", "b", "c", "self")),
    ]
    assert "added" in at.run(f"directory import {file}")
    assert at.run("explain b@example.com").count("ann@example.com") > 0


def test_an_address_of_two_stays_with_the_first(at: Operator, workmail: WorkMail) -> None:
    workmail.user("bob", "shared@example.com", "EVE@example.com")
    workmail.user("eve", "shared@example.com")
    workmail.user("Eve2", email="Eve@Example.com")
    found = planned(at)
    assert set(found["mailboxes"]) == {"bob@example.com", "eve@example.com"}
    assert found["aliases"] == {"shared@example.com": ["bob@example.com"]}
    assert [one for one in notes(at) if "acme" not in one] == [
        "eve@example.com: is an address of eve@example.com already; the user eve is left out",
        "EVE@example.com: is an address of bob@example.com and of eve@example.com too; it stays with eve@example.com",
    ]


def test_an_entity_that_went_meanwhile_stops_nothing(at: Operator, workmail: WorkMail) -> None:
    company(workmail)
    workmail.refused = {
        ("ListAliases", "u-old"): "EntityStateException",
        ("ListGroupMembers", "g-sales"): "EntityNotFoundException",
        ("GetDefaultRetentionPolicy", ""): "EntityNotFoundException",
    }
    found = planned(at)
    assert "old@example.com" in found["mailboxes"]
    assert "sales@example.com" not in found["groups"]


def test_a_refusal_is_told(at: Operator, workmail: WorkMail) -> None:
    company(workmail)
    workmail.refused = {("ListAliases", "u-eve"): "AccessDeniedException"}
    assert at.fails("workmail plan") == "AWS refused ListAliases: AccessDeniedException it is"


def test_the_organisation_is_found_or_has_to_be_named(at: Operator, workmail: WorkMail) -> None:
    workmail.user("bob")
    assert "bob@example.com" in planned(at, f"--organization {ORGANIZATION}")["mailboxes"]
    assert "ListOrganizations" not in workmail.calls
    workmail.organizations.append({"OrganizationId": "m-" + "e" * 32, "Alias": "beta", "State": "Active"})
    assert at.fails("workmail plan") == (
        f"there are several organisations; give one with --organization: {ORGANIZATION} (acme), m-{'e' * 32} (beta)."
    )
    workmail.organizations = []
    assert at.fails("workmail plan") == "there is no WorkMail organisation in this region; give --region."


def test_what_was_read_can_be_kept_and_planned_without_aws(at: Operator, workmail: WorkMail, tmp_path: Path) -> None:
    company(workmail)
    workmail.job("u-bob", "COMPLETED", "2026-12-01T10:00:00Z", S3BucketName="exports", S3Path="u-bob/bob.zip")
    file = tmp_path / "workmail.json"
    first = at.run(f"workmail plan --save {file}")
    told = at.stderr
    calls = len(workmail.calls)
    assert at.run(f"workmail plan --from {file}") == first
    assert at.stderr == told
    assert at.run("workmail plan --from -", stdin=file.read_text()) == first
    assert len(workmail.calls) == calls


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "is no organisation of WorkMail: : Input should be a valid dictionary"),
        ('{"OrganizationId": "m-1", "Users": [{"Id": "u"}]}', "Users.0.State: Field required"),
        ('{"OrganizationId": "m-1", "Users": [{"Id": "u", "State": "ON"}]}', "Users.0.State: Input should be"),
    ],
)
def test_a_file_that_is_none(at: Operator, tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "workmail.json"
    file.write_text(text)
    assert said in at.fails(f"workmail plan --from {file}")


def test_what_aws_s_command_line_prints_can_be_put_together(at: Operator, tmp_path: Path) -> None:
    """As docs/leaving-workmail.md has it: no aliases, times as numbers."""
    file = tmp_path / "workmail.json"
    user = {"Id": "u-1", "Email": "bob@example.com", "Name": "bob", "State": "DISABLED", "DisabledDate": 1793491200.5}
    job = {
        "JobId": "j",
        "EntityId": "u-1",
        "State": "COMPLETED",
        "StartTime": 1795514400,
        "S3BucketName": "b",
        "S3Path": "p",
    }
    domains = [{"DomainName": "example.com", "DefaultDomain": True}]
    file.write_text(json.dumps({"OrganizationId": "m-1", "Users": [user], "MailDomains": domains, "Jobs": [job]}))
    found = at.json(f"workmail plan --from {file} --exported-since 2026-11-24")
    assert [one["address"] for one in found["entries"]] == ["@example.com", "bob@example.com"]
    assert "disabled in WorkMail since 2026-11-01" in at.stderr
    assert found["exports"][0]["detail"] == "s3://b/p"


def test_files_that_cannot_be_read_or_written(at: Operator, workmail: WorkMail, tmp_path: Path) -> None:
    workmail.user("bob")
    assert at.fails(f"workmail plan --from {tmp_path}/none") == f"{tmp_path}/none: No such file or directory."
    for option in ("--save", "--exports", "--output"):
        assert at.fails(f"workmail plan {option} {tmp_path}/none/file").endswith("No such file or directory.")


def exported(workmail: WorkMail) -> None:
    for name in ("ann", "bob", "eve", "max", "zoe"):
        workmail.user(name)
    workmail.job("u-bob", "FAILED", "2026-12-01T09:00:00Z", ErrorInfo="no access\nto the key")
    workmail.job("u-bob", "COMPLETED", "2026-12-01T10:00:00Z", S3BucketName="exports", S3Path="exports/u-bob/it's.zip")
    workmail.job("u-eve", "RUNNING", "2026-12-01T10:00:00Z", EstimatedProgress=40)
    workmail.job("u-max", "COMPLETED", "2026-11-01T10:00:00Z", S3BucketName="exports", S3Path="u-max/max.zip")
    workmail.job("u-zoe", "FAILED", "2026-12-02T10:00:00Z", ErrorInfo="no access\nto the key")


def test_the_state_of_each_export_is_that_of_its_last_job(at: Operator, workmail: WorkMail) -> None:
    exported(workmail)
    assert at.json("workmail plan")["exports"] == [
        {"entity": id_of("u-ann"), "mailbox": "ann@example.com", "state": "TO START", "detail": ""},
        {
            "entity": id_of("u-bob"),
            "mailbox": "bob@example.com",
            "state": "COMPLETED",
            "detail": "s3://exports/u-bob/it's.zip",
        },
        {"entity": id_of("u-eve"), "mailbox": "eve@example.com", "state": "RUNNING", "detail": "job job-2 is at 40 %"},
        {
            "entity": id_of("u-max"),
            "mailbox": "max@example.com",
            "state": "COMPLETED",
            "detail": "s3://exports/u-max/max.zip",
        },
        {"entity": id_of("u-zoe"), "mailbox": "zoe@example.com", "state": "FAILED", "detail": "no access to the key"},
    ]
    assert at.stderr.endswith("exports of mail: 2 completed, 1 failed, 1 running, 1 to start\n")
    second = {one["mailbox"]: one["state"] for one in at.json("workmail plan --exported-since 2026-12-01")["exports"]}
    assert second["max@example.com"] == "TO START"
    assert second["bob@example.com"] == "COMPLETED"


def test_the_script_runs_what_is_left(at: Operator, workmail: WorkMail, tmp_path: Path) -> None:
    exported(workmail)
    file = tmp_path / "exports.sh"
    at.run(f"workmail plan --exports {file}")
    text = file.read_text()
    assert "#   mailroomctl import u-1234567890-bob.zip --to bob@example.com --skip-known\n" in text
    assert """#   aws s3 cp 's3://exports/u-bob/it'"'"'s.zip' u-1234567890-bob.zip\n""" in text
    aws = tmp_path / "aws"
    aws.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{tmp_path}/calls\n')
    aws.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "BUCKET": "exports", "ROLE_ARN": "role"}
    refused = subprocess.run(["sh", file], env=environment, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "KMS_KEY_ARN" in refused.stderr
    subprocess.run(["sh", file], env=environment | {"KMS_KEY_ARN": "key"}, check=True)
    assert (tmp_path / "calls").read_text() == "".join(
        f"workmail start-mailbox-export-job --organization-id {ORGANIZATION} --entity-id {entity}"
        f" --description {address} --s3-bucket-name exports --s3-prefix {entity} --role-arn role --kms-key-arn key\n"
        for entity, address in ((id_of("u-ann"), "ann@example.com"), (id_of("u-zoe"), "zoe@example.com"))
    )


def test_thousands_of_users_take_a_call_each(workmail: WorkMail) -> None:
    """Seconds, when WorkMail answers at once: `thousands` are no more work each than a few."""
    for number in range(5000):
        workmail.user(f"user{number}", f"alias{number}@example.com", state="DISABLED" if number % 2 else "ENABLED")
    workmail.group("all", *(f"u-user{number}" for number in range(5000)))
    organisation = reading.read(workmail.client, ORGANIZATION, Progress())
    assert Counter(workmail.calls) == {
        "ListUsers": 50,
        "ListAliases": 5001,
        "ListGroupMembers": 50,
        **dict.fromkeys(
            ("ListMailDomains", "ListGroups", "ListResources", "ListMailboxExportJobs", "GetDefaultRetentionPolicy"), 1
        ),
    }
    made = make_plan(organisation)
    assert len(made.items) == 10_002
    assert len(made.notes) == 2501
    assert len(exports(organisation, made.mailboxes)) == 5000


def test_exports_are_known_after_the_week_in_which_workmail_lists_them(
    at: Operator, workmail: WorkMail, tmp_path: Path
) -> None:
    file = tmp_path / "workmail.json"
    exported(workmail)
    for name in ("gone", "done"):
        workmail.user(name)
        workmail.job(f"u-{name}", "RUNNING", "2026-12-01T11:00:00Z", EstimatedProgress=7)
    at.run(f"workmail plan --save {file}")
    before = at.json(f"workmail plan --from {file}")["exports"]
    workmail.unlisted = {job["JobId"] for job in workmail.jobs}
    [done] = [job for job in workmail.jobs if job["EntityId"] == id_of("u-done")]
    done |= {"State": "COMPLETED", "S3BucketName": "exports", "S3Path": "u-done/done.zip"}
    [gone] = [job for job in workmail.jobs if job["EntityId"] == id_of("u-gone")]
    workmail.refused = {("DescribeMailboxExportJob", gone["JobId"]): "EntityNotFoundException"}
    after = at.json(f"workmail plan --save {file}")["exports"]
    changed = {one["mailbox"]: (one["state"], one["detail"]) for one in after if one not in before}
    assert changed == {
        "done@example.com": ("COMPLETED", "s3://exports/u-done/done.zip"),
        "gone@example.com": ("FAILED", ""),
    }
    assert at.json(f"workmail plan --from {file}")["exports"] == after
    assert {one["state"] for one in at.json("workmail plan")["exports"]} == {"TO START"}


def test_what_was_kept_of_another_organisation_is_not_overwritten(
    at: Operator, workmail: WorkMail, tmp_path: Path
) -> None:
    workmail.user("bob")
    file = tmp_path / "workmail.json"
    kept = json.dumps({"OrganizationId": "m-" + "e" * 32})
    file.write_text(kept)
    assert at.fails(f"workmail plan --save {file}").startswith(f"{file} holds another organisation, m-eeee")
    assert file.read_text() == kept


def test_for_programs(at: Operator, workmail: WorkMail) -> None:
    workmail.user("bob")
    told = json.loads(at.run("workmail plan --json"))
    assert told["organization"] == ORGANIZATION
    assert [one["address"] for one in told["entries"]] == ["@example.com", "bob@example.com"]
    assert told["no_counterpart"] == [
        {"about": "acme.awsapps.com", "text": "WorkMail's own domain ends with it; nobody receives there any more"}
    ]
