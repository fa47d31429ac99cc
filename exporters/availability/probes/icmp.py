"""ICMP: the host answers an echo request (RFC 792, 4443). Unprivileged where the kernel allows it."""

import itertools
import os
import secrets
import socket
import struct
from typing import Annotated, Literal

from pydantic import AfterValidator

from exporters.availability.probes.connection import literal
from exporters.availability.probes.datagrams import aimed, exchanged
from exporters.availability.probes.result import REACHING, Attempt, Phase, ProbeFailed, Reason
from exporters.availability.watched import HOST, Watched

FIRST_PHASE = Phase.RESOLVE
REASONS = REACHING | {Reason.TIMEOUT_RESPONSE}
PROTOCOLS = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
REQUEST, REPLY = {socket.AF_INET: 8, socket.AF_INET6: 128}, {socket.AF_INET: 0, socket.AF_INET6: 129}
IP_HEADER_WORDS = 0x0F

_numbers = itertools.count(1)


def _host_or_address(value: str) -> str:
    if not HOST.fullmatch(value) and not literal(value):
        raise ValueError("is not a host name or an IP address")
    return value


class IcmpComponent(Watched):
    """A host that must answer a ping."""

    kind: Literal["icmp"]
    address: Annotated[str, AfterValidator(_host_or_address)]

    @property
    def endpoint(self) -> tuple[str, int]:
        """The host; ICMP has no ports."""
        return self.address, 0


async def probe(component: IcmpComponent, attempt: Attempt) -> None:
    """Send one echo request and wait for its reply; raises ProbeFailed."""
    async with aimed(component.address, 0, _opened, attempt) as socket_:
        attempt.enter(Phase.RESPONSE)
        mark, number = secrets.token_bytes(16), next(_numbers) & 0xFFFF
        await exchanged(socket_, _request(socket_.family, number, mark), lambda data: _is_reply(socket_, data, mark))


def _opened(family: int) -> socket.socket:
    """An unprivileged ping socket, or a raw one; raises ProbeFailed when the kernel gives neither."""
    protocol = PROTOCOLS[socket.AddressFamily(family)]
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            return socket.socket(family, kind, protocol)
        except PermissionError:
            continue
        except OSError as error:
            raise ProbeFailed(Reason.UNREACHABLE, f"no ICMP here: {error.strerror}") from error
    hint = "set the sysctl net.ipv4.ping_group_range to this process's group, or give it CAP_NET_RAW"
    raise ProbeFailed(Reason.CONFIGURATION, f"the kernel allows this process no ICMP: {hint}")


def _request(family: int, number: int, mark: bytes) -> bytes:
    kind, identity = REQUEST[socket.AddressFamily(family)], os.getpid() & 0xFFFF
    head = struct.pack("!BBHHH", kind, 0, 0, identity, number)
    checksum = 0 if family == socket.AF_INET6 else _checksum(head + mark)  # the kernel fills in ICMPv6's
    return struct.pack("!BBHHH", kind, 0, checksum, identity, number) + mark


def _is_reply(socket_: socket.socket, received: bytes, mark: bytes) -> bool:
    """Whether this is the reply to ours; a raw IPv4 socket shows the IP header too, and everybody's packets."""
    if socket_.type & socket.SOCK_RAW == socket.SOCK_RAW and socket_.family == socket.AF_INET and received:
        received = received[(received[0] & IP_HEADER_WORDS) * 4 :]
    return received[:1] == bytes([REPLY[socket.AddressFamily(socket_.family)]]) and received[8:] == mark


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF
