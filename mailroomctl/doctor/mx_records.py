"""A domain's MX records."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dns.resolver import Resolver

_SECONDS = 5


class LookUpError(Exception):
    """The DNS gave no answer; the text says why."""


def resolver() -> "Resolver":
    """The resolver of this machine."""
    from dns.resolver import Resolver

    return Resolver()


def look_up(domain: str) -> list[tuple[int, str]]:
    """Return preferences and hosts, the preferred first; none where the domain has none or is not there.

    Raises ``LookUpError`` when the DNS does not answer.
    """
    from dns.exception import DNSException
    from dns.resolver import NXDOMAIN, NoAnswer

    try:
        answer = resolver().resolve(domain, "MX", lifetime=_SECONDS)
    except (NXDOMAIN, NoAnswer):
        return []
    except DNSException as error:
        raise LookUpError(str(error)) from None
    return sorted((one.preference, one.exchange.to_text(omit_final_dot=True).lower()) for one in answer)
