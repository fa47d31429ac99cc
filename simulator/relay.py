"""The link: everything that comes from outside passes through here, until the link is cut."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from simulator.certificates import Certificates, Pair

log = structlog.get_logger()

BANNER = b"RENTESEG enlace proveedor listo\r\n"
PIECE = 65536
NO_SERVER_PATIENCE = 5

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Ports:
    """The public ports; 0 asks for a free one, which is kept once given."""

    plain: int
    tls: int
    link: int


class Relay:
    """Three listeners in front of the portal at `target_port`: plain, TLS, and the link with nothing but a banner."""

    def __init__(self, host: str, ports: Ports, target_port: int, certificates: Certificates) -> None:
        self.ports = ports
        self._host = host
        self._target_port = target_port
        self._certificates = certificates
        self._tls = server_context(certificates.good)
        self._expired = False
        self._servers: list[asyncio.Server] = []
        self._live: set[asyncio.StreamWriter] = set()

    async def follow(self, *, link_down: bool, expired: bool) -> None:
        """Open or cut the link, serve the one certificate or the other. Raises OSError when a port is taken."""
        if expired != self._expired:
            pair = self._certificates.expired if expired else self._certificates.good
            self._tls.load_cert_chain(pair.certificate, pair.key)
            self._expired = expired
        if link_down and self._servers:
            await self.close()
        elif not link_down and not self._servers:
            await self._open()

    async def close(self) -> None:
        """Stop listening and break the connections there are."""
        for server in self._servers:
            server.close()
        for writer in list(self._live):
            writer.transport.abort()
        self._servers = []

    async def _open(self) -> None:
        try:
            self.ports.plain = await self._listen(self.ports.plain, self._forward)
            self.ports.tls = await self._listen(self.ports.tls, self._forward, self._tls)
            self.ports.link = await self._listen(self.ports.link, self._greet)
        except OSError:
            await self.close()
            raise

    async def _listen(self, port: int, handle: Handler, context: ssl.SSLContext | None = None) -> int:
        server = await asyncio.start_server(self._tracked(handle), self._host, port, ssl=context)
        self._servers.append(server)
        bound: int = server.sockets[0].getsockname()[1]
        return bound

    def _tracked(self, handle: Handler) -> Handler:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._live.add(writer)
            try:
                await handle(reader, writer)
            except OSError:
                pass  # the visitor has gone, or the portal is stopping; nobody is left to be told
            finally:
                self._live.discard(writer)
                writer.close()

        return serve

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connecting = asyncio.open_connection("127.0.0.1", self._target_port)
        inner_reader, inner_writer = await asyncio.wait_for(connecting, NO_SERVER_PATIENCE)
        asking = asyncio.create_task(_pump(reader, inner_writer))
        answering = asyncio.create_task(_pump(inner_reader, writer))
        try:
            await asyncio.wait({asking, answering}, return_when=asyncio.FIRST_COMPLETED)
            if asking.done() and not asking.exception():
                await answering  # the visitor has asked everything and still listens
        finally:
            asking.cancel()
            answering.cancel()
            await asyncio.gather(asking, answering, return_exceptions=True)
            inner_writer.close()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(BANNER)
        await writer.drain()
        while await reader.read(PIECE):
            pass


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(PIECE):
        writer.write(piece)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


def server_context(pair: Pair) -> ssl.SSLContext:
    """TLS 1.2 or later, every connection with a full handshake, so that a change of certificate shows at once."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.load_cert_chain(pair.certificate, pair.key)
    return context
