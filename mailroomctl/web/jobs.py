"""What takes longer than a page should: done in a thread, and looked at until it has ended."""

import secrets
import threading
import traceback
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mailroomctl.console import Progress

_KEPT = 50


@dataclass(slots=True)
class Job(Progress):
    """One task. ``result`` is there when it has ``ended``."""

    what: str
    back: str
    id: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    doing: str = ""
    done: int = 0
    total: int | None = None
    ended: bool = False
    result: Any = None

    def advance(self, steps: int = 1) -> None:
        """Count ``steps`` more."""
        self.done += steps

    def begin(self, doing: str, total: int | None) -> None:
        """Begin a part of the task."""
        self.doing, self.total, self.done = doing, total, 0


class Jobs:
    """The last tasks of a console."""

    def __init__(self) -> None:
        """Begin with none."""
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()

    def start(self, what: str, back: str, work: Callable[[Job], Any]) -> Job:
        """Do ``work`` in the background; ``back`` is the page to go on with."""
        job = Job(what, back)
        with self._lock:
            self._jobs[job.id] = job
            while len(self._jobs) > _KEPT:
                self._jobs.popitem(last=False)
        threading.Thread(target=self._run, args=(job, work), daemon=True).start()
        return job

    def get(self, job_id: str) -> Job | None:
        """Return a task, unless it was long ago."""
        with self._lock:
            return self._jobs.get(job_id)

    @staticmethod
    def _run(job: Job, work: Callable[[Job], Any]) -> None:
        try:
            job.result = work(job)
        except BaseException as error:
            traceback.print_exc()
            job.result = error
        finally:
            job.ended = True
