"""DNS: a server answers a question about a name, with the response code and the records that are expected."""

import socket
import struct
from typing import Annotated, Literal, Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
from pydantic import AfterValidator, model_validator

from exporters.availability.probes.connection import connected
from exporters.availability.probes.datagrams import aimed, exchanged
from exporters.availability.probes.http_expectations import Pattern, found
from exporters.availability.probes.lines import conversation, send
from exporters.availability.probes.result import ANSWERING, REACHING, Attempt, Phase, ProbeFailed, Reason
from exporters.availability.watched import Watched, not_empty, split_address
from groundwork.configuration import Strict

FIRST_PHASE = Phase.RESOLVE
REASONS = REACHING | ANSWERING | {Reason.STATUS, Reason.VALUE}


def _domain(value: str) -> str:
    try:
        dns.name.from_text(value)
    except dns.exception.DNSException as error:
        raise ValueError(f"is not a name that DNS knows: {error}") from None
    return value


def _server(value: str) -> str:
    split_address(value if ":" in value else f"{value}:53")
    return value


RecordType = Literal["A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT", "CAA"]
ResponseCode = Literal["NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED"]


class DnsExpectation(Strict):
    """`records`: patterns, each of which must match one record of the answer, written as in a zone file."""

    rcode: Annotated[tuple[ResponseCode, ...], AfterValidator(not_empty)] = ("NOERROR",)
    records: tuple[Pattern, ...] = ()

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.records and "NOERROR" not in self.rcode:
            raise ValueError("expects records of an answer that is an error: expect NOERROR, or no records")
        return self


class DnsComponent(Watched):
    """A name server; `server` is `host` or `host:port`. `transport: udp` asks again over TCP when told to."""

    kind: Literal["dns"]
    server: Annotated[str, AfterValidator(_server)]
    query: Annotated[str, AfterValidator(_domain)]
    type: RecordType = "A"
    transport: Literal["udp", "tcp"] = "udp"
    recursion: bool = True
    expect: DnsExpectation = DnsExpectation()

    @property
    def endpoint(self) -> tuple[str, int]:
        """Host and port of the server."""
        return split_address(self.server if ":" in self.server else f"{self.server}:53")


async def probe(component: DnsComponent, attempt: Attempt) -> None:
    """Ask and compare; raises ProbeFailed."""
    question = dns.message.make_query(component.query, component.type)
    if not component.recursion:
        question.flags &= ~dns.flags.RD
    ask = _over_udp if component.transport == "udp" else _over_tcp
    answer = await ask(component, question, attempt)
    await _judge(component, answer, attempt)


async def _over_udp(component: DnsComponent, question: dns.message.Message, attempt: Attempt) -> dns.message.Message:
    wire = question.to_wire()
    async with aimed(*component.endpoint, lambda family: socket.socket(family, socket.SOCK_DGRAM), attempt) as server:
        attempt.enter(Phase.QUERY)
        received = await exchanged(server, wire, lambda data: data[:2] == wire[:2])
    answer = _read(received, question)
    if answer.flags & dns.flags.TC:
        attempt.tell("the answer is cut: asking again over TCP")
        return await _over_tcp(component, question, attempt)
    return answer


async def _over_tcp(component: DnsComponent, question: dns.message.Message, attempt: Attempt) -> dns.message.Message:
    wire = question.to_wire()
    async with connected(*component.endpoint, attempt) as streams:
        attempt.enter(Phase.QUERY)
        with conversation():
            await send(streams, struct.pack("!H", len(wire)) + wire)
            (length,) = struct.unpack("!H", await streams[0].readexactly(2))
            received = await streams[0].readexactly(length)
    return _read(received, question)


def _read(received: bytes, question: dns.message.Message) -> dns.message.Message:
    try:
        answer = dns.message.from_wire(received)
    except (dns.exception.DNSException, ValueError) as error:
        raise ProbeFailed(Reason.PROTOCOL, "the answer is not DNS") from error
    if not question.is_response(answer):
        raise ProbeFailed(Reason.PROTOCOL, "the answer is to another question")
    return answer


async def _judge(component: DnsComponent, answer: dns.message.Message, attempt: Attempt) -> None:
    code = dns.rcode.to_text(answer.rcode())
    kind = dns.rdatatype.from_text(component.type)
    records = [record.to_text() for rrset in answer.answer if rrset.rdtype == kind for record in rrset]
    attempt.tell("%s, %s records of type %s: %s", code, len(records), component.type, "; ".join(records[:20]))
    if code not in component.expect.rcode:
        raise ProbeFailed(Reason.STATUS, f"the server answered {code}, expected {', '.join(component.expect.rcode)}")
    if code == "NOERROR" and not records:
        raise ProbeFailed(Reason.VALUE, f"the answer has no {component.type} record")
    for pattern in component.expect.records:
        for record in records:
            if await found(pattern, record, attempt.remaining):
                break
        else:
            raise ProbeFailed(Reason.VALUE, f"no record matches {pattern!r}")
