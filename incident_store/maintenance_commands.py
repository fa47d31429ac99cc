"""The commands `renteseg maintenance …`: windows from a terminal, by the rules of `domain/maintenance_steps.py`."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from rich import box
from rich.console import Console
from rich.table import Table

from groundwork.problems import Refused
from groundwork.settings import Settings
from incident_store.announcements import window_announcement
from incident_store.database import read_store, use_store
from incident_store.documents import window_event_json, window_json
from incident_store.domain.intervals import Interval
from incident_store.domain.maintenance import Plan, Stage, Window, WindowEvent, WindowEventKind, WindowStep, overlapping
from incident_store.given import LARGEST_NUMBER, acting_person, moment_of, one_line
from incident_store.maintenance import NoSuchWindow, add_window, find_window, read_windows, step_window
from incident_store.terminal import lima, plain, print_json, utc_now
from incident_store.transactions import in_transaction
from incident_store.words import WINDOW_DETAILS, WINDOW_EVENTS, WINDOW_STAGES

SHOWN_BACK = timedelta(days=62)


def plan_command(
    settings: Settings, known: Mapping[str, str], given: Mapping[str, str], components: Sequence[str], *, as_json: bool
) -> None:
    """`renteseg maintenance plan`. `known` is the service of each component that is watched."""
    now = utc_now()
    plan = Plan(
        components=meant_components(known, components, given["service"]),
        service=one_line(given["service"]),
        span=_span(given["from"], given["to"]),
        reason=one_line(given["reason"]),
        late_reason=one_line(given["late_reason"]),
    )
    with use_store(settings.database_url) as engine:
        actor = acting_person(engine, given["by"])
        with engine.connect() as connection:
            shared = overlapping(read_windows(connection, plan.span), plan)
        window = in_transaction(engine, lambda connection: add_window(connection, plan, actor, now))
    if shared:
        numbers = ", ".join(str(number) for number in shared)
        print(f"warning: it overlaps window {numbers}; the time both cover counts once", file=sys.stderr)
    _tell(window, now, as_json=as_json)


def meant_components(known: Mapping[str, str], named: Sequence[str], service: str) -> tuple[str, ...]:
    """The components that are meant; raises Refused for one that nobody watches."""
    strange = sorted(set(named) - known.keys())
    if strange:
        raise Refused(f"{strange[0]!r} is not watched; targets.yml has {', '.join(sorted(known))}")
    of_service = [name for name, belongs_to in known.items() if service and belongs_to == service]
    if service and not of_service:
        raise Refused(f"{service!r} is no service; targets.yml has {', '.join(sorted(set(known.values())))}")
    return tuple(sorted({*named, *of_service}))


def _span(start: str, end: str) -> Interval:
    first, last = moment_of(start, "from"), moment_of(end, "to")
    if last <= first:
        raise Refused(f"it would end ({end}) before it begins ({start})")
    return Interval(first, last)


def step_command(
    settings: Settings, number: int, kind: WindowEventKind, *, by: str, reason: str, until: str, as_json: bool
) -> None:
    """`renteseg maintenance approve|announce|cancel|shorten`."""
    now = utc_now()
    step = WindowStep(kind, one_line(reason), moment_of(until, "until") if until else None)
    if abs(number) > LARGEST_NUMBER:
        raise NoSuchWindow(number)
    with use_store(settings.database_url) as engine:
        actor = acting_person(engine, by)
        window = in_transaction(engine, lambda connection: step_window(connection, number, step, actor, now))
    _tell(window, now, as_json=as_json)


def list_command(settings: Settings, *, everything: bool, as_json: bool) -> None:
    """`renteseg maintenance list`: what is to come and what was in the last two months, or all."""
    now = utc_now()
    with read_store(settings.database_url) as connection:
        windows = read_windows(connection)
    shown = [window for window in windows if everything or window.span.end > now - SHOWN_BACK]
    if as_json:
        print_json([window_json(window, now) for window in shown])
    else:
        Console().print(_table(shown, now)) if shown else print("No hay mantenimientos registrados.")


def show_command(settings: Settings, number: int, *, as_json: bool) -> None:
    """`renteseg maintenance show`: one window, its events, and what there is to announce of it, drafted."""
    now = utc_now()
    with read_store(settings.database_url) as connection:
        found = find_window(connection, number) if abs(number) <= LARGEST_NUMBER else None
    if found is None:
        raise NoSuchWindow(number)
    window, events = found
    announcement = window_announcement(window, now)
    if as_json:
        text = announcement.text if announcement else None
        told = {"events": [window_event_json(one) for one in events], "announcement": text}
        print_json({**window_json(window, now), **told})
        return
    screen = Console(highlight=False)
    screen.print(_table([window], now))
    for event in events:
        words = f"{lima(event.recorded_at)}  {WINDOW_EVENTS[event.kind]}, {event.author}. {_said(event)}"
        screen.print(plain(words), soft_wrap=True)
    if announcement is None:
        screen.print("\nNo hay nada que comunicar de este mantenimiento.")
        return
    screen.print("\nBorrador de la comunicación:\n")
    screen.print(plain_lines(announcement.text), soft_wrap=True)


def _said(event: WindowEvent) -> str:
    """What an event says besides its author, in Spanish."""
    said = {name: ", ".join(value) if isinstance(value, list) else value for name, value in event.details.items()}
    said |= {name: lima(datetime.fromisoformat(said[name])) for name in ("from", "to") if name in said}
    return "; ".join(f"{WINDOW_DETAILS[name]}: {value}" for name, value in said.items() if value)


def plain_lines(text: str) -> str:
    """Lines from outside as they stand."""
    return "\n".join(plain(line) for line in text.splitlines())


def _tell(window: Window, now: datetime, *, as_json: bool) -> None:
    if as_json:
        print_json(window_json(window, now))
    else:
        print(f"{window.number}: {WINDOW_STAGES[window.stage(now)]}, hasta {lima(window.span.end)}")


def _table(windows: Sequence[Window], now: datetime) -> Table:
    table = Table(title="Mantenimientos (hora de Lima)", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("N°", "Componentes", "Desde", "Hasta", "Estado", "Aprobó"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "Componentes")
    for window in windows:
        stage = window.stage(now)
        table.add_row(
            str(window.number),
            plain(window.service or ", ".join(window.components)),
            _minute(window.span.start),
            _minute(window.span.end),
            WINDOW_STAGES[stage],
            plain(window.approval.by) if window.approval else ("—" if stage is Stage.PLANNED else "nadie"),
        )
    return table


def _minute(moment: datetime) -> str:
    return lima(moment)[:-3]
