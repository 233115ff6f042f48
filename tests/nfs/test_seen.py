"""A message that is delivered through the first mount is seen by Dovecot through the second."""

import statistics

import pytest

from tests.e2e.dovecot import Dovecot
from tests.nfs.sightings import MESSAGES, Sightings

# Linux asks the server again for what it knows of a directory after 30 to 60 s, and IDLE looks every 30 s; the
# machine is slow, and may be busy.
LONGEST = {"NOOP": 75, "IDLE": 105}


def test_dovecot_sees_every_message_in_open_sessions(
    dovecot: Dovecot, sightings: Sightings, pytestconfig: pytest.Config
) -> None:
    seconds = sightings.seconds()
    pytestconfig.stash[Sightings.LINES] = [
        f"seen by Dovecot through another mount with {way}: p50 {statistics.median(some):.0f} s, max {max(some):.0f} s"
        for way, some in seconds.items()
        if some
    ]
    assert {way: len(some) for way, some in seconds.items()} == {"IDLE": MESSAGES, "NOOP": MESSAGES}
    assert all(max(some) <= LONGEST[way] for way, some in seconds.items()), seconds
    assert "Error" not in dovecot.errors()
