"""What all pages share: the stack, what may be done, and what was read once and is kept."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mailroomctl.directory.table import DirectoryTable, Item
from mailroomctl.stack import Stack
from mailroomctl.web.graph.machine import Machine, read_machine
from mailroomctl.web.jobs import Jobs
from mailroomctl.web.mail.raw import KeptMail

if TYPE_CHECKING:
    from mailroomctl.local.settings import Settings


class KeptDirectory:
    """The directory as it was read; read again when somebody asks for it."""

    def __init__(self, stack: Stack) -> None:
        """Read nothing yet."""
        self._stack = stack
        self._lock = threading.Lock()
        self._items: dict[str, Item] | None = None
        self.read_at = 0.0

    def items(self) -> dict[str, Item]:
        """Return every entry by its key."""
        with self._lock:
            if self._items is None:
                self._items = {item["address"]: item for item in DirectoryTable(self._stack).scan()}
                self.read_at = time.time()
            return self._items

    def forget(self) -> None:
        """Read it again the next time."""
        with self._lock:
            self._items = None


@dataclass(slots=True)
class Context:
    """One console. ``embedded`` is the embedded AWS, when that is what it looks at."""

    stack: Stack
    embedded: "Settings | None" = None
    read_only: bool = False
    show_mail: bool = False
    #: Whether the console ends, so that nothing goes on.
    ending: Callable[[], bool] = lambda: False
    jobs: Jobs = field(default_factory=Jobs)
    directory: KeptDirectory = field(init=False)
    mail: KeptMail = field(init=False)
    _machine: Machine | None = None
    _ready: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Make what needs the stack."""
        self.directory = KeptDirectory(self.stack)
        self.mail = KeptMail(self.stack)

    def machine(self) -> Machine:
        """Return the workflow as it is deployed; asked for once."""
        if self._machine is None:
            stack = self.stack
            answer = stack.stepfunctions.describe_state_machine(stateMachineArn=stack.output("DeliverMailArn"))
            self._machine = read_machine(json.loads(answer["definition"]))
        return self._machine

    @property
    def mail_is_shown(self) -> bool:
        """Whether pages show the content of mail."""
        return self.show_mail or self.embedded is not None

    def prepare(self) -> None:
        """Make the clients: a session makes them one at a time, and pages are answered in threads."""
        with self._ready:
            stack = self.stack
            _ = stack.outputs, stack.dynamodb, stack.s3, stack.sqs, stack.pipes, stack.cloudwatch
            _ = stack.stepfunctions, stack.logs
