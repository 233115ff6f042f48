"""What was found, in words."""

import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.text import Text

from mailroomctl.doctor.findings import Report, Verdict
from mailroomctl.for_people import for_people

_WIDTH = 100
_NAMES = 26
_STYLES = {Verdict.PASS: "green", Verdict.NOT_APPLICABLE: "dim", Verdict.WARNING: "yellow", Verdict.FAILURE: "bold red"}
_SHORT = {Verdict.NOT_APPLICABLE: "-"}


def page(reports: Sequence[Report]) -> Text:
    """A line for each finding; below it what it means and the commands, which are never wrapped."""
    text = Text()
    for report in reports:
        for finding in report.findings:
            number = f"{report.number:>2} " if report.number else "   "
            verdict = _SHORT.get(finding.verdict, finding.verdict)
            text.append(f"{verdict:8}", _STYLES[finding.verdict])
            text.append(_wrapped(f"{number}{report.check}", for_people(finding.seen)))
            if finding.means:
                text.append(_wrapped("", for_people(finding.means)))
            for command in finding.fix:
                text.append(f"{'':11}$ {command}\n" if not command.startswith("#") else f"{'':11}{command}\n")
    text.append(f"\n{summary(reports)}")
    return text


def data(reports: Sequence[Report]) -> list[dict[str, Any]]:
    """The same for programs."""
    return [
        {
            "number": report.number,
            "check": report.check,
            "verdict": report.verdict,
            "findings": [
                {"verdict": one.verdict, "seen": one.seen, "means": one.means, "fix": list(one.fix)}
                for one in report.findings
            ],
        }
        for report in reports
    ]


def summary(reports: Sequence[Report]) -> str:
    """How many checks came out how."""
    counts = Counter(report.verdict for report in reports)
    words = {
        Verdict.FAILURE: ("failure", "failures"),
        Verdict.WARNING: ("warning", "warnings"),
        Verdict.PASS: ("pass", "passes"),
        Verdict.NOT_APPLICABLE: ("not applicable", "not applicable"),
    }
    return ", ".join(f"{counts[one]} {many if counts[one] != 1 else single}" for one, (single, many) in words.items())


def _wrapped(name: str, text: str) -> str:
    first = f"{name:{_NAMES}} " if name else " " * 11
    rest = " " * (8 + _NAMES + 1) if name else " " * 11
    lines = textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=" " * 8 + first if name else first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines)[8 if name else 0 :] + "\n"
