"""The checks, in the order of a message's way."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mailroomctl.doctor import (
    alarms,
    clock,
    functions,
    network,
    path,
    policies,
    receiving,
    storage,
    tables,
    versions,
)
from mailroomctl.doctor.findings import Finding
from mailroomctl.doctor.patient import Patient


@dataclass(frozen=True)
class Check:
    """One check; ``look`` gives at least one finding."""

    number: int
    name: str
    look: Callable[[Patient], Iterator[Finding]]


CHECKS = tuple(
    Check(number, name, look)
    for number, (name, look) in enumerate(
        [
            ("MX records", receiving.mx),
            ("region", receiving.region),
            ("active rule set", receiving.rule_set),
            ("order of rules", receiving.order),
            ("domains", receiving.domains),
            ("client-side encryption", receiving.encryption),
            ("bucket policy", policies.bucket),
            ("topic policy", policies.topic),
            ("queue policy", policies.queues),
            ("subscription", path.subscription),
            ("raw delivery", path.raw_delivery),
            ("pipe", path.pipe_state),
            ("pipe's target", path.pipe_target),
            ("queues", path.queues),
            ("alarms", alarms.alarms),
            ("alarms' readers", alarms.subscribers),
            ("tables", tables.tables),
            ("directory", tables.directory),
            ("functions' errors", functions.last_errors),
            ("concurrency", functions.concurrency),
            ("mount targets", network.mount_targets),
            ("security groups", network.security_groups),
            ("storage", storage.probe),
            ("clock", clock.skew),
            ("key policy", policies.key),
            ("versions", versions.versions),
        ],
        start=1,
    )
)

#: The numbers of what is looked at when it is asked for.
DOVECOT, TEST_MESSAGE = len(CHECKS) + 1, len(CHECKS) + 2
