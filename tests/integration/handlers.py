"""The functions' handlers, loaded as a fresh Lambda worker loads them."""

import importlib.util
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from mailroom.observability import logger

FUNCTIONS = Path(__file__).parents[2] / "functions"


def fresh_worker(monkeypatch: pytest.MonkeyPatch, function: str, environment: Mapping[str, str]) -> ModuleType:
    """Import ``functions/<function>/app.py`` anew under an environment."""
    for name, value in {"POWERTOOLS_SERVICE_NAME": function, **environment}.items():
        monkeypatch.setenv(name, value)
    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(_Stdout())
    spec = importlib.util.spec_from_file_location(f"{function}_app", FUNCTIONS / function / "app.py")
    assert spec
    assert spec.loader
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    return app


def lambda_context(request_id: str = "request-1") -> SimpleNamespace:
    """What Lambda gives a handler beside the event."""
    return SimpleNamespace(
        function_name="function", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id=request_id
    )


class _Stdout:
    """Whatever stdout is when a line is written: the logger outlives the capture of one test."""

    def write(self, text: str) -> None:
        sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()
