"""The one logger and the one set of metrics, set up the same way in every function.

Service name and level come from Powertools' own variables (``POWERTOOLS_SERVICE_NAME``, ``POWERTOOLS_LOG_LEVEL``). The
correlation id of every line is the SES message id: one search in the logs shows a message's whole way.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from mailroom.errors import MailroomError

__all__ = ["MetricUnit", "count_errors", "logger", "metrics"]

logger = Logger(utc=True)
metrics = Metrics(namespace="Mailroom")

type Handler = Callable[[Any, Any], Mapping[str, Any]]


def count_errors(handler: Handler) -> Handler:
    """Count every error of a handler in a metric that is named like it, and log why; the error goes on to Lambda.

    What is not one of our own errors is counted as ``UnknownError``, and its text stays out of the log line.
    """

    @wraps(handler)
    def counting(event: Any, context: Any) -> Mapping[str, Any]:
        try:
            return handler(event, context)
        except MailroomError as error:
            metrics.add_metric(type(error).__name__, MetricUnit.Count, 1)
            logger.warning("Failed", extra={"error": type(error).__name__, "reason": str(error)})
            raise
        except Exception as error:
            metrics.add_metric("UnknownError", MetricUnit.Count, 1)
            logger.error("Failed", extra={"error": type(error).__name__})
            raise

    return counting
