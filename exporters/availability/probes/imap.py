"""IMAP: the greeting, TLS, a login and a folder if asked; nothing is changed (RFC 9051)."""

import asyncio
import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from exporters.availability.probes.connection import Streams, connected, secret
from exporters.availability.probes.lines import LINES_LIMIT, conversation, line, say
from exporters.availability.probes.result import ANSWERING, REACHING, TLS_REASONS, Attempt, Phase, ProbeFailed, Reason
from exporters.availability.probes.securing import context_of, secured
from exporters.availability.watched import Addressed, Login

FIRST_PHASE = Phase.RESOLVE
REASONS = REACHING | TLS_REASONS | ANSWERING | {Reason.STATUS, Reason.QUERY}
GREETING = re.compile(r"\* (OK|PREAUTH|BYE)\b", re.IGNORECASE)
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")


class ImapComponent(Addressed):
    """A mailbox server; `folder` is opened for reading only, and needs a login."""

    kind: Literal["imap"]
    tls: Literal["none", "starttls", "direct"] = "none"
    login: Login | None = None
    folder: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _may_look_into_its_folder(self) -> Self:
        if self.folder and not self.login:
            raise ValueError("names a folder without a login: add one")
        return self


async def probe(component: ImapComponent, attempt: Attempt) -> None:
    """Be greeted, secure, log in, look into the folder, log out; raises ProbeFailed."""
    password = secret(component.login.password_file) if component.login else ""
    async with connected(*component.endpoint, attempt) as streams:
        if component.tls == "direct":
            await _secure(component, streams, attempt)
        attempt.enter(Phase.BANNER)
        with conversation():
            await _greeting(streams, attempt)
        if component.tls == "starttls":
            with conversation():
                await _asked(streams, "a0", "STARTTLS", Reason.STATUS, attempt)
            await _secure(component, streams, attempt)
        with conversation():
            await _use(component, password, streams, attempt)


async def _use(component: ImapComponent, password: str, streams: Streams, attempt: Attempt) -> None:
    attempt.enter(Phase.REQUEST)
    await _asked(streams, "a1", "NOOP", Reason.STATUS, attempt)
    if component.login:
        attempt.enter(Phase.LOGIN)
        command = f"LOGIN {_quoted(component.login.user)} {_quoted(password)}"
        await _asked(streams, "a2", command, Reason.LOGIN, attempt)
    if component.folder:
        attempt.enter(Phase.LIST)
        await _asked(streams, "a3", f"EXAMINE {_quoted(component.folder)}", Reason.QUERY, attempt)
    await say(streams, "a4 LOGOUT")


async def _secure(component: ImapComponent, streams: Streams, attempt: Attempt) -> None:
    host, port = streams[1].get_extra_info("peername")[:2]

    async def reopened() -> Streams:
        again = await asyncio.open_connection(host, port)
        if component.tls == "starttls":
            await _greeting(again, attempt)
            await _asked(again, "a0", "STARTTLS", Reason.STATUS, attempt)
        return again

    name = component.server_name or component.endpoint[0]
    await secured(streams, context_of(component), name, attempt, reopened)


async def _greeting(streams: Streams, attempt: Attempt) -> None:
    greeting = GREETING.match(await line(streams))
    if not greeting:
        raise ProbeFailed(Reason.PROTOCOL, "the greeting is not IMAP")
    attempt.tell("greeted with %s", greeting[1].upper())
    if greeting[1].upper() == "BYE":
        raise ProbeFailed(Reason.STATUS, "the server says goodbye at once")


async def _asked(streams: Streams, tag: str, command: str, refused: Reason, attempt: Attempt) -> None:
    """Send a command and read up to its own answer; raises ProbeFailed with `refused` when that is not OK."""
    await say(streams, f"{tag} {command}")
    name = command.split(maxsplit=1)[0]
    for _ in range(LINES_LIMIT):
        words = (await line(streams)).split(maxsplit=2)
        if not words or words[0] not in ("*", "+", tag):
            raise ProbeFailed(Reason.PROTOCOL, "the answer is not IMAP")
        if words[0] == tag:
            verdict = words[1].upper() if len(words) > 1 else "nothing"
            attempt.tell("%s was answered %s", name, verdict)
            if verdict != "OK":
                raise ProbeFailed(refused, f"{name} was answered {verdict}")
            return
    raise ProbeFailed(Reason.PROTOCOL, "the answer has too many lines")


def _quoted(text: str) -> str:
    """The text as a quoted string; raises ProbeFailed when it cannot be one."""
    if UNPRINTABLE.search(text):
        raise ProbeFailed(Reason.CONFIGURATION, "a user, password or folder has characters that IMAP cannot quote")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
