"""How long after its deadline a probe returns, whatever the peer does: every kind against every hostile behaviour."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import uvloop

from bench.availability.running import served
from bench.figures import Figure, at_most
from exporters.availability.probes import table
from exporters.availability.targets import Targets
from exporters.availability.watched import Watched

TIMEOUT = 0.4
AT_ONCE = 4
"""Probes under way together: what is measured is the probe, not a queue for the processor."""


def measure(folder: Path) -> Iterator[Figure]:
    """The worst of all encounters."""
    folder.mkdir()
    (folder / "password").write_text("secret\n")
    with served("bench.availability.hostile") as ports:
        components = [
            _made(entry(f"127.0.0.1:{port}", folder / "password"), number)
            for number, (entry, port) in enumerate((entry, port) for entry in ENTRIES for port in ports.values())
        ]
        table.make_ready(components)
        spent = uvloop.run(_probed(components))
    late = max(took - TIMEOUT for took in spent)
    yield at_most(f"return after the deadline, worst of {len(spent)} hostile encounters", late * 1000, "ms", 50)


def _made(entry: dict[str, Any], number: int) -> Watched:
    common = {"name": f"c-{number}", "service": "s", "owner": "provider", "timeout": f"{int(TIMEOUT * 1000)}ms"}
    return Targets.model_validate({"components": [{**common, **entry}]}).components[0]


async def _probed(components: list[Watched]) -> list[float]:
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(component: Watched) -> float:
        async with turns:
            began = time.monotonic()
            await table.run(component)
            return time.monotonic() - began

    return await asyncio.gather(*map(one, components))


def _login(password: Path) -> dict[str, str]:
    return {"user": "u", "password_file": str(password)}


ENTRIES: tuple[Callable[[str, Path], dict[str, Any]], ...] = (
    lambda at, _: {"kind": "http", "url": f"http://{at}/", "redirects": 20, "expect": {"body_regex": "SIGRENTE$"}},
    lambda at, _: {"kind": "http", "url": f"https://{at}/"},
    lambda at, _: {"kind": "http", "url": "http://renteseg.invalid/", "proxy": f"http://{at}"},
    lambda at, _: {"kind": "http", "url": "https://renteseg.invalid/", "proxy": f"http://{at}"},
    lambda at, _: {"kind": "api", "steps": [{"url": f"http://{at}/", "save": {"a": {"json": "a"}}}]},
    lambda at, _: {"kind": "tcp", "address": at, "talk": [{"send": "hello\r\n"}, {"expect": "^welcome"}]},
    lambda at, _: {"kind": "tcp", "address": at, "tls": True},
    lambda at, _: {"kind": "tcp", "address": at, "talk": [{"expect": "^220"}, {"starttls": True}]},
    lambda at, _: {"kind": "tls", "address": at},
    lambda at, _: {"kind": "dns", "server": at, "query": "renteseg.example", "transport": "tcp"},
    lambda at, _: {"kind": "dns", "server": at, "query": "renteseg.example"},
    lambda at, password: {"kind": "smtp", "address": at, "login": _login(password)},
    lambda at, _: {"kind": "smtp", "address": at, "tls": "starttls"},
    lambda at, _: {"kind": "smtp", "address": at, "tls": "direct"},
    lambda at, password: {"kind": "imap", "address": at, "login": _login(password)},
    lambda at, _: {"kind": "imap", "address": at, "tls": "starttls"},
    lambda at, _: {"kind": "imap", "address": at, "tls": "direct"},
    lambda at, password: {"kind": "sftp", "address": at, "write": True, **_login(password)},
    lambda at, _: {"kind": "sql", "url": f"postgresql://user@{at}/renteseg"},
)
