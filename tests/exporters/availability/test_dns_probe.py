"""The DNS probe against a server that answers what a test tells it."""

import asyncio
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
import uvloop

from exporters.availability.probes.result import Phase, ProbeResult, Reason
from tests.exporters.availability.components import made
from tests.exporters.availability.looking import looked_at
from tests.exporters.peers import peer

NAME = "portal.renteseg.example"
RECORDS = {"A": ["192.0.2.10", "192.0.2.11"], "MX": ["10 mail.renteseg.example."], "TXT": ['"v=spf1 -all"']}


def answer_to(wire: bytes, *, cut: bool = False) -> bytes:
    """The records of the name; NXDOMAIN for any other; a cut answer says to ask again over TCP."""
    question = dns.message.from_wire(wire)
    answer = dns.message.make_response(question)
    asked = question.question[0]
    kind = asked.to_text().split()[-1]
    if asked.name.to_text(omit_final_dot=True) != NAME:
        answer.set_rcode(dns.rcode.NXDOMAIN)
    elif cut:
        answer.flags |= dns.flags.TC
    elif kind in RECORDS:
        answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", kind, *RECORDS[kind]))
    return answer.to_wire()


class Server(asyncio.DatagramProtocol):
    def __init__(self, cut: bool) -> None:
        self.cut = cut

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.transport.sendto(answer_to(data, cut=self.cut), addr)


async def over_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    wire = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
    answer = answer_to(wire)
    writer.write(len(answer).to_bytes(2) + answer)
    await writer.drain()


def asked(*, cut: bool = False, **more: Any) -> ProbeResult:
    """One look at a server that listens on the same port over UDP and TCP."""

    async def main() -> ProbeResult:
        loop = asyncio.get_running_loop()
        async with peer(over_tcp) as port:
            transport, _ = await loop.create_datagram_endpoint(lambda: Server(cut), ("127.0.0.1", port))
            try:
                return await looked_at(made("dns", "2s", server=f"127.0.0.1:{port}", **{"query": NAME, **more}))
            finally:
                transport.close()

    return uvloop.run(main())


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_server_that_knows_the_name_succeeds(transport: str) -> None:
    result = asked(transport=transport, expect={"records": [r"^192\.0\.2\.10$"]})

    assert result.success, result.detail
    assert list(result.phases) == [Phase.RESOLVE, Phase.CONNECT, Phase.QUERY]


@pytest.mark.parametrize("kind", ["MX", "TXT"])
def test_other_records_are_compared_as_a_zone_file_writes_them(kind: str) -> None:
    assert asked(type=kind, expect={"records": ["mail.renteseg.example|spf1"]}).success


def test_a_cut_answer_is_asked_for_again_over_tcp() -> None:
    assert asked(cut=True, expect={"records": [r"^192\.0\.2\.11$"]}).success


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"query": "absent.example"}, Reason.STATUS),
        ({"expect": {"rcode": ["NXDOMAIN"]}}, Reason.STATUS),
        ({"type": "AAAA"}, Reason.VALUE),
        ({"expect": {"records": ["^198"]}}, Reason.VALUE),
    ],
)
def test_a_failure_has_the_one_reason_that_fits(more: dict[str, Any], reason: Reason) -> None:
    assert asked(**more).reason is reason


def test_an_absent_name_may_be_what_is_expected() -> None:
    assert asked(query="absent.example", expect={"rcode": ["NXDOMAIN"]}).success
