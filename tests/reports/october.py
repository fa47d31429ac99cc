"""October 2026 as it could have been: samples in a real Prometheus, people's steps in a real store, configuration.

Times are Lima's: `at("05 09:30")` is the 5th at half past nine.
"""

import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from incident_store.advance import Report, advance, register
from incident_store.database import open_store, upgrade
from incident_store.domain.incidents import Kind
from incident_store.domain.intervals import Interval
from incident_store.domain.lifecycle import EventKind, Role
from incident_store.domain.maintenance import Plan, WindowEventKind, WindowStep
from incident_store.domain.policies import Responsible, Severity
from incident_store.domain.steps import Actor, Step
from incident_store.maintenance import add_window, step_window
from incident_store.people import add_person
from reports.gathering import LIMA
from tests.processes import ROOT
from tests.prometheus_server import line

ANA, SOFIA, PEDRO = (
    Actor("ana", Role.ANALYST),
    Actor("sofia", Role.SUPERVISOR),
    Actor("pedro", Role.SUPERVISOR),
)
SERVICES = {"portal-web": "consulta", "portal-https": "consulta", "api-imei": "bloqueo", "base-datos": "bloqueo",
            "enlace-proveedor": "enlaces", "ussd-antiguo": "ussd", "ussd": "ussd"}  # fmt: skip
SECOND = timedelta(seconds=1)


def at(text: str, month: int = 10) -> datetime:
    """A moment of the month from `05 09:30`, in UTC."""
    return datetime.strptime(f"2026-{month:02} {text}", "%Y-%m %d %H:%M").replace(tzinfo=LIMA).astimezone(UTC)


START, END = at("01 00:00"), at("01 00:00", 11)
LATER = at("05 09:00", 11)

DOWN: dict[str, list[tuple[datetime, datetime]]] = {
    "portal-web": [(at("05 09:00"), at("05 09:40")), (at("05 11:30"), at("05 11:50"))],
    "api-imei": [(at("12 22:10"), at("12 22:55")), (at("14 08:00"), at("14 08:03"))],
    "base-datos": [(at("18 03:00"), at("18 04:30"))],
    "portal-https": [(at("31 16:00"), at("02 10:00", 11))],
}
NOT_SCRAPED = [(at("20 10:00"), at("20 12:00"))]
EXPORTER_AWAY = [(at("25 14:00"), at("25 14:20"))]
ALIVE = {"ussd-antiguo": (START, at("15 00:00")), "ussd": (at("15 00:00"), END + timedelta(days=2))}


def samples(start: datetime = START - timedelta(days=1), end: datetime = END + timedelta(days=2)) -> Iterator[str]:
    """One scrape a minute, seven seconds after it began; counters only beside the gaps, where they are looked at."""
    ups, counters, infos = [], [], []
    for component, service in SERVICES.items():
        labels = {"component": component, "service": service, "owner": "provider", "instance": "a:9801"}
        moment, seconds = start + 7 * SECOND, {"up": 1000.0, "down": 0.0, "unknown": 0.0}
        while moment < end:
            born, dead = ALIVE.get(component, (start, end))
            state = "down" if _in(moment, DOWN.get(component, [])) else "up"
            away = _in(moment, EXPORTER_AWAY)
            if born <= moment < dead and not away and not _in(moment, NOT_SCRAPED):
                ups.append(line(("renteseg_component_up", labels), int(state == "up"), moment))
                if moment.minute == 0:
                    infos.append(line(("renteseg_component_info", {**labels, "kind": "http"}), 1, moment))
                if _near(moment):
                    counters += [
                        line(("renteseg_component_state_seconds_total", {**labels, "state": one}), count, moment)
                        for one, count in seconds.items()
                    ]
            seconds["unknown" if away else state] += 60
            moment += timedelta(minutes=1)
    yield from ("# TYPE renteseg_component_up gauge", *ups)
    yield from ("# TYPE renteseg_component_state_seconds counter", *counters)
    yield from ("# TYPE renteseg_component_info gauge", *infos)
    yield from _failures()
    yield from _loads(start, end)


def _failures() -> Iterator[str]:
    """Why the portal failed on the 5th, counted from midnight on."""
    yield "# TYPE renteseg_probe_failures counter"
    for reason in ("status", "timeout"):
        labels = {"component": "portal-web", "reason": reason, "instance": "a:9801"}
        moment, count = at("05 00:00") + 7 * SECOND, 0
        while moment < at("06 00:00"):
            count += _in(moment, DOWN["portal-web"][:1] if reason == "timeout" else DOWN["portal-web"])
            yield line(("renteseg_probe_failures_total", labels), count, moment)
            moment += timedelta(minutes=1)


def _in(moment: datetime, spans: Sequence[tuple[datetime, datetime]]) -> bool:
    return any(first <= moment < last for first, last in spans)


def _near(moment: datetime) -> bool:
    edges = [edge for span in (*NOT_SCRAPED, *EXPORTER_AWAY) for edge in span]
    return any(abs(moment - edge) < timedelta(minutes=3) for edge in edges)


