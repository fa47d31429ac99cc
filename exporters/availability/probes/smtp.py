"""SMTP: the greeting, the welcome, TLS and a login if asked; no mail is sent (RFC 5321, 3207, 4954)."""

import asyncio
import base64
from typing import Literal

from exporters.availability.probes.connection import Streams, connected, secret
from exporters.availability.probes.lines import LINES_LIMIT, conversation, line, say
from exporters.availability.probes.result import ANSWERING, REACHING, TLS_REASONS, Attempt, Phase, ProbeFailed, Reason
from exporters.availability.probes.securing import context_of, secured
from exporters.availability.watched import Addressed, HostName, Login

FIRST_PHASE = Phase.RESOLVE
REASONS = REACHING | TLS_REASONS | ANSWERING | {Reason.STATUS}


class SmtpComponent(Addressed):
    """A mail server; `hello` is the name we give ourselves."""

    kind: Literal["smtp"]
    tls: Literal["none", "starttls", "direct"] = "none"
    hello: HostName = "renteseg-monitor.invalid"
    login: Login | None = None


async def probe(component: SmtpComponent, attempt: Attempt) -> None:
    """Greet, secure, log in, quit; raises ProbeFailed."""
    password = secret(component.login.password_file) if component.login else ""
    async with connected(*component.endpoint, attempt) as streams:
        if component.tls == "direct":
            await _secure(component, streams, attempt)
        with conversation():
            await _greeted(component, streams, attempt)
        if component.tls == "starttls":
            with conversation():
                await _starttls(streams, attempt)
            await _secure(component, streams, attempt)
            with conversation():
                attempt.enter(Phase.REQUEST)
                await _answered(streams, f"EHLO {component.hello}", 250, attempt)
        with conversation():
            if component.login:
                await _log_in(component.login.user, password, streams, attempt)
            await say(streams, "QUIT")


async def _greeted(component: SmtpComponent, streams: Streams, attempt: Attempt) -> None:
    attempt.enter(Phase.BANNER)
    await _reply(streams, 220, attempt)
    attempt.enter(Phase.REQUEST)
    await _answered(streams, f"EHLO {component.hello}", 250, attempt)


async def _starttls(streams: Streams, attempt: Attempt) -> None:
    await _answered(streams, "STARTTLS", 220, attempt)


async def _secure(component: SmtpComponent, streams: Streams, attempt: Attempt) -> None:
    host, port = streams[1].get_extra_info("peername")[:2]

    async def reopened() -> Streams:
        again = await asyncio.open_connection(host, port)
        if component.tls == "starttls":
            await _reply(again, 220, attempt)
            await _answered(again, f"EHLO {component.hello}", 250, attempt)
            await _starttls(again, attempt)
        return again

    name = component.server_name or component.endpoint[0]
    await secured(streams, context_of(component), name, attempt, reopened)


async def _log_in(user: str, password: str, streams: Streams, attempt: Attempt) -> None:
    attempt.enter(Phase.LOGIN)
    credentials = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    await say(streams, f"AUTH PLAIN {credentials}")
    code = await _code(streams, attempt)
    if code != 235:
        raise ProbeFailed(Reason.LOGIN, f"the login was answered {code}")


async def _answered(streams: Streams, command: str, expected: int, attempt: Attempt) -> None:
    await say(streams, command)
    await _reply(streams, expected, attempt, command.split(maxsplit=1)[0])


async def _reply(streams: Streams, expected: int, attempt: Attempt, to: str = "the connection") -> None:
    code = await _code(streams, attempt)
    if code != expected:
        raise ProbeFailed(Reason.STATUS, f"{to} was answered {code}, expected {expected}")


async def _code(streams: Streams, attempt: Attempt) -> int:
    """The code of a reply, which may have several lines; raises ProbeFailed when it is none."""
    for _ in range(LINES_LIMIT):
        said = await line(streams)
        if not (said[:3].isdecimal() and said[:3].isascii() and said[3:4] in ("", " ", "-")):
            raise ProbeFailed(Reason.PROTOCOL, "the answer is not SMTP")
        if said[3:4] != "-":
            attempt.tell("answered %s", said[:3])
            return int(said[:3])
    raise ProbeFailed(Reason.PROTOCOL, "the answer has too many lines")
