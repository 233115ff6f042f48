"""The one logger and the one set of metrics, set up the same way in every function.

Service name and level come from Powertools' own variables (``POWERTOOLS_SERVICE_NAME``, ``POWERTOOLS_LOG_LEVEL``). The
correlation id of every line is the SES message id: one search in the logs shows a message's whole way.
"""

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

__all__ = ["MetricUnit", "logger", "metrics"]

logger = Logger(utc=True)
metrics = Metrics(namespace="Mailroom")
