"""What became of each message of a source; the numbers add up to what was found."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

#: Messages that are told one by one; the numbers count all.
MOST_TOLD = 1000


class Outcome(StrEnum):
    """What became of a message."""

    IMPORTED = "imported"
    PRESENT = "present"
    """An earlier import has written it."""
    KNOWN = "known"
    """It has come another way."""
    LEFT_OUT = "left_out"
    """Its folder is left out."""
    SET_ASIDE = "set_aside"


@dataclass(slots=True)
class Summary:
    """Counts one source into one mailbox."""

    source: str
    mailbox: str
    path: str
    dry_run: bool = False
    folders: dict[str, Counter[Outcome]] = field(default_factory=dict)
    keywords: Counter[str] = field(default_factory=Counter)
    set_aside: list[dict[str, str]] = field(default_factory=list)
    no_mail: list[dict[str, str]] = field(default_factory=list)
    same_id: list[dict[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    replaced: dict[str, str] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    octets: int = 0
    seconds: float = 0
    problem: str = ""
    """Why the import ended before the source did."""

    def count(self, outcome: Outcome, folder: str) -> None:
        """Count one message."""
        self.folders.setdefault(folder, Counter())[outcome] += 1

    def put_aside(self, where: str, why: str, folder: str = "") -> None:
        """Count one message that cannot be imported."""
        self.count(Outcome.SET_ASIDE, folder)
        self._tell("set_aside", self.set_aside, where, why)

    def pass_over(self, where: str, why: str) -> None:
        """Count one file that is no mail."""
        self._tell("no_mail", self.no_mail, where, why)

    def other_with_id(self, where: str, folder: str) -> None:
        """Count one message that was imported although another one has its Message-ID."""
        self._tell("same_message_id", self.same_id, where, f"imported into {folder}")

    def total(self, outcome: Outcome) -> int:
        """How many messages had an outcome."""
        return sum(counts[outcome] for counts in self.folders.values())

    @property
    def found(self) -> int:
        """How many messages there were."""
        return sum(counts.total() for counts in self.folders.values())

    def rows(self) -> list[dict[str, Any]]:
        """One row for each folder, and the sums."""
        rows = [_row(folder or "-", counts) for folder, counts in sorted(self.folders.items())]
        if len(rows) != 1:
            rows.append(_row("all", sum(self.folders.values(), Counter())))
        return rows

    def data(self) -> dict[str, Any]:
        """All of it, for programs."""
        return {
            "source": self.source,
            "mailbox": self.mailbox,
            "path": self.path,
            "dry_run": self.dry_run,
            "complete": not self.problem,
            "problem": self.problem or None,
            "found": self.found,
            **{str(outcome): self.total(outcome) for outcome in Outcome},
            "no_mail": self.counts["no_mail"],
            "same_message_id": self.counts["same_message_id"],
            "bytes": self.octets,
            "seconds": round(self.seconds, 3),
            "folders": {folder: _row(folder, counts) for folder, counts in sorted(self.folders.items()) if folder},
            "made": sorted(self.made),
            "replaced": self.replaced,
            "keywords": dict(self.keywords.most_common()),
            "messages_set_aside": self.set_aside,
            "files_passed_over": self.no_mail,
            "messages_with_a_known_id": self.same_id,
        }

    def _tell(self, name: str, told: list[dict[str, str]], where: str, why: str) -> None:
        self.counts[name] += 1
        if len(told) < MOST_TOLD:
            told.append({"where": where, "reason": why})


COLUMNS = ("folder", "found", *(str(outcome) for outcome in Outcome))


def _row(folder: str, counts: Counter[Outcome]) -> dict[str, Any]:
    return {"folder": folder, "found": counts.total(), **{str(outcome): counts[outcome] for outcome in Outcome}}
