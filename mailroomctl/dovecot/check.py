"""What of a Dovecot configuration loses, hides or slows mail on this layout, with the line that mends it."""

from collections.abc import Callable, Iterator

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
    return sorted({finding for rule in _RULES for finding in rule(conf, layout)})
