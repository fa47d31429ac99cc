"""The kinds of probe, and the one way to run any of them: within its deadline, to exactly one verdict."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import structlog

from exporters.availability.probes import api, dns, http, icmp, imap, sftp, smtp, sql, tcp, tls
from exporters.availability.probes.result import (
    OUR_FAULTS,
    TIMEOUTS,
    Attempt,
    Phase,
    ProbeFailed,
    ProbeResult,
    Reason,
)
from exporters.availability.probes.securing import context_of
from exporters.availability.watched import Secured, Watched

log = structlog.get_logger()


@dataclass(frozen=True)
class Kind:
    """A kind of probe: what runs it, the phase it begins in, and the reasons it may fail for."""

    probe: Callable[[Any, Attempt], Awaitable[None]]
    first_phase: Phase
    reasons: frozenset[Reason]
    make_ready: Callable[[], object] | None = None
    """What takes too long to be part of the first probe."""


KINDS = {
    "http": Kind(http.probe, http.FIRST_PHASE, http.REASONS | OUR_FAULTS),
    "api": Kind(api.probe, api.FIRST_PHASE, api.REASONS | OUR_FAULTS),
    "tcp": Kind(tcp.probe, tcp.FIRST_PHASE, tcp.REASONS | OUR_FAULTS),
    "tls": Kind(tls.probe, tls.FIRST_PHASE, tls.REASONS | OUR_FAULTS),
    "dns": Kind(dns.probe, dns.FIRST_PHASE, dns.REASONS | OUR_FAULTS),
    "sql": Kind(sql.probe, sql.FIRST_PHASE, sql.REASONS | OUR_FAULTS),
    "sftp": Kind(sftp.probe, sftp.FIRST_PHASE, sftp.REASONS | OUR_FAULTS, sftp.library),
    "smtp": Kind(smtp.probe, smtp.FIRST_PHASE, smtp.REASONS | OUR_FAULTS),
    "imap": Kind(imap.probe, imap.FIRST_PHASE, imap.REASONS | OUR_FAULTS),
    "icmp": Kind(icmp.probe, icmp.FIRST_PHASE, icmp.REASONS | OUR_FAULTS),
}


def make_ready(components: Iterable[Watched]) -> None:
    """Load what the probes of these need. It takes a while the first time: not for the thread that probes."""
    for component in components:
        if prepare := KINDS[component.kind].make_ready:
            prepare()
        if isinstance(component, Secured):
            with contextlib.suppress(ProbeFailed):  # a file that cannot be used is told by the check and by the probe
                context_of(component)


async def run(component: Watched, timeout: float | None = None, *, told: bool = False) -> ProbeResult:
    """One probe of the component, over after `timeout` seconds (default: the component's) whatever the peer does.

    `told` keeps the account of what happened, for people.
    """
    kind = KINDS[component.kind]
    seconds = min(component.timeout, timeout or component.timeout)
    attempt = Attempt(kind.first_phase, seconds, told=told)
    try:
        async with asyncio.timeout(seconds) as deadline:
            await kind.probe(component, attempt)
    except ProbeFailed as failure:
        if not deadline.expired():  # otherwise it only fails for being cut off
            return attempt.result(failure.reason, failure.detail)
    except TimeoutError:
        pass
    except Exception as error:
        log.exception("probe is at fault", component=component.name)
        return attempt.result(Reason.INTERNAL, type(error).__name__)
    else:
        return attempt.result()
    return attempt.result(TIMEOUTS[attempt.phase], f"no answer within {seconds:g} s ({attempt.phase})")
