"""What is probed: HTTP, HTTPS and TCP on every loopback address, and HTTP that hangs from a `POST` on.

Run as a process of its own; prints its four ports as JSON and serves until its stdin closes. `POST /down` and
`POST /up` on the HTTP port flip what it answers.
"""

import asyncio
import json
import ssl
import sys
from typing import Any

import uvloop

GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 8\r\nConnection: close\r\n\r\nRENTESEG"
BAD = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Web(asyncio.Protocol):
    """Answers the first data of a connection and hangs up."""

    answer = GOOD

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"POST"):
            Web.answer = BAD if b"/down" in data[:20] else GOOD
        self.transport.write(GOOD if data.startswith(b"POST") else Web.answer)
        self.transport.close()


class Turning(Web):
    """Answers until somebody posts, and never again from then on."""

    hangs = False

    def data_received(self, data: bytes) -> None:
        if not Turning.hangs:
            super().data_received(data)
        Turning.hangs = Turning.hangs or data.startswith(b"POST")


async def main(certificate: str) -> None:
    """Serve until stdin ends."""
    loop = asyncio.get_running_loop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    servers = [
        await loop.create_server(Web, "0.0.0.0", 0, backlog=4096),
        await loop.create_server(Web, "0.0.0.0", 0, ssl=context, backlog=4096),
        await loop.create_server(Turning, "0.0.0.0", 0, backlog=4096),
    ]
    http, https, turning = (server.sockets[0].getsockname()[1] for server in servers)
    print(json.dumps({"http": http, "https": https, "tcp": http, "turning": turning}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
