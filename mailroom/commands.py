"""`renteseg mail …`: the outbox and the inbox from a terminal, by the same rules as the pages."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy import Connection, Engine

from groundwork.configuration import read_text
from groundwork.problems import Refused
from groundwork.settings import Settings
from incident_store import blobs, inbox, outbox
from incident_store.advance import NoSuchIncident, Report
from incident_store.database import read_store, use_store
from incident_store.domain.incidents import Kind
from incident_store.domain.notices import BY_MAIL, NoticeKind
from incident_store.domain.policies import Responsible, Severity
from incident_store.domain.steps import REGISTERING, Actor
from incident_store.given import acting_person as person
from incident_store.given import known_word, moment, one_line
from incident_store.inbox import Decision, Message, Verdict
from incident_store.mail_ways import standings
from incident_store.outbox import Notice
from incident_store.queries import find_incident
from incident_store.terminal import lima, print_json, utc_now
from incident_store.transactions import in_transaction
from mailroom.contacts import MEBIBYTE, read_contacts
from mailroom.receiving import Arrival, Limits, Receiver
from mailroom.words import KINDS, NATURES, OUTCOMES, STATES, WAYS

LARGEST_FILE = 64 * MEBIBYTE
REQUESTED = (NoticeKind.FOLLOW_UP, NoticeKind.OPERATOR_ANSWER, NoticeKind.RCA_REQUEST, NoticeKind.RESTORATION)


def outbox_command(settings: Settings, *, everything: bool, as_json: bool) -> None:
    """`renteseg mail outbox`."""
    with read_store(settings.database_url) as connection:
        notices = outbox.list_notices(connection, open_only=not everything)
        ways = standings(connection)
    if as_json:
        print_json([_json(one) for one in notices])
        return
    for way, standing in ways.items():
        if standing.trouble is not None:
            print(f"{WAYS[way]} no funciona desde {lima(standing.since)}: {standing.line}")
    if not notices:
        print("No hay avisos pendientes." if not everything else "No hay avisos.")
        return
    table = _table("Avisos (hora de Lima)", ("N°", "Inc.", "Aviso", "Estado", "Desde", "Para", "Asunto o motivo"))
    for one in notices:
        to = ", ".join(sorted({recipient.party or recipient.address for recipient in one.recipients}))
        said = one.problem or one.subject or ""
        incident = "" if one.incident is None else str(one.incident)
        cells = (KINDS[one.kind], STATES[one.state], lima(one.created_at), to, said)
        table.add_row(str(one.number), incident, *(_plain(cell) for cell in cells))
    Console().print(table)


def show_command(settings: Settings, number: int, *, as_json: bool) -> None:
    """`renteseg mail show`."""
    with read_store(settings.database_url) as connection:
        notice = outbox.find_notice(connection, number)
    if as_json:
        print_json(_json(notice))
        return
    print(f"Aviso {notice.number}: {KINDS[notice.kind]}, {STATES[notice.state]}")
    for line in _story(notice):
        print(line)
    for one in notice.recipients:
        words = f": {_terminal(one.said)}" if one.said else ""
        print(f"Para: {_terminal(one.name)} <{_terminal(one.address)}> ({OUTCOMES[one.outcome]}){words}")
    print(f"Asunto: {_terminal(notice.subject or '(sin redactar)')}\n\n{_terminal(notice.text or '')}")


def _story(notice: Notice) -> Sequence[str]:
    said = {
        "Incidencia": notice.incident,
        "Motivo": notice.problem,
        "Aprobado": notice.approved_at and f"{lima(notice.approved_at)} por {notice.approved_by}",
        "Enviado": notice.sent_at and lima(notice.sent_at),
        "Ticket": notice.ticket,
        "Adjuntos": ", ".join(one.name for one in notice.attachments),
    }
    return [f"{name}: {_terminal(str(value))}" for name, value in said.items() if value]


def write_command(settings: Settings, incident: int, kind: str, *, by: str, note: str) -> None:
    """`renteseg mail write`: a draft that a person asks for; prints its number."""
    if kind not in REQUESTED:
        raise Refused(f"{kind!r} is none of {', '.join(REQUESTED)}")
    now = utc_now()

    def work(connection: Connection, actor: Actor) -> int:
        if abs(incident) > outbox.LARGEST_NUMBER or find_incident(connection, incident) is None:
            raise NoSuchIncident(incident)
        facts = {"note": note} if note else {}
        key = f"{incident}:{kind}:{actor.name}:{now.isoformat()}"
        return outbox.post(connection, NoticeKind(kind), actor.name, now, incident=incident, facts=facts, key=key)

    with use_store(settings.database_url) as engine:
        actor = _writer(engine, by)
        print(in_transaction(engine, lambda connection: work(connection, actor)))


def edit_command(settings: Settings, number: int, *, by: str, subject: str | None, text_file: Path | None) -> None:
    """`renteseg mail edit`."""
    if subject is None and text_file is None:
        raise Refused("say what to change: --subject or --text-file")
    text = None if text_file is None else (sys.stdin.read() if str(text_file) == "-" else read_text(text_file))
    with use_store(settings.database_url) as engine:
        _say(outbox.edit(engine, number, person(engine, by), subject=subject, text=text))


def approve_command(settings: Settings, number: int, *, by: str) -> None:
    """`renteseg mail approve`."""
    with use_store(settings.database_url) as engine:
        _say(outbox.approve(engine, number, person(engine, by), utc_now()))


def redraft_command(settings: Settings, number: int, *, by: str) -> None:
    """`renteseg mail redraft`."""
    with use_store(settings.database_url) as engine:
        _say(outbox.redraft(engine, number, person(engine, by), utc_now()))


def retry_command(settings: Settings, number: int, *, by: str) -> None:
    """`renteseg mail retry`."""
    with use_store(settings.database_url) as engine:
        _say(outbox.retry(engine, number, person(engine, by), utc_now()))


def dismiss_command(settings: Settings, number: int, *, by: str, reason: str) -> None:
    """`renteseg mail dismiss`."""
    with use_store(settings.database_url) as engine:
        _say(outbox.dismiss(engine, number, person(engine, by), reason))


def inbox_command(settings: Settings, *, everything: bool, as_json: bool) -> None:
    """`renteseg mail inbox`."""
    with read_store(settings.database_url) as connection:
        messages = inbox.list_messages(connection, waiting_only=not everything)
    if as_json:
        print_json([_json(one) for one in messages])
        return
    if not messages:
        print("La bandeja está vacía." if not everything else "No hay correos.")
        return
    table = _table("Bandeja (hora de Lima)", ("N°", "Inc.", "Recibido", "De", "Clase", "Asunto", "Propuesta"))
    for one in messages:
        incident = "" if one.incident is None else str(one.incident)
        cells = (one.party or one.sender_address or one.sender_name, NATURES[one.nature], one.subject, _proposed(one))
        row = [_plain(cell if len(cell) <= 200 else f"{cell[:200]}…") for cell in cells]
        table.add_row(str(one.number), incident, lima(one.received_at), *row)
    Console().print(table)


def read_command(settings: Settings, number: int, *, original: bool, as_json: bool) -> None:
    """`renteseg mail read`; with `original`, the mail's bytes as they came."""
    with read_store(settings.database_url) as connection:
        message = inbox.find_message(connection, number)
        if original:
            for piece in blobs.pieces(connection, message.original):
                sys.stdout.buffer.write(piece)
            return
    if as_json:
        print_json(_json(message))
        return
    said = {
        "De": f"{message.sender_name} <{message.sender_address}>" + (f" ({message.party})" if message.party else ""),
        "Recibido": lima(message.received_at),
        "Escrito": message.written_at and lima(message.written_at),
        "Asunto": message.subject,
        "Incidencia": message.incident,
        "Observaciones": "; ".join(message.remarks),
        "Adjuntos": ", ".join(f"{one.name} ({one.size:,} bytes)" for one in message.attachments),
        "Propuesta": _proposed(message),
        "Decidido": message.verdict and f"{message.verdict.value}, por {message.decided_by}",
    }
    for name, value in said.items():
        if value:
            print(f"{name}: {_terminal(str(value))}")
    print(f"\n{_terminal(message.text)}")


def decide_command(
    settings: Settings,
    number: int,
    verdict: str,
    *,
    by: str,
    incident: int | None,
    at: datetime | None,
    words: dict[str, str],
) -> None:
    """`renteseg mail decide`; prints the incident that the message now belongs to, if any."""
    decided, now = known_word(Verdict, verdict), utc_now()
    with use_store(settings.database_url) as engine:
        actor = person(engine, by)
        with engine.connect() as connection:
            message = inbox.find_message(connection, number)
        decision = Decision(
            decided,
            _report(message, decided, words),
            incident or _proposed_incident(message),
            None if at is None else moment(at, now),
        )
        found = inbox.decide_message(engine, number, decision, actor, now)
    print(f"{number}: {verdict}" + (f", incidencia {found}" if found else ""))


def _report(message: Message, verdict: Verdict, words: dict[str, str]) -> Report | None:
    """What is registered: what was said on the command line, else what the mail suggests."""
    if verdict not in {Verdict.INCIDENT, Verdict.QUESTION}:
        return None
    said = {**message.proposal, **{name: one_line(word) for name, word in words.items() if word}}
    component = said.get("component", "" if verdict is Verdict.INCIDENT else "consulta")
    if not component:
        raise Refused("say which component it is about: --component")
    return Report(
        kind=Kind(verdict.value),
        component=component,
        service=said.get("service", ""),
        title=said.get("title") or message.subject or "Reporte por correo",
        severity=known_word(Severity, said.get("severity", "media")),
        suspected=known_word(Responsible, said.get("responsible", "nobody")),
        channel=BY_MAIL,
        detected_at=message.received_at,
    )


