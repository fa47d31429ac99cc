"""`renteseg quarantine`: what the receiver could not understand, looked at, replayed or dismissed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy import Engine

from alertmanager_webhook.payload import Delivery, Reason, read_delivery
from groundwork.problems import Refused
from groundwork.settings import Settings
from incident_store.access import TERMINAL
from incident_store.clock_lines import utc_text
from incident_store.database import read_store, reading, use_store
from incident_store.domain.policies import SlaPolicy
from incident_store.policy_file import read_policy
from incident_store.quarantine import (
    Entry,
    NotUnderstood,
    Settlement,
    Waiting,
    dismiss,
    find_entry,
    settle,
    waiting_entries,
)
from incident_store.store import UNSTORABLE, Recorded, record
from incident_store.terminal import lima, print_json, utc_now
from incident_store.transactions import in_transaction

SHOWN_BYTES = 20_000


def list_command(settings: Settings, *, as_json: bool) -> None:
    """`renteseg quarantine list`."""
    with read_store(settings.database_url) as connection:
        entries = waiting_entries(connection)
    if as_json:
        print_json([_listed(entry) for entry in entries])
    else:
        _print_list(entries)


def show_command(settings: Settings, number: int, *, as_json: bool) -> None:
    """`renteseg quarantine show`; raises Refused when there is no such entry."""
    entry = _find(settings, number)
    body = entry.rejected.body.decode("utf-8", "backslashreplace")
    if as_json:
        print_json({**_json(entry), "body": body})
        return
    screen = Console(highlight=False, soft_wrap=True)
    screen.print(f"[bold]Cuarentena {entry.number}[/bold]: {entry.rejected.reason}")
    screen.print(f"Motivo: {escape(_printable(entry.rejected.detail))}")
    screen.print(f"Recibido {entry.times} veces, del {lima(entry.first_received_at)} al {lima(entry.last_received_at)}")
    if entry.settlement:
        screen.print(f"Resuelto: {entry.settlement.value}")
    rest = len(body) - SHOWN_BYTES
    screen.print(escape(_printable(body[:SHOWN_BYTES])) + (f"\n… y {rest} caracteres más: --json" if rest > 0 else ""))


def replay_command(settings: Settings, number: int, *, as_json: bool) -> None:
    """`renteseg quarantine replay`; raises Refused while the entry is still not understood."""
    policy = read_policy(settings.config)
    with use_store(settings.database_url) as engine:
        recorded = replay(engine, number, policy, utc_now())
    if as_json:
        print_json({"accepted": recorded.accepted, "duplicates": recorded.duplicates, "incidents": recorded.incidents})
    else:
        numbers = ", ".join(map(str, recorded.incidents)) or "ninguna"
        counts = f"{recorded.accepted} alertas nuevas, {recorded.duplicates} ya conocidas"
        print(f"Reprocesado: {counts}; incidencias: {numbers}")


def dismiss_command(settings: Settings, number: int) -> None:
    """`renteseg quarantine dismiss`: the same bytes will not ask for attention again."""
    _find(settings, number)
    with use_store(settings.database_url) as engine:
        dismiss(engine, number, TERMINAL, utc_now())


def replay(engine: Engine, number: int, policy: SlaPolicy, now: datetime, by: str = TERMINAL) -> Recorded:
    """Read an entry again and record it; raises Refused when there is none, NotUnderstood while it is no clearer.

    A replay that is killed halfway may be run again: the same alert twice changes nothing.
    """
    with reading(engine).connect() as connection:
        entry = _known(find_entry(connection, number), number)
    delivery = reread(entry)
    if delivery.rejected:
        raise NotUnderstood(number, sorted({one.detail for one in delivery.rejected}))
    recorded = record(engine, delivery.notifications, [], policy, now)
    in_transaction(engine, lambda connection: settle(connection, number, Settlement.REPLAYED, now, by))
    return recorded


def reread(entry: Entry) -> Delivery:
    """What this program makes of an entry: a whole body, or one or many alerts of a body."""
    body = entry.rejected.body
    if entry.rejected.reason in (Reason.BAD_ALERT, UNSTORABLE):
        body = b'{"alerts": [' + body + b"]}"
    elif entry.rejected.reason == Reason.MANY_BAD_ALERTS:
        body = b'{"alerts": ' + body + b"}"
    return read_delivery(body)


def _find(settings: Settings, number: int) -> Entry:
    with read_store(settings.database_url) as connection:
        return _known(find_entry(connection, number), number)


def _known(entry: Entry | None, number: int) -> Entry:
    if entry is None:
        raise Refused(f"there is no quarantine entry {number}; `renteseg quarantine list` shows those that wait")
    return entry


def _json(entry: Entry) -> dict[str, Any]:
    rejected, times = entry.rejected, (entry.first_received_at, entry.last_received_at, entry.times)
    told = _listed(Waiting(entry.number, rejected.reason, rejected.detail, len(rejected.body), *times))
    return {**told, "settlement": entry.settlement and entry.settlement.value}


def _listed(entry: Waiting) -> dict[str, Any]:
    return {
        "entry": entry.number,
        "reason": entry.reason,
        "detail": entry.detail,
        "bytes": entry.size,
        "times": entry.times,
        "first_received_at": utc_text(entry.first_received_at),
        "last_received_at": utc_text(entry.last_received_at),
        "settlement": None,
    }


def _print_list(entries: Sequence[Waiting]) -> None:
    if not entries:
        print("La cuarentena está vacía.")
        return
    table = Table(title="Cuarentena (hora de Lima)", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("N°", "Motivo", "Detalle", "Veces", "Última vez"):
        table.add_column(heading, overflow="fold")
    for entry in entries:
        detail = escape(_printable(entry.detail[:200]))
        last = lima(entry.last_received_at)
        table.add_row(str(entry.number), entry.reason, detail, str(entry.times), last)
    Console().print(table)


def _printable(text: str) -> str:
    """The text without what would steer the terminal."""
    return "".join(sign if sign.isprintable() or sign == "\n" else repr(sign)[1:-1] for sign in text)
