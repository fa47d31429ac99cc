"""The ICMP probe: loopback answers where the kernel lets us ask."""

import socket

import pytest

from exporters.availability.probes import icmp
from exporters.availability.probes.result import Phase, ProbeFailed, Reason
from tests.exporters.availability.components import made
from tests.exporters.availability.looking import look


def test_a_host_that_is_there_answers_or_the_kernel_forbids_asking() -> None:
    result = look(made("icmp", address="127.0.0.1"))

    assert result.reason in (None, Reason.CONFIGURATION)
    if result.success:
        assert list(result.phases) == [Phase.RESOLVE, Phase.CONNECT, Phase.RESPONSE]


def test_a_kernel_that_gives_no_socket_is_a_fault_of_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(*_: object) -> socket.socket:
        raise PermissionError

    monkeypatch.setattr(icmp.socket, "socket", forbid)

    with pytest.raises(ProbeFailed, match="ping_group_range") as raised:
        icmp._opened(socket.AF_INET)

    assert raised.value.reason is Reason.CONFIGURATION


def test_the_checksum_of_a_request_with_its_checksum_is_zero() -> None:
    assert icmp._checksum(icmp._request(socket.AF_INET, 7, b"sixteen bytes ok")) == 0


@pytest.mark.parametrize("header", [b"", b"\x45" + b"\0" * 19, b"\x46" + b"\0" * 23])
def test_a_reply_is_known_by_its_mark_behind_an_ip_header_or_without_one(header: bytes) -> None:
    class Fake:
        family = socket.AF_INET
        type = socket.SOCK_RAW if header else socket.SOCK_DGRAM

    reply = header + bytes([0, 0, 1, 2, 3, 4, 5, 6]) + b"mark"
    assert icmp._is_reply(Fake(), reply, b"mark")  # type: ignore[arg-type]
    assert not icmp._is_reply(Fake(), reply, b"other")  # type: ignore[arg-type]
    assert not icmp._is_reply(Fake(), header + b"\x08" + reply[len(header) + 1 :], b"mark")  # type: ignore[arg-type]
