"""The commands that read the store or change who may log in."""

import getpass
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from groundwork.configuration import read_text
from groundwork.problems import Refused
from groundwork.settings import Settings
from incident_store.access import TERMINAL
from incident_store.advance import Report, advance, register
from incident_store.audit import count_events, verify
from incident_store.audit_words import audit_json, print_audit, progress
from incident_store.database import read_store, use_store
from incident_store.documents import incident_json
from incident_store.domain.incidents import Kind
from incident_store.domain.lifecycle import ROLES, EventKind, Role
from incident_store.domain.policies import Responsible, Severity
from incident_store.domain.steps import Step
from incident_store.domain.subjects import Subjects
from incident_store.given import LARGEST_NUMBER, acting_person, details_of, known_word, moment, one_line
from incident_store.incident_rows import UnreadableEvent
from incident_store.people import add_person, disable, enable, list_people, set_password, set_role
from incident_store.policy_file import read_policy
from incident_store.queries import MOST_LISTED, find_incident, list_incidents
from incident_store.terminal import lima, plain, print_incident, print_json, print_list, utc_now
from incident_store.words import EVENTS

HASH = re.compile(r"[0-9a-f]{16,64}")


def list_command(settings: Settings, *, open_only: bool, as_json: bool) -> None:
    """`renteseg incident list`."""
    policy, now = read_policy(settings.config), utc_now()
    with read_store(settings.database_url) as connection:
        records = list_incidents(connection, open_only=open_only, left_out=_name)
    if as_json:
        print_json([incident_json(record, None, policy, now) for record in records])
    else:
        print_list(records, policy, now)
    if len(records) == MOST_LISTED:
        print(f"only the newest {MOST_LISTED} are listed", file=sys.stderr)


def _name(error: UnreadableEvent) -> None:
    print(f"left out: {error}", file=sys.stderr)


def show_command(settings: Settings, number: int, *, explain: bool, as_json: bool) -> None:
    """`renteseg incident show`; raises Refused when there is no such incident."""
    policy, now = read_policy(settings.config), utc_now()
    with read_store(settings.database_url) as connection:
        found = find_incident(connection, number) if abs(number) <= LARGEST_NUMBER else None
    if found is None:
        raise Refused(f"there is no incident {number}; `renteseg incident list` shows those there are")
    record, episodes = found
    if as_json:
        print_json(incident_json(record, episodes, policy, now))
    else:
        print_incident(record, episodes, policy, now, explain=explain)


def add_user(settings: Settings, name: str, role: str, password_file: Path | None) -> None:
    """`renteseg user add`; raises Refused for an unknown role, a taken name or a weak password."""
    known, password = known_word(Role, role), _password(password_file)
    with use_store(settings.database_url) as engine:
        add_person(engine, name, known, password)


def change_role(settings: Settings, name: str, role: str) -> None:
    """`renteseg user role`; raises Refused for an unknown role or person, and for the last administrator."""
    known = known_word(Role, role)
    with use_store(settings.database_url) as engine:
        set_role(engine, one_line(name), known, TERMINAL, utc_now())


def change_password(settings: Settings, name: str, password_file: Path | None) -> None:
    """`renteseg user password`; raises Refused for an unknown person or a weak password."""
    password = _password(password_file)
    with use_store(settings.database_url) as engine:
        set_password(engine, one_line(name), password, TERMINAL, utc_now())


def disable_user(settings: Settings, name: str) -> None:
    """`renteseg user disable`; raises Refused for an unknown person and for the last administrator."""
    with use_store(settings.database_url) as engine:
        disable(engine, one_line(name), TERMINAL, utc_now())


def enable_user(settings: Settings, name: str) -> None:
    """`renteseg user enable`; raises Refused for an unknown person."""
    with use_store(settings.database_url) as engine:
        enable(engine, one_line(name), TERMINAL, utc_now())


def list_users(settings: Settings, *, as_json: bool) -> None:
    """`renteseg user list`."""
    with read_store(settings.database_url) as connection:
        people = list_people(connection)
    if as_json:
        print_json([{"name": one.name, "role": one.role.value, "disabled": bool(one.disabled_at)} for one in people])
    else:
        lines = (f"{plain(one.name)}  {one.role.value}{'  inhabilitado' if one.disabled_at else ''}" for one in people)
        print("\n".join(lines) or "Nadie puede ingresar todavía.")


def _password(file: Path | None) -> str:
    if file is not None and str(file) != "-":
        return read_text(file).strip()
    if file is None and sys.stdin.isatty():
        return getpass.getpass("password: ")
    try:
        return sys.stdin.readline().rstrip("\n")
    except UnicodeDecodeError:
        raise Refused("the password on standard input is not UTF-8") from None


def record_command(
    settings: Settings,
    number: int,
    kind: str,
    *,
    by: str,
    at: datetime | None,
    details: Sequence[str],
    as_json: bool = False,
) -> None:
    """`renteseg incident record`: one step, by a person of the store; raises Refused saying what would be accepted."""
    now = utc_now()
    step = Step(_event_kind(kind), moment(at, now), details_of(details))
    if abs(number) > LARGEST_NUMBER:
        raise Refused(f"there is no incident {number}; `renteseg incident list` shows those there are")
    with use_store(settings.database_url) as engine:
        event = advance(engine, number, step, acting_person(engine, by), now)
    if as_json:
        show_command(settings, number, explain=False, as_json=True)
    else:
        print(f"{number}: {EVENTS[event.kind]}, {lima(event.at)}")


def register_command(
    settings: Settings,
    *,
    by: str,
    at: datetime | None,
    words: Mapping[str, str],
    known: Subjects,
    as_json: bool = False,
) -> None:
    """`renteseg incident register`: what was reported by telephone, mail or Mesa de Partes; `known` is what it may be
    about."""
    now = utc_now()
    report = Report(
        kind=known_word(Kind, words["kind"]),
        component=one_line(words["component"]),
        service=one_line(words["service"]),
        title=one_line(words["title"]),
        severity=known_word(Severity, words["severity"]),
        suspected=known_word(Responsible, words["responsible"]),
        channel=one_line(words["channel"]),
        detected_at=moment(at, now),
    )
    with use_store(settings.database_url) as engine:
        number = register(engine, report, acting_person(engine, by), now, known)
    if as_json:
        show_command(settings, number, explain=False, as_json=True)
    else:
        print(number)


def audit_command(settings: Settings, *, expected: str = "", as_json: bool = False) -> None:
    """`renteseg audit verify`; raises Refused naming the first broken link of each chain.

    `expected` is the hash of a checkpoint that was kept elsewhere, or its first 16 characters or more.
    """
    if expected and not HASH.fullmatch(expected):
        raise Refused(
            f"{expected!r} is not the hash of a checkpoint: 16 to 64 of 0-9 and a-f, as the worker's log shows"
        )
    with read_store(settings.database_url) as connection, progress("events", count_events(connection)) as seen:
        audit = verify(connection, expected, seen)
    if as_json:
        print_json(audit_json(audit))
    if audit.broken:
        raise Refused("\n".join(str(one) for one in audit.broken))
    if not as_json:
        print_audit(audit)


def _event_kind(given: str) -> EventKind:
    if given not in {kind.value for kind in ROLES}:
        raise Refused(f"{given!r} is no step: write one of {', '.join(ROLES)}")
    return EventKind(given)
