"""TLS in front of a server that speaks none: carries bytes between an encrypted port and a Unix socket.

In a thread and a loop of its own. A client that is slow, silent or stuck in its handshake costs memory, no thread.
"""

import asyncio
import contextlib
import ssl
import tempfile
import threading
from pathlib import Path

HANDSHAKE_SECONDS = 10
READ_SIZE = 64 * 1024


class Front:
    """One encrypted port; the server behind listens on the Unix socket `behind`, in a folder nobody else may enter."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._folder = tempfile.TemporaryDirectory(prefix="renteseg-tls-")
        self.behind = Path(self._folder.name) / "http"

    def listen(self, host: str, port: int) -> None:
        """Take the port and serve from a thread; raises OSError when the port is taken."""
        taken: list[OSError | None] = []
        ready = threading.Event()

        def run() -> None:
            asyncio.run(self._serve(host, port, taken, ready))

        threading.Thread(target=run, name="tls", daemon=True).start()
        ready.wait()
        if taken[0]:
            raise taken[0]

    async def _serve(self, host: str, port: int, taken: list[OSError | None], ready: threading.Event) -> None:
        try:
            server = await asyncio.start_server(
                self._carry, host, port, ssl=self._context, ssl_handshake_timeout=HANDSHAKE_SECONDS
            )
        except OSError as error:
            taken.append(error)
            return
        else:
            taken.append(None)
        finally:
            ready.set()
        await server.serve_forever()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Both ways until either side is done."""
        with contextlib.suppress(OSError):
            behind_reader, behind_writer = await asyncio.open_unix_connection(self.behind)
            ways = (_copy(reader, behind_writer), _copy(behind_reader, writer))
            tasks = [asyncio.ensure_future(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            behind_writer.close()
        with contextlib.suppress(OSError):
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(READ_SIZE):
            writer.write(data)
            await writer.drain()