def _loads(start: datetime, end: datetime) -> Iterator[str]:
    yield "# TYPE renteseg_file_loads gauge"
    states = ("processed", "rejected", "missing")
    lines = [("CLARO", "ROBOS"), ("ENTEL", "ALTAS")]
    hours = [start + timedelta(hours=number) for number in range(int((end - start) / timedelta(hours=1)))]
    for operator, file_type in lines:
        for state in states:
            for hour in hours:
                day = (hour.astimezone(LIMA) - timedelta(days=1)).day
                bad = {("CLARO", 9): "rejected", ("ENTEL", 20): "missing"}.get((operator, day), "processed")
                labels = {"operator": operator, "file_type": file_type, "state": state}
                yield line(("renteseg_file_loads", labels), int(state == bad), hour + timedelta(minutes=59))
    for family, name, words in (
        ("renteseg_file_loads", "outcome", ("processed", "rejected")),
        ("renteseg_file_rejections", "reason", ("F03", "F05")),
    ):
        yield f"# TYPE {family}_total unknown"
        for operator, file_type in lines:
            for place, word in enumerate(words):
                for number, hour in enumerate(hours):
                    labels = {"operator": operator, "file_type": file_type, name: word}
                    count = 5000 + number // (24 * (1 + 15 * place))
                    yield line((f"{family}_total", labels), count, hour + timedelta(minutes=59))


# --- the store --------------------------------------------------------------------------------------------------


def step(engine: Engine, number: int, kind: EventKind, moment: str, actor: Actor = ANA, **details: str) -> None:
    """Somebody's step, written down when it happened."""
    when = at(moment)
    advance(engine, number, Step(kind, when, details), actor, when + SECOND)


def reported(engine: Engine, component: str, title: str, moment: str, severity: Severity = Severity.HIGH) -> int:
    """An incident registered by telephone at the moment it was detected."""
    when = at(moment)
    report = Report(
        Kind.INCIDENT, component, SERVICES.get(component, ""), title, severity, Responsible.NOBODY, "telefono", when
    )
    return register(engine, report, ANA, when + SECOND)


def validated(engine: Engine, number: int, day: str, responsible: str, severity: str, cause: str) -> None:
    """Analysis, diagnosis and its validation by somebody else, from ten minutes past on."""
    step(engine, number, EventKind.ANALYSIS_BEGAN, f"{day}:10")
    words = {"responsible": responsible, "severity": severity}
    step(engine, number, EventKind.DIAGNOSED, f"{day}:15", cause=cause, **words)
    step(engine, number, EventKind.VALIDATED, f"{day}:18", SOFIA)
    step(engine, number, EventKind.DISPATCHED, f"{day}:20", SOFIA, to="INETUM" if responsible == "B" else "OTI")


def write_store(url: str) -> None:
    """The people, incidents and windows of the month."""
    upgrade(url)
    engine = open_store(url)
    for actor in (ANA, SOFIA, PEDRO):
        add_person(engine, actor.name, actor.role, "una clave larga")
    _relapse(engine)
    _of_oti(engine)
    _open_at_the_end(engine)
    _maintenance(engine)
    engine.dispose()


def _relapse(engine: Engine) -> None:
    number = reported(engine, "portal-web", '=HYPERLINK("http://malo.example";"portal no abre")', "05 09:02")
    validated(engine, number, "05 09", "B", "alta", "actualización fallida del proveedor #strong[x] $1$")
    step(engine, number, EventKind.RESPONSIBLE_ANSWERED, "05 09:25")
    step(engine, number, EventKind.WAITING_BEGAN, "05 09:26", SOFIA, reason="espera del operador")
    step(engine, number, EventKind.WAITING_ENDED, "05 09:31", SOFIA)
    step(engine, number, EventKind.RESTORED, "05 09:45", tests="consulta de IMEI de prueba")
    step(engine, number, EventKind.REOPENED, "05 11:32", SOFIA, reason="recaída")
    step(engine, number, EventKind.RESTORED, "05 12:00", tests="consulta repetida")
    step(engine, number, EventKind.RCA_ASKED, "05 12:05")
    step(engine, number, EventKind.RCA_RECEIVED, "08 10:00")
    step(engine, number, EventKind.CLOSED, "08 11:00", SOFIA, unavailability="confirmed")
    step(engine, number, EventKind.ANNOUNCED, "08 11:05", SOFIA)


def _of_oti(engine: Engine) -> None:
    number = reported(engine, "base-datos", "la base de datos no responde", "18 03:01", Severity.MEDIUM)
    validated(engine, number, "18 03", "C", "media", "corte del enlace de OSIPTEL")
    step(engine, number, EventKind.RESTORED, "18 04:35", tests="SELECT 1")
    step(engine, number, EventKind.CLOSED, "18 05:00", SOFIA, unavailability="none")


def _open_at_the_end(engine: Engine) -> None:
    number = reported(engine, "portal-https", "certificado vencido", "31 16:05", Severity.LOW)
    step(engine, number, EventKind.ANALYSIS_BEGAN, "31 16:20")


def _maintenance(engine: Engine) -> None:
    plan = Plan(("api-imei",), "", Interval(at("12 22:00"), at("12 23:00")), "parche de la base")
    over = Plan(("enlace-proveedor",), "", Interval(at("31 22:00"), at("01 02:00", 11)), "cambio de enlace")
    approve = WindowStep(WindowEventKind.APPROVED)
    for one in (plan, over):
        with engine.begin() as connection:
            window = add_window(connection, one, ANA, at("10 09:00"))
            step_window(connection, window.number, approve, SOFIA, at("10 10:00"))


def write_config(folder: Path) -> Path:
    """The shipped configuration, with a component that was renamed and one that nobody ever saw."""
    shutil.copytree(ROOT / "config", folder / "config")
    targets = folder / "config" / "targets.yml"
    never = "  - {name: sftp-nuevo, kind: tcp, service: consulta, owner: oti, address: '127.0.0.1:22'}\n"
    renamed = "  - {name: ussd, kind: tcp, service: ussd, owner: oti, address: '127.0.0.1:23'}\n"
    targets.write_text(targets.read_text() + never + renamed)
    return folder / "config"
