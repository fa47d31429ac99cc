"""Personal tokens: shown once, kept as a digest, and only as good as their person."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from groundwork.problems import Refused
from incident_store.database import open_store, reading, upgrade
from incident_store.domain.lifecycle import Role
from incident_store.domain.steps import Actor
from incident_store.people import add_person
from incident_store.tokens import Token, add_token, list_tokens, person_of_token, revoke_token
from tests.builders import NOON, at
from tests.processes import run_renteseg


@pytest.fixture
def store(store_url: str) -> Iterator[Engine]:
    upgrade(store_url)
    engine = open_store(store_url)
    add_person(engine, "ana", Role.ANALYST, "una clave larga")
    yield engine
    engine.dispose()


def tokens(store: Engine) -> list[Token]:
    with reading(store).connect() as connection:
        return list_tokens(connection)


def test_a_token_is_its_person_in_the_role_they_have_now(store: Engine) -> None:
    made = add_token(store, "ana", "informe", 30, NOON)
    assert person_of_token(store, made, at(1)) == Actor("ana", Role.ANALYST)
    with store.begin() as connection:
        connection.execute(text("UPDATE users SET role = 'viewer'"))
    assert person_of_token(store, made, at(2)) == Actor("ana", Role.VIEWER)


def test_only_its_digest_is_kept(store: Engine) -> None:
    made = add_token(store, "ana", "informe", 30, NOON)
    assert len(made) >= 43
    with store.connect() as connection:
        kept = connection.execute(text("SELECT * FROM tokens")).all()
    assert made not in repr(kept)
    assert made.removeprefix("renteseg_") not in repr(kept)


def test_it_ends_with_its_days_or_at_once_when_revoked(store: Engine) -> None:
    made = add_token(store, "ana", "informe", 1, NOON)
    assert person_of_token(store, made, NOON + timedelta(days=1) - timedelta(seconds=1)) is not None
    assert person_of_token(store, made, NOON + timedelta(days=1)) is None
    other = add_token(store, "ana", "otro", 1, NOON)
    revoke_token(store, "ana", "otro", at(1))
    assert person_of_token(store, other, at(1)) is None
    assert [token.state(at(2)) for token in tokens(store)] == ["valid", "revoked"]


def test_its_last_use_is_noted_once_a_minute(store: Engine) -> None:
    made = add_token(store, "ana", "informe", 1, NOON)
    assert tokens(store)[0].last_used_at is None
    for minute in (1, 1.5, 3):
        person_of_token(store, made, at(minute))
    assert tokens(store)[0].last_used_at == at(3)
    person_of_token(store, made, at(3.9))
    assert tokens(store)[0].last_used_at == at(3)


def test_what_cannot_be_a_token_is_refused(store: Engine) -> None:
    add_token(store, "ana", "informe", 1, NOON)
    for person, name, days, why in (
        ("ana", "informe", 1, "another name"),
        ("nadie", "informe", 1, "nobody is called"),
        ("ana", " ", 1, "1 to 64 characters"),
        ("ana", "a\nb", 1, "one line"),
        ("ana", "largo", 367, "366 days"),
        ("ana", "corto", 0, "1 to"),
    ):
        with pytest.raises(Refused, match=why):
            add_token(store, person, name, days, NOON)
    with pytest.raises(Refused, match="no token"):
        revoke_token(store, "ana", "otro", NOON)


def test_tokens_from_the_command_line(store: Engine, store_url: str) -> None:
    environment = {"RENTESEG_DATABASE_URL": store_url}
    made = run_renteseg("token", "add", "informe", "--by", "ana", environment=environment)
    assert (made.returncode, made.stdout.startswith("renteseg_")) == (0, True)
    listed = json.loads(run_renteseg("token", "list", "--json", environment=environment).stdout)
    assert [(one["person"], one["name"], one["state"]) for one in listed] == [("ana", "informe", "valid")]
    assert made.stdout.strip() not in json.dumps(listed)
    assert run_renteseg("token", "revoke", "informe", "--by", "ana", environment=environment).returncode == 0
    assert "revocado" in run_renteseg("token", "list", environment=environment).stdout
    again = run_renteseg("token", "revoke", "informe", "--by", "ana", environment=environment)
    assert (again.returncode, len(again.stderr.splitlines())) == (1, 1)
