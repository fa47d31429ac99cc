"""The month's report over the API: the signed one byte for byte in substance, else a draft that says that it is one."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from console.app import create_app
from console.moments import LIMA
from incident_store.database import open_store
from incident_store.domain.months import month_of, parse_month
from incident_store.tokens import add_token
from reports.commands import compute
from reports.office import Office
from reports.signing import sign
from tests.builders import ROOT, shipped_policy
from tests.console.conftest import Api
from tests.processes import wait_for
from tests.reports.conftest import October, october, october_prometheus
from tests.reports.october import LATER, SOFIA

__all__ = ["october", "october_prometheus"]
SCHEMA = json.loads(Path(ROOT / "docs/schemas/monthly-report.json").read_text())
Ask = Callable[[str], TestResponse]


@pytest.fixture
def store(october: October) -> Iterator[Engine]:
    engine = open_store(october.settings.database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def ask(october: October, store: Engine) -> Ask:
    console = create_app(store, shipped_policy(), "a key", reports=Office(october.settings))
    api = Api(console.test_client(), add_token(store, "ana", "pruebas", 1, datetime.now(UTC)))
    return lambda month: api.get(f"/reports/monthly/{month}")


def problem(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.json["type"].removeprefix("urn:renteseg:problem:")


def document(answer: TestResponse) -> dict[str, object]:
    return {name: answer.json[name] for name in ("signature", "report")}


def test_a_signed_month_is_answered_as_it_was_signed(ask: Ask, october: October, store: Engine) -> None:
    report = compute(october.settings, parse_month("2026-10"), LATER, lambda _words: None)
    sign(store, report, SOFIA, LATER, "")
    answer = ask("2026-10")
    assert answer.status_code == 200, answer.text
    assert (answer.json["standing"], answer.json["signature"]["signed_by"]) == ("signed", "sofia")
    assert answer.json["report"] == report.model_dump(mode="json")
    jsonschema.validate(document(answer), SCHEMA)
    assert ask("2026-10?version=1").json == answer.json
    assert problem(ask("2026-10?version=2")) == (404, "not_found")
    assert problem(ask("2026-10?version=0")) == (422, "invalid")


def test_an_unsigned_month_is_a_draft_that_says_so_and_is_reckoned_beside_the_answers(ask: Ask) -> None:
    month = str(month_of(datetime.now(UTC), LIMA))
    first = ask(month)
    assert problem(first) == (503, "being_reckoned")
    assert first.headers["Retry-After"] == "5"
    answer = wait_for(lambda: found if (found := ask(month)).status_code == 200 else None, 60, "the draft is ready")
    assert (answer.json["standing"], answer.json["signature"]) == ("draft", None)
    assert (answer.json["report"]["month"], answer.json["report"]["status"]) == (month, "provisional")
    jsonschema.validate(document(answer), SCHEMA)


@pytest.mark.parametrize("month", ["2999-01", "2001-01", "2026-13", "ayer", "2026-10/", "2026-1"])
def test_a_month_without_figures_is_not_found(ask: Ask, month: str) -> None:
    assert problem(ask(month)) == (404, "not_found")


def test_a_console_without_reports_says_so(store: Engine) -> None:
    console = create_app(store, shipped_policy(), "a key")
    api = Api(console.test_client(), add_token(store, "ana", "pruebas", 1, datetime.now(UTC)))
    assert problem(api.get("/reports/monthly/2026-10")) == (503, "away")
