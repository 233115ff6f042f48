"""The inbox: mailboxes and messages as a person reads them. What strangers wrote is a response of its own."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mailroom.folder_names import folder_directory
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from mailroomctl.deliveries.table import Record
from mailroomctl.times import iso
from mailroomctl.web import facts, newest
from mailroomctl.web.context import Context
from mailroomctl.web.mail.cleaning import PAGE, clean
from mailroomctl.web.mail.parts import Mail, read_mail
from mailroomctl.web.pages.messages import moment
from mailroomctl.web.rendering import render, visible
from mailroomctl.web.security import MAIL_POLICY

_ENOUGH = 64 * 1024  # octets, for the headers of a list
_SHOWN = 512 * 1024  # characters of a text; a browser is slow with more
_TABS = (("html", "HTML"), ("text", "Text"), ("headers", "Headers"), ("source", "Source"))


def page(request: Request) -> Response:
    """List the mailboxes, and the mail of one."""
    context = _context(request)
    items = context.directory.items().values()
    mailboxes = sorted(item["address"] for item in items if item.get("type") == "mailbox")
    chosen = request.query_params.get("mailbox") or (mailboxes[0] if mailboxes else "")
    until = moment(request.query_params.get("until", ""))
    found = newest.find(context, newest.Question(mailbox=chosen, until=until)) if chosen else newest.Page()
    mails = [
        row | _heading(context, record) for row, record in zip(facts.rows(found.records), found.records, strict=True)
    ]
    return render(
        request,
        "inbox.html",
        mailboxes=mailboxes,
        chosen=chosen,
        mails=mails,
        older=iso(found.older.until) if found.older and found.older.until else "",
        can_send=context.embedded is not None,
    )


def mail_page(request: Request) -> Response:
    """Show one mail: its most important headers, a frame for its content, and its attachments."""
    context, mail = _mail(request)
    tabs = [(name, title) for name, title in _TABS if name not in ("html", "text") or getattr(mail, name)]
    view = request.query_params.get("view") or tabs[0][0]
    return render(
        request,
        "mail.html",
        message_id=request.path_params["message_id"],
        subject=mail.header("Subject") or "(no subject)",
        heads=[(name, mail.header(name)) for name in ("From", "To", "Cc", "Date")],
        mail=mail,
        tabs=tabs,
        view=view if view in dict(_TABS) else tabs[0][0],
        sizes={one.number: len(one.content) for one in mail.attachments},
        embedded_here=context.embedded is not None,
    )


def view(request: Request) -> Response:
    """Answer with what a stranger wrote, under a policy that lets it do nothing."""
    _, mail = _mail(request)
    match request.path_params["view"]:
        case "html":
            return _of_stranger(clean(mail.html, mail.pictures))
        case "text":
            return _of_stranger(_lines(mail.text))
        case "headers":
            return _of_stranger(_lines("\n".join(f"{name}: {value}" for name, value in mail.headers)))
        case "source":
            text = mail.source[: _SHOWN + 1].decode("utf-8", "replace")
            return _of_stranger(_lines(text))
    raise HTTPException(404)


def attachment(request: Request) -> Response:
    """Answer with an attachment, or the whole mail, as octets to be kept in a file."""
    _, mail = _mail(request)
    number = request.path_params["number"]
    if number == "source":
        return _octets(mail.source, "mail.eml")
    for one in mail.attachments:
        if str(one.number) == number:
            return _octets(one.content, one.name)
    raise HTTPException(404)


def visible_lines(text: str) -> str:
    """Show control characters, but leave lines and tabs."""
    return visible(text.replace("\r\n", "\n").replace("\t", "    "))


def _lines(text: str) -> str:
    more = "" if len(text) <= _SHOWN else "\n\n[…] The rest is in the file of the whole mail."
    return PAGE.format(body=f"<pre>{escape(visible_lines(text[:_SHOWN]))}{more}</pre>")


def _of_stranger(text: str) -> Response:
    # Some character sets make halves of characters, which no page can have.
    content = text.encode("utf-8", "replace")
    return HTMLResponse(content, headers={"content-security-policy": MAIL_POLICY})


def _octets(content: bytes, name: str) -> Response:
    headers = {
        "content-security-policy": MAIL_POLICY,
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
    }
    return Response(content, media_type="application/octet-stream", headers=headers)


def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    if not context.mail_is_shown:
        raise HTTPException(403, "the content of mail is not shown: start the console with --show-mail for that.")
    context.prepare()
    return context


def _mail(request: Request) -> tuple[Context, Mail]:
    context = _context(request)
    return context, context.mail.read(request.path_params["message_id"])


def _heading(context: Context, record: Record) -> dict[str, Any]:
    """Return subject and sender from the file in the mailbox, where that is on this machine."""
    file = _file(context, record)
    if file is None:
        return {"subject": "", "sender": record.get("source") or ""}
    with file.open("rb") as stream:
        mail = read_mail(stream.read(_ENOUGH))
    return {"subject": mail.header("Subject") or "(no subject)", "sender": mail.header("From")}


def _file(context: Context, record: Record) -> Path | None:
    if context.embedded is None or not record.get("file_name"):
        return None
    subfolder = folder_directory(record.get("folder") or "INBOX")
    folder = context.embedded.mail_root / str(record["path"]) / (subfolder or ".")
    name = str(record["file_name"])
    if (new := folder / "new" / name).is_file():
        return new
    base = name.partition(",")[0]
    seen: Sequence[Path] = sorted((folder / "cur").glob(f"{base},*"))
    return seen[0] if seen else None


ROUTES = [
    Route("/inbox", page),
    Route("/mail/{message_id}", mail_page),
    Route("/mail/{message_id}/view/{view}", view),
    Route("/mail/{message_id}/part/{number}", attachment),
]
