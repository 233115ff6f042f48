"""MX records, from a DNS server on loopback."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from mailroomctl.doctor import mx_records

RECORDS = {"example.com.": ["20 Second.example.net.", "10 first.example.net."], "mailless.example.": []}


@contextmanager
def dns_server(*, silent: bool = False) -> Iterator[int]:
    """A server of these records on a UDP port; one that is silent refuses to say."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            content, sender = server.recvfrom(4096)
            if not content:
                return
            query = dns.message.from_wire(content)
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.RA
            name = query.question[0].name.to_text()
            if silent:
                answer.set_rcode(dns.rcode.SERVFAIL)
            elif name not in RECORDS:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            elif RECORDS[name]:
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", "MX", *RECORDS[name]))
            server.sendto(answer.to_wire(), sender)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", server.getsockname())
        thread.join()
        server.close()


def asking(port: int) -> dns.resolver.Resolver:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], port
    return resolver


def test_the_records_of_a_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    with dns_server() as port:
        monkeypatch.setattr(mx_records, "resolver", lambda: asking(port))
        assert mx_records.look_up("example.com") == [(10, "first.example.net"), (20, "second.example.net")]
        assert mx_records.look_up("mailless.example") == []
        assert mx_records.look_up("nowhere.example") == []


def test_a_server_that_refuses_is_no_domain_without_records(monkeypatch: pytest.MonkeyPatch) -> None:
    with dns_server(silent=True) as port:
        monkeypatch.setattr(mx_records, "resolver", lambda: asking(port))
        with pytest.raises(mx_records.LookUpError, match="SERVFAIL"):
            mx_records.look_up("example.com")


def test_the_machine_s_own_resolver_is_asked() -> None:
    assert isinstance(mx_records.resolver(), dns.resolver.Resolver)
