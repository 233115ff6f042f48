"""The one logger and the one set of metrics, set up the same way in every function.

Service name and level come from Powertools' own variables (``POWERTOOLS_SERVICE_NAME``, ``POWERTOOLS_LOG_LEVEL``). The
correlation id of every line is the SES message id: one search in the logs shows a message's whole way.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from pathlib import PurePath
from traceback import extract_tb
from typing import Any

from aws_lambda_powertools.logging import Logger

from mailroom.errors import MailroomError, Unforeseen
from mailroom.metrics import Metrics

__all__ = ["logger", "metrics", "observed"]

logger = Logger(utc=True)
metrics = Metrics()

#: How much of an unforeseen error is told: so many of its causes, so many of the innermost calls of each.
MAX_CAUSES = 4
MAX_CALLS = 20

type Handler = Callable[[Any, Any], Mapping[str, Any]]


def observed(handler: Handler) -> Handler:
    """Write the metrics of a handler, count its errors by function and kind, and log why; the error goes on to Lambda.

    What is not one of our own errors is logged with the places in the code that it came through and without its text,
    which may hold anything. It goes on as ``Unforeseen``, because Lambda logs the text of what it is given.
    """

    @wraps(handler)
    def observing(event: Any, context: Any) -> Mapping[str, Any]:
        try:
            return handler(event, context)
        except MailroomError as error:
            _count(error)
            logger.warning("Failed", extra={"error": type(error).__name__, "reason": str(error)})
            raise
        except Exception as error:
            name, places = type(error).__name__, list(stack(error))
            unforeseen = Unforeseen(f"{name}; the function's log says where")
            _count(unforeseen)
            logger.error("Failed", extra={"error": name, "stack": places})
            raise unforeseen from None
        finally:
            metrics.flush(correlation_id=logger.get_correlation_id())

    return observing


def _count(error: MailroomError) -> None:
    metrics.add("Failures", 1, Function=os.environ.get("POWERTOOLS_SERVICE_NAME") or "none", Error=error.kind)


def stack(error: BaseException) -> Iterator[str]:
    """Where an error came through: its class and the calls that led to it, innermost last, then the same of its causes.

    File, line and function only. No text of an error, no value and no line of code: any of them could quote a mail.
    """
    one: BaseException | None = error
    for _ in range(MAX_CAUSES):
        if one is None:
            return
        yield type(one).__name__
        for call in extract_tb(one.__traceback__, limit=-MAX_CALLS):
            yield f"{'/'.join(PurePath(call.filename).parts[-2:])}:{call.lineno} {call.name}"
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
