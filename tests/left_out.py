"""What a machine may forbid is left out there, and nowhere else."""

import os
from typing import NoReturn

import pytest


def left_out(reason: str) -> NoReturn:
    """Skip the test and say why; where CI runs, that is a failure, because nobody reads there what was skipped."""
    assert not os.environ.get("CI"), f"CI has to run this: {reason}"
    pytest.skip(reason)
