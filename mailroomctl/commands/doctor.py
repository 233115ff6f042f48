"""``mailroomctl doctor``: the whole chain, what is wrong in it, and how to mend it."""

from pathlib import Path
from typing import Annotated

import typer

from mailroomctl.console import Console
from mailroomctl.directory.models import checked_address
from mailroomctl.doctor import dovecot
from mailroomctl.doctor.checks import CHECKS, DOVECOT, TEST_MESSAGE, Check
from mailroomctl.doctor.findings import Report, Verdict
from mailroomctl.doctor.page import data, page
from mailroomctl.doctor.patient import Patient
from mailroomctl.doctor.run import look, run
from mailroomctl.doctor.send_test import Trial, follow, sender_for
from mailroomctl.dovecot.reading import read_text
from mailroomctl.stack import Stack


def doctor(
    stack: Stack,
    console: Console,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 for warnings too.")] = False,
    dovecot_config: Annotated[
        Path | None,
        typer.Option(help="Output of doveconf -n, to be checked too; - is standard input.", show_default=False),
    ] = None,
    send_test: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Then send a message to this address, and follow it.", show_default=False),
    ] = "",
    sender: Annotated[
        str,
        typer.Option(
            "--from",
            help="Sender of that message. BounceSender, or postmaster of the address's domain, unless given.",
            show_default=False,
        ),
    ] = "",
    wait: Annotated[float, typer.Option(help="Seconds to wait for that message.", min=0)] = 120,
    smtp_port: Annotated[int, typer.Option(help="Port of the embedded AWS's SMTP server.")] = 2525,
) -> None:
    """Look at the whole chain, from the MX records to the file system: what is wrong, and how to mend it.

    Exit code 1 when something fails; what could not be looked at is a warning. It changes nothing, but for a file that
    the storage probe writes and removes.

    With --send-test, SES sends a message, or on the embedded AWS its SMTP server takes one, and the time of each step
    into the mailbox is shown.
    """
    text = None if dovecot_config is None else read_text(dovecot_config)
    # SES takes domains as DNS has them.
    recipient = checked_address(send_test) if send_test else ""
    patient = Patient(stack)
    with console.progress("looking", len(CHECKS)) as progress:
        reports = run(patient, CHECKS, progress)
    if text is not None:
        check = Check(DOVECOT, "Dovecot", lambda patient: dovecot.configuration(patient, text))
        reports.append(Report(check.number, check.name, look(patient, check)))
    if recipient:
        test = Trial(recipient, sender or sender_for(patient, recipient), wait, smtp_port)
        check = Check(TEST_MESSAGE, "test message", lambda patient: follow(patient, test, console.note))
        reports.append(Report(check.number, check.name, look(patient, check)))
    console.tree(page(reports), data(reports))
    bad = {Verdict.FAILURE, Verdict.WARNING} if strict else {Verdict.FAILURE}
    if any(report.verdict in bad for report in reports):
        raise typer.Exit(1)
