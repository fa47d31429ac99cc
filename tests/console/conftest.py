"""What the tests of the console share: a store with people, and the API as each of them uses it."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, insert, select
from werkzeug.test import TestResponse

from console.app import create_app
from incident_store.database import open_store, upgrade
from incident_store.domain.lifecycle import Role
from incident_store.models import UserRow
from incident_store.people import add_person
from incident_store.tokens import add_token
from tests.builders import shipped_policy
from tests.console.chromium import PASSWORD

PEOPLE = {
    "ana": Role.ANALYST,
    "sofia": Role.SUPERVISOR,
    "saul": Role.SUPERVISOR,
    "vera": Role.VIEWER,
    "raul": Role.ADMIN,
}


class Api:
    """The API as one person uses it, with a personal token."""

    def __init__(self, client: FlaskClient, token: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str, **headers: str) -> TestResponse:
        return self._client.get(f"/api/v1{path}", headers={**self._headers, **headers})

    def post(self, path: str, body: Mapping[str, Any], **headers: str) -> TestResponse:
        """Header names are given with `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._client.post(f"/api/v1{path}", json=body, headers={**self._headers, **named})

    def send(self, path: str, body: str | bytes, content_type: str) -> TestResponse:
        return self._client.post(f"/api/v1{path}", data=body, content_type=content_type, headers=self._headers)


@pytest.fixture
def peopled(store_url: str) -> Iterator[Engine]:
    """A store with an analyst, two supervisors, a viewer and an administrator, once on each engine."""
    upgrade(store_url)
    engine = open_store(store_url)
    add_person(engine, "ana", PEOPLE["ana"], PASSWORD)
    with engine.begin() as connection:
        ana = connection.execute(select(*UserRow.__table__.c)).one()._asdict()
        ana.pop("id")
        others = [{**ana, "name": name, "role": role.value} for name, role in PEOPLE.items() if name != "ana"]
        connection.execute(insert(UserRow), others)  # with Ana's password: hashing one for each would take long
    yield engine
    engine.dispose()


@pytest.fixture
def console(peopled: Engine) -> Flask:
    """The console on that store."""
    return create_app(peopled, shipped_policy(), "a key for this test")


@pytest.fixture
def api(console: Flask, peopled: Engine) -> Callable[[str], Api]:
    """The API as this person uses it."""
    tokens = {name: add_token(peopled, name, "pruebas", 30, datetime.now(UTC)) for name in PEOPLE}
    return lambda name: Api(console.test_client(), tokens[name])


@pytest.fixture
def browsing(console: Flask) -> Callable[[str], Any]:
    """The pages as this person uses them."""
    from tests.console.browser import Browser

    browsers: dict[str, Any] = {}
    return lambda name: browsers[name] if name in browsers else browsers.setdefault(name, Browser(console, name))
