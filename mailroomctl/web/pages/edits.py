"""Changes of the directory: forms whose fields are the parameters of the commands, which check them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mailroom.domain_names import normalise_domain
from mailroom.resolve.entries import domain_key
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mailroomctl.commands import alias, catch_all, domain, group, mailbox
from mailroomctl.directory.table import Item
from mailroomctl.web.commands import run
from mailroomctl.web.context import Context
from mailroomctl.web.rendering import render


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter: a line of text, ``lines`` of it, a ``check``, or hidden because the entry says it."""

    name: str
    label: str
    kind: str = "text"
    hint: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class Edit:
    """One command as a form. ``of`` is the kind of entry that it changes; None makes a new one."""

    title: str
    command: Callable[..., None]
    fields: tuple[Field, ...]
    of: str | None = None
    warning: str = ""
    ends: bool = False
    """Whether the entry is then no more what its forms change."""


_ADDRESS = Field("address", "Address", hint="bob@example.com", required=True)
_DOMAIN = Field("domain", "Domain", hint="example.com", required=True)
_THIS_ADDRESS, _THIS_DOMAIN = Field("address", "", "hidden"), Field("domain", "", "hidden")
_TARGETS = Field("targets", "Leads to, one address a line", "lines", required=True)
_MEMBERS = Field("members", "Members, one address a line", "lines", required=True)
_PATH = Field("path", "Path below the mail root", hint="empty: as the stack's template says")
_POLICY = Field("policy", "Policies, one a line", "lines", hint="spam_fail=reject")
_FOLDERS = Field("subaddress_folders", "Mail to user+lists@ goes to the folder lists", "check")
_SEPARATORS = Field("separators", "Characters that separate tags")
_ALIAS_OF = Field("alias_of", "Another domain whose addresses it has too")

EDITS: Mapping[str, Edit] = {
    "mailbox-add": Edit(
        "Add a mailbox",
        mailbox.add,
        (_ADDRESS, _PATH, _POLICY, _FOLDERS, Field("disabled", "Reject its mail until it is enabled", "check")),
    ),
    "alias-add": Edit("Add an alias", alias.add, (_ADDRESS, _TARGETS)),
    "alias-set": Edit("Change the alias", alias.set_targets, (_THIS_ADDRESS, _TARGETS), "alias"),
    "group-add": Edit("Add a group", group.add_member, (_ADDRESS, _MEMBERS)),
    "catch-all-set": Edit("Set a catch-all", catch_all.set_targets, (_DOMAIN, _TARGETS)),
    "domain-add": Edit("Add a domain", domain.add, (_DOMAIN, _SEPARATORS, _ALIAS_OF, _POLICY)),
    "mailbox-set": Edit("Change the mailbox", mailbox.set_fields, (_THIS_ADDRESS, _PATH, _POLICY, _FOLDERS), "mailbox"),
    "mailbox-rename": Edit(
        "Give it another address",
        mailbox.rename,
        (
            _THIS_ADDRESS,
            Field("new_address", "New address", hint="robert@example.com", required=True),
            Field("no_alias", "Give the old address up; else it becomes an alias of the new one", "check"),
        ),
        "mailbox",
        "Its Maildir stays where it is.",
        True,
    ),
    "mailbox-disable": Edit("Disable it", mailbox.disable, (_THIS_ADDRESS,), "mailbox", "Its mail is rejected then."),
    "mailbox-enable": Edit("Enable it", mailbox.enable, (_THIS_ADDRESS,), "mailbox"),
    "mailbox-remove": Edit(
        "Remove the mailbox",
        mailbox.remove,
        (_THIS_ADDRESS,),
        "mailbox",
        "Mail to it is rejected then. Its mail stays on disk.",
        ends=True,
    ),
    "alias-remove": Edit("Remove the alias", alias.remove, (_THIS_ADDRESS,), "alias", "What it leads to stays.", True),
    "group-add-member": Edit("Add members", group.add_member, (_THIS_ADDRESS, _MEMBERS), "group"),
    "group-remove-member": Edit("Remove members", group.remove_member, (_THIS_ADDRESS, _MEMBERS), "group"),
    "group-remove": Edit("Remove the group", group.remove, (_THIS_ADDRESS,), "group", "Its members stay.", True),
    "catch-all-change": Edit("Change the catch-all", catch_all.set_targets, (_THIS_DOMAIN, _TARGETS), "catch_all"),
    "catch-all-unset": Edit(
        "Take the catch-all away",
        catch_all.unset,
        (_THIS_DOMAIN,),
        "catch_all",
        "Mail to unknown addresses is rejected then.",
        ends=True,
    ),
    "domain-set": Edit(
        "Change the domain", domain.set_fields, (_THIS_DOMAIN, _SEPARATORS, _ALIAS_OF, _POLICY), "domain"
    ),
    "domain-remove": Edit(
        "Remove the domain",
        domain.remove,
        (_THIS_DOMAIN,),
        "domain",
        "Mail that still arrives for it is held then.",
        True,
    ),
}


def edits_of(item: Item | None) -> dict[str, Edit]:
    """Return the changes of an entry, or those that make a new one."""
    kind = item.get("type") if item else None
    return {name: edit for name, edit in EDITS.items() if edit.of == kind}


async def change(request: Request) -> Response:
    """Do it, and show what the command says; what was read of the directory is read again."""
    edit = EDITS.get(request.path_params["name"])
    if edit is None:
        raise HTTPException(404)
    form = await request.form()
    context: Context = request.app.state.context

    def do() -> Response:
        context.prepare()
        result = run(edit.command, context.stack, **_given(edit, form, context))
        context.directory.forget()
        message = str(form.get("message") or "")
        key = _key_of(result.data) if result.ended_well else ""
        there = key in context.directory.items() if key else False
        answer = render(request, "part_edit.html", result=result, message=message, key=key, there=there)
        if result.ended_well:
            answer.headers["hx-trigger"] = "directory-changed"
            if edit.ends:
                answer.headers["hx-retarget"] = "#changes"
        return answer

    return await run_in_threadpool(do)


def _key_of(changed: Any) -> str:
    """Return the directory's key of what a command has changed."""
    if not isinstance(changed, dict):
        return ""
    if domain := changed.get("domain"):
        return domain_key(normalise_domain(str(domain)))
    return str(changed.get("address") or "")


def _given(edit: Edit, form: FormData, context: Context) -> dict[str, Any]:
    """A field that is empty means what the command's option means when it is not given, or unsets what was there."""
    given: dict[str, Any] = {}
    for field in edit.fields:
        text = str(form.get(field.name) or "").strip()
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        match field.kind:
            case "check":
                given[field.name] = bool(text)
            case "lines":
                given[field.name] = lines
            case _:
                given[field.name] = text if edit.of or field.required else text or None
    if edit.of and "policy" in given:
        item = _item(edit, given, context) or {}
        kept = {line.partition("=")[0] for line in given["policy"]}
        given["policy"] += [f"{name}=" for name in item.get("policy", {}) if name not in kept]
    return given


def _item(edit: Edit, given: Mapping[str, Any], context: Context) -> Item | None:
    key = f"@{given['domain']}" if edit.of == "domain" else given["address"]
    return context.directory.items().get(key)


ROUTES = [Route("/directory/edit/{name}", change, methods=["POST"])]
