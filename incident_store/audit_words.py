"""What an audit found, for a terminal and for programs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.progress import Progress

from incident_store.audit import Audit
from incident_store.clock_lines import utc_text


def print_audit(audit: Audit) -> None:
    """A chain that is whole, in two lines: the second is worth keeping elsewhere."""
    chains = ", ".join(f"{count} {of}s" for of, count in audit.chains.items())
    print(f"{audit.events} events of {chains}, {audit.files} files: every chain is whole")
    if audit.last is None:
        print("no checkpoint yet: the worker seals every minute what grew")
        return
    print(
        f"{audit.checkpoints} checkpoints, the last of {utc_text(audit.last.sealed_at)}: {audit.last.hash}; "
        f"{audit.unsealed} events since"
    )


def audit_json(audit: Audit) -> dict[str, Any]:
    """The same as plain JSON values; `broken` is the first of the `breaks`, of which each chain has one at most."""
    last = audit.last and {
        "number": audit.last.number,
        "sealed_at": utc_text(audit.last.sealed_at),
        "hash": audit.last.hash,
    }
    return {
        "whole": not audit.broken,
        "broken": asdict(audit.broken[0]) if audit.broken else None,
        "breaks": [asdict(one) for one in audit.broken],
        "events": audit.events,
        "files": audit.files,
        "chains": audit.chains,
        "checkpoints": audit.checkpoints,
        "last_checkpoint": last,
        "unsealed_events": audit.unsealed,
    }


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing in a pipe; call what it gives with the number of steps done."""
    screen = Console(stderr=True)
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda steps: bar.update(task, advance=steps)
