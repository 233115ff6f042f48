"""The DNS records of a domain whose mail SES receives."""

from collections.abc import Iterator
from dataclasses import dataclass

from mailroomctl.setup.receiving import Identity


@dataclass(frozen=True)
class Record:
    """One record; ``when`` says at which time, and whether it is needed."""

    name: str
    type: str
    value: str
    when: str


def records(domain: str, region: str, identity: Identity | None) -> list[Record]:
    """List the records of ``domain``: those for SES, and advice for a domain that also sends."""
    return [
        *(_dkim(domain, identity) if identity else ()),
        Record(domain, "MX", f"10 inbound-smtp.{region}.amazonaws.com", "last, when the receipt rule is active"),
        Record(
            domain,
            "TXT",
            "v=spf1 include:amazonses.com ~all",
            "if the domain sends through SES; there is one SPF record, so add the include to yours",
        ),
        Record(
            f"_dmarc.{domain}",
            "TXT",
            f"v=DMARC1; p=none; rua=mailto:postmaster@{domain}",
            "advice, if there is none; later p=quarantine or p=reject",
        ),
    ]


def _dkim(domain: str, identity: Identity) -> Iterator[Record]:
    when = "is there: SES has seen it" if identity.dkim == "SUCCESS" else "now: it verifies the domain"
    for token in identity.tokens:
        yield Record(f"{token}._domainkey.{domain}", "CNAME", f"{token}.{identity.zone}", when)
