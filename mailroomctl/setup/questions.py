"""What a person is asked, on standard error, so that standard output holds the answer of the program alone."""

import sys
from collections.abc import Sequence

from mailroomctl.errors import CommandError


class Questions:
    """Asks, or takes the default where nobody is there to answer."""

    def __init__(self, *, silent: bool) -> None:
        """``silent`` asks nothing."""
        self._silent = silent

    @property
    def silent(self) -> bool:
        """Whether nobody is asked, or nobody answers."""
        return self._silent

    def ask(self, text: str, default: str) -> str:
        """Ask for a text; an empty answer is the default, which may be empty."""
        if self._silent:
            return default
        print(f"{text}{f' [{default}]' if default else ''}: ", end="", file=sys.stderr, flush=True)
        try:
            return input().strip() or default
        except EOFError:
            # Nobody is there; the next question would not be answered either.
            self._silent = True
            print(file=sys.stderr)
            return default

    def need(self, text: str, option: str) -> str:
        """Ask for a text that has no default; raises ``CommandError`` that names the option to give instead."""
        answer = self.ask(text, "")
        if not answer:
            raise CommandError(f"{text[0].lower()}{text[1:]}: give {option}.")
        return answer

    def choose(self, text: str, choices: Sequence[str], default: str) -> str:
        """Ask for one of ``choices``, until the answer is one; "none" is no choice, and an empty text."""
        while (answer := self.ask(f"{text} ({', '.join(choices)}, or none)", default)) not in choices:
            if answer in ("", "none") or self._silent:
                return ""
            print(f"{answer} is none of them.", file=sys.stderr)
        return answer

    def confirm(self, text: str) -> bool:
        """Ask whether to do something; no is the default."""
        return self.ask(f"{text} [y/N]", "").lower() in ("y", "yes")
