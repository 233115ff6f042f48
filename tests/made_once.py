"""What libraries make anew each time, though it is always the same, made once: it takes most of a test's time."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import botocore.session
import typer.main


@contextmanager
def made_once() -> Iterator[None]:
    """Share botocore's models of the services between sessions, and typer's tree of the commands between runs."""
    with (
        mock.patch("botocore.session.create_loader", functools.cache(botocore.session.create_loader)),
        mock.patch("typer.testing._get_command", functools.cache(typer.main.get_command)),
    ):
        yield
