"""What ``directory check --fix`` writes: nothing that mail is delivered by changes, nothing is removed."""

from collections.abc import Iterable

from mailroomctl.directory.default_paths import by_old_rule
from mailroomctl.directory.domains import domains_without_entry
from mailroomctl.directory.import_plan import Plan
from mailroomctl.directory.models import DomainModel, domain_item
from mailroomctl.directory.table import Item


def plan_fixes(items: Iterable[Item], template: str) -> Plan:
    """Return what is to be written: entries of domains that lack one, and the paths that entries mean but do not say.

    The second time there is nothing to do. An entry that cannot be understood stays as it is.
    """
    plan = Plan(seen={item["address"]: item for item in items})
    plan.added = [domain_item(name, DomainModel()) for name in domains_without_entry(plan.seen.values())]
    for item in plan.seen.values():
        if path := by_old_rule(item, template):
            plan.changed.append({**item, "path": path})
    plan.changed.sort(key=lambda item: str(item["address"]))
    return plan
