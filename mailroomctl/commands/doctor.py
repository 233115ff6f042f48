"""``mailroomctl doctor``: the whole chain, what is wrong in it, and how to mend it."""

from typing import Annotated

import typer

from mailroomctl.console import Console
from mailroomctl.doctor.checks import CHECKS
from mailroomctl.doctor.findings import Verdict
from mailroomctl.doctor.page import data, page
from mailroomctl.doctor.patient import Patient
from mailroomctl.doctor.run import run
from mailroomctl.stack import Stack


def doctor(
    stack: Stack,
    console: Console,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 for warnings too.")] = False,
) -> None:
    """Look at the whole chain, from the MX records to the file system: what is wrong, and how to mend it.

    Exit code 1 when something fails; what could not be looked at is a warning. It changes nothing, but for a file that
    the storage probe writes and removes.
    """
    patient = Patient(stack)
    with console.progress("looking", len(CHECKS)) as progress:
        reports = run(patient, CHECKS, progress)
    console.tree(page(reports), data(reports))
    bad = {Verdict.FAILURE, Verdict.WARNING} if strict else {Verdict.FAILURE}
    if any(report.verdict in bad for report in reports):
        raise typer.Exit(1)
