"""What a check finds."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How it is, from good to bad."""

    PASS = "pass"  # noqa: S105
    NOT_APPLICABLE = "not applicable"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Finding:
    """One thing that was seen, what it means, and the commands that mend it or lead further."""

    verdict: Verdict
    seen: str
    means: str = ""
    fix: tuple[str, ...] = ()


def passed(seen: str) -> Finding:
    """It is as it has to be."""
    return Finding(Verdict.PASS, seen)


def not_applicable(seen: str) -> Finding:
    """There is no such thing here."""
    return Finding(Verdict.NOT_APPLICABLE, seen)


def warning(seen: str, means: str, *fix: str) -> Finding:
    """Mail flows, but it may not stay so; or it is not known."""
    return Finding(Verdict.WARNING, seen, means, fix)


def failure(seen: str, means: str, *fix: str) -> Finding:
    """Mail does not flow, is held or may be lost, or nobody would notice."""
    return Finding(Verdict.FAILURE, seen, means, fix)


_ORDER = list(Verdict)


@dataclass(frozen=True)
class Report:
    """What one check has found."""

    number: int
    check: str
    findings: Sequence[Finding]

    @property
    def verdict(self) -> Verdict:
        """The worst of its findings."""
        return max((one.verdict for one in self.findings), key=_ORDER.index)
