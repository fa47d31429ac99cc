"""The commands that read the store or change who may log in."""

import getpass
import sys
from pathlib import Path

from groundwork.configuration import read_text
from groundwork.problems import Refused
from groundwork.settings import Settings
from incident_store.database import open_store, read_store
from incident_store.domain.lifecycle import Role
from incident_store.people import add_person
from incident_store.policy_file import read_policy
from incident_store.queries import find_incident, list_incidents
from incident_store.terminal import incident_json, print_incident, print_json, print_list, utc_now


def list_command(settings: Settings, *, open_only: bool, as_json: bool) -> None:
    """`renteseg incident list`."""
    policy, now = read_policy(settings.config), utc_now()
    with read_store(settings.database_url) as connection:
        records = list_incidents(connection, open_only=open_only)
    if as_json:
        print_json([incident_json(record, None, policy, now) for record in records])
    else:
        print_list(records, policy, now)


def show_command(settings: Settings, number: int, *, explain: bool, as_json: bool) -> None:
    """`renteseg incident show`; raises Refused when there is no such incident."""
    policy, now = read_policy(settings.config), utc_now()
    with read_store(settings.database_url) as connection:
        found = find_incident(connection, number)
    if found is None:
        raise Refused(f"there is no incident {number}; `renteseg incident list` shows those there are")
    record, episodes = found
    if as_json:
        print_json(incident_json(record, episodes, policy, now))
    else:
        print_incident(record, episodes, policy, now, explain=explain)


def add_user(settings: Settings, name: str, role: str, password_file: Path | None) -> None:
    """`renteseg user add`; raises Refused for an unknown role, a taken name or a weak password."""
    if role not in {known.value for known in Role}:
        raise Refused(f"{role!r} is no role: write {', '.join(Role)}")
    add_person(open_store(settings.database_url), name, Role(role), _password(password_file))


def _password(file: Path | None) -> str:
    if file is not None and str(file) != "-":
        return read_text(file).strip()
    if file is None and sys.stdin.isatty():
        return getpass.getpass("password: ")
    return sys.stdin.readline().rstrip("\n")