def _proposed_incident(message: Message) -> int | None:
    proposed = message.proposal.get("incident", "")
    return message.incident or (int(proposed) if proposed.isdecimal() else None)


def take_command(settings: Settings, file: Path) -> None:
    """`renteseg mail take`: a mail from a file (.eml), as if the mailbox had it; prints its number."""
    contacts, now = read_contacts(settings.config), datetime.now(UTC)
    try:
        with file.open("rb") as source, blobs.spooled(source, LARGEST_FILE) as (blob, held):
            arrival = Arrival(held, blob, now)
            with use_store(settings.database_url) as engine:
                number = in_transaction(
                    engine, lambda connection: Receiver(connection, contacts, Limits(), now).take(arrival)
                )
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}") from error
    print("it came before" if number is None else number)


def _writer(engine: Engine, by: str) -> Actor:
    actor = person(engine, by)
    if actor.role not in REGISTERING:
        raise Refused(f"an analyst or a supervisor writes notices, and {actor.name} is {actor.role.value}")
    return actor


def _say(notice: Notice) -> None:
    print(f"{notice.number}: {STATES[notice.state]}")


def _proposed(message: Message) -> str:
    words = {"kind": "", "component": "", "severity": "", "incident": "incidencia ", "answered_at": "respondió "}
    said = {name: message.proposal[name] for name in words if name in message.proposal}
    if "answered_at" in said:
        said["answered_at"] = lima(datetime.fromisoformat(said["answered_at"]))
    return ", ".join(f"{words[name]}{value}" for name, value in said.items())


def _json(value: Notice | Message) -> dict[str, Any]:
    def plain(one: Any) -> Any:
        if isinstance(one, datetime):
            return one.astimezone(UTC).isoformat().replace("+00:00", "Z")
        if isinstance(one, Enum):
            return one.value
        if isinstance(one, dict):
            return {name: plain(inner) for name, inner in one.items()}
        return [plain(inner) for inner in one] if isinstance(one, list | tuple) else one

    return {name: plain(one) for name, one in asdict(value).items() if name != "token"}


def _table(title: str, headings: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _plain(text: str) -> str:
    return escape(_terminal(text).replace("\n", " "))


def _terminal(text: str) -> str:
    """Text from outside without what steers a terminal."""
    return "".join(one if one.isprintable() or one == "\n" else "�" for one in text)
