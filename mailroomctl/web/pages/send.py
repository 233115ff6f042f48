"""Compose a mail or upload one, with the verdicts that SES is to give: to try rules on the embedded AWS."""

import re
from email.message import EmailMessage
from typing import Any

from mailroom.statuses import FINAL
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mailroomctl.errors import CommandError
from mailroomctl.local import outcomes
from mailroomctl.local import send as smtp
from mailroomctl.local.settings import Settings
from mailroomctl.options.verdict import parse_verdicts
from mailroomctl.verdicts import CHECKS, DMARC_POLICIES, DMARC_POLICY
from mailroomctl.web.commands import Result, explained
from mailroomctl.web.context import Context
from mailroomctl.web.jobs import Job
from mailroomctl.web.pages import jobs
from mailroomctl.web.rendering import render

_PATIENCE = 60.0  # seconds for all outcomes
_LARGEST = 41_000_000  # octets; the server says what SES would


def page(request: Request) -> Response:
    """Show the form."""
    _settings(request)
    statuses = dict.fromkeys(CHECKS, ("PASS", "FAIL", "GRAY")) | {DMARC_POLICY: DMARC_POLICIES}
    return render(request, "send.html", statuses=statuses, to=request.query_params.get("to", ""))


async def send(request: Request) -> Response:
    """Send it, and follow it to its outcomes."""
    settings = _settings(request)
    form = await request.form(max_part_size=_LARGEST)
    content = await _content(form)
    recipients = _recipients(form)
    sender = str(form.get("sender") or "").strip()
    given = [f"{name}={form[name]}" for name in (*CHECKS, DMARC_POLICY) if form.get(name)]
    context: Context = request.app.state.context

    def work(job: Job) -> Result:
        job.begin("sending", None)
        return _send(settings, job, sender, recipients, content, given)

    def begin() -> Response:
        return jobs.show(request, context.jobs.start("Sending", "/inbox", work))

    return await run_in_threadpool(begin)


def _send(settings: Settings, job: Job, sender: str, recipients: list[str], content: bytes, given: list[str]) -> Result:
    try:
        if not recipients:
            raise CommandError("say to whom: addresses, with a space between them.")
        sent = smtp.send(settings, sender, recipients, content, parse_verdicts(given))
    except CommandError as error:
        return Result(error=explained(error), ended_well=False)
    if sent.message_id:
        job.back = f"/messages/{sent.message_id}"
    job.begin("waiting for the outcomes", None)
    rows: list[dict[str, Any]] = [
        {"recipient": one.recipient, "mailbox": one.mailbox, "outcome": one.outcome, "reason": one.detail}
        for one in outcomes.wait(settings, sent, _PATIENCE)
    ]
    columns = ("recipient", "mailbox", "outcome", "reason")
    return Result(columns=columns, rows=rows, ended_well=all(row["outcome"] in FINAL for row in rows))


async def _content(form: FormData) -> bytes:
    file = form.get("file")
    if isinstance(file, UploadFile) and file.filename:
        return await file.read()
    message = EmailMessage()
    message["From"] = str(form.get("sender") or "nobody@example.org").strip()
    message["To"] = ", ".join(_recipients(form))
    message["Subject"] = " ".join(str(form.get("subject") or "").split())
    message.set_content(str(form.get("text") or "").replace("\r\n", "\n"))
    return message.as_bytes().replace(b"\n", b"\r\n")


def _recipients(form: FormData) -> list[str]:
    return list(filter(None, re.split(r"[\s,;]+", str(form.get("to") or ""))))


def _settings(request: Request) -> Settings:
    context: Context = request.app.state.context
    if context.embedded is None:
        raise HTTPException(404, "mail can be sent to the embedded AWS only.")
    return context.embedded


ROUTES = [Route("/send", page), Route("/send", send, methods=["POST"])]
