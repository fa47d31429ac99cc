"""The commands `renteseg token …`: personal tokens of the JSON API."""

from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.table import Table

from groundwork.settings import Settings
from incident_store.clock_lines import utc_text
from incident_store.database import read_store, use_store
from incident_store.terminal import lima, plain, print_json, utc_now
from incident_store.tokens import Token, add_token, list_tokens, revoke_token

STATES = {"valid": "vigente", "expired": "vencido", "revoked": "revocado"}


def add_command(settings: Settings, name: str, *, person: str, days: int, as_json: bool) -> None:
    """`renteseg token add`: prints the token, which is shown this once."""
    now = utc_now()
    with use_store(settings.database_url) as engine:
        text = add_token(engine, person, name, days, now)
    expires_at = now + timedelta(days=days)
    if as_json:
        print_json({"token": text, "name": name, "person": person, "expires_at": utc_text(expires_at)})
    else:
        print(text)


def list_command(settings: Settings, *, as_json: bool) -> None:
    """`renteseg token list`."""
    now = utc_now()
    with read_store(settings.database_url) as connection:
        tokens = list_tokens(connection)
    if as_json:
        print_json([{**_json(token), "state": token.state(now)} for token in tokens])
        return
    table = Table(title="Claves personales de la API (hora de Lima)", title_justify="left")
    for heading in ("Persona", "Nombre", "Creada", "Vence", "Último uso", "Estado"):
        table.add_column(heading)
    for token in tokens:
        used = lima(token.last_used_at) if token.last_used_at else "nunca"
        times = (lima(token.created_at), lima(token.expires_at), used)
        table.add_row(plain(token.person), plain(token.name), *times, STATES[token.state(now)])
    Console().print(table)


def revoke_command(settings: Settings, name: str, *, person: str, as_json: bool) -> None:
    """`renteseg token revoke`: the token opens nothing any more."""
    with use_store(settings.database_url) as engine:
        revoke_token(engine, person, name, utc_now())
    if as_json:
        print_json({"name": name, "person": person, "state": "revoked"})
    else:
        print(f"{name} no abre nada desde ahora")


def _json(token: Token) -> dict[str, Any]:
    return {
        "person": token.person,
        "name": token.name,
        "created_at": utc_text(token.created_at),
        "expires_at": utc_text(token.expires_at),
        "last_used_at": token.last_used_at and utc_text(token.last_used_at),
        "revoked_at": token.revoked_at and utc_text(token.revoked_at),
    }
