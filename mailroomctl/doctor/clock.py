"""Does this machine's clock agree with AWS's? Ages, and the signatures of all calls, go by it."""

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from mailroomctl.doctor.findings import Finding, failure, not_applicable, passed, warning
from mailroomctl.doctor.patient import Patient

#: Seconds. The header has whole seconds, and the answer takes its time.
NOTICEABLE = 5.0
#: Seconds; AWS refuses a signature that is five minutes off, in either direction, or fifteen with some services.
TOO_MUCH = 240.0


def skew(patient: Patient) -> Iterator[Finding]:
    """Compare the time of an answer with this machine's."""
    asked = time.time()
    answer = patient.ask("sts:GetCallerIdentity", patient.client("sts").get_caller_identity)
    middle = (asked + time.time()) / 2
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    if not date:
        yield not_applicable("the answer has no date")
        return
    # Half a second of what the header leaves out.
    ahead = middle - (parsedate_to_datetime(date).timestamp() + 0.5)
    seen = f"this machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} AWS's"
    mend = "timedatectl set-ntp true   # on the machine that runs mailroomctl"
    if abs(ahead) > TOO_MUCH:
        yield failure(seen, "AWS refuses calls that are more than five minutes off; ages shown here are wrong", mend)
    elif abs(ahead) > NOTICEABLE:
        yield warning(seen, "ages and times shown here are off by as much", mend)
    else:
        yield passed("within a few seconds of AWS's")
