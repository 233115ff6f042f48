"""What of a Dovecot configuration loses, hides or slows mail on this layout, with the line that mends it."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from mailroomctl.dovecot import mail_rules, people_rules
from mailroomctl.dovecot.doveconf import Doveconf, read_doveconf
from mailroomctl.dovecot.finding import Finding, Layout

_RULES: tuple[Callable[[Doveconf, Layout], Iterator[Finding]], ...] = (
    mail_rules.where_mail_is,
    mail_rules.parts_of_location,
    mail_rules.nfs,
    mail_rules.new_mail_shows,
    people_rules.names,
    people_rules.users,
    people_rules.folders,
    people_rules.quota,
    people_rules.secrets,
)


def check_doveconf(text: str, layout: Layout) -> list[Finding]:
    """Check the output of ``doveconf -n`` of Dovecot 2.3 or 2.4; the result is sorted, errors first.

    Raises ``CommandError`` when it is no such output. Knows what stands in it, not which files are there.
    """
    conf = read_doveconf(text)
    found = _findings(conf, layout)
    for section, inside in conf.for_some():
        more = _findings(inside, layout) - found
        found |= {replace(one, setting=f"{section}: {one.setting}") for one in more}
    return sorted(found)


def _findings(conf: Doveconf, layout: Layout) -> set[Finding]:
    return {finding for rule in _RULES for finding in rule(conf, layout)}
