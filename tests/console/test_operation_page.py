"""Operatividad: the board is read from a real Prometheus and the store, once for all who look."""

import gzip
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from console.app import create_app
from console.board import Board, Instant, Readings, make_board, minutes_left
from console.board_reading import BoardReader, MinuteStrip
from groundwork.prometheus import Prometheus
from incident_store.domain.availability import MinuteState
from incident_store.domain.intervals import Interval
from incident_store.domain.lifecycle import Role
from incident_store.domain.maintenance import Plan, WindowEventKind, WindowStep
from incident_store.domain.minute_sets import Span, between
from incident_store.domain.steps import Actor
from incident_store.maintenance import add_window, step_window
from tests.builders import shipped_policy
from tests.console.browser import Browser
from tests.processes import free_ports
from tests.prometheus_server import line, prometheus

UP, DOWN, UNKNOWN, MAINTENANCE = MinuteState.UP, MinuteState.DOWN, MinuteState.UNKNOWN, MinuteState.MAINTENANCE
WATCHED = [
    {"name": "portal-web", "kind": "http", "service": "consulta", "owner": "provider"},
    {"name": "api-imei", "kind": "http", "service": "bloqueo", "owner": "provider"},
    {"name": "base-datos", "kind": "sql", "service": "bloqueo", "owner": "provider"},
]
DAY = 24 * 60


def samples(now: datetime) -> Iterator[str]:
    """A day in which portal-web works, api-imei is down since 30 minutes and base-datos was never seen."""
    minute = now.replace(second=0, microsecond=0)
    moments = [minute - timedelta(minutes=back) for back in range(DAY, 0, -1)] + [now]
    for component, down_from in (("portal-web", None), ("api-imei", minute - timedelta(minutes=30))):
        labels = {"component": component, "service": "s", "owner": "provider"}
        for at in moments:
            yield line(("renteseg_component_up", labels), int(down_from is None or at < down_from), at)
    for component, since in (("portal-web", 86_400), ("api-imei", 1800)):
        value = now.timestamp() - since
        yield line(("renteseg_component_state_since_timestamp_seconds", {"component": component}), value, now)
    labels = {"component": "api-imei", "reason": "timeout"}
    for back in (9, 5, 0):
        yield line(("renteseg_probe_failures_total", labels), 10 - back, now - timedelta(minutes=back))


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    now = datetime.now(UTC)
    with prometheus(tmp_path_factory.mktemp("prometheus"), samples(now)) as url:
        yield url


def rows(board: Board) -> dict[str, Any]:
    return {row.name: row for group in board.groups for row in (group.service, *group.components)}


def test_the_board_says_what_works_what_does_not_and_what_nobody_saw(metrics: str, peopled: Engine) -> None:
    found = rows(BoardReader(peopled, metrics, lambda: WATCHED).board())
    assert {name: row.state for name, row in found.items()} == {
        "consulta": UP,
        "portal-web": UP,
        "bloqueo": DOWN,
        "api-imei": DOWN,
        "base-datos": UNKNOWN,
    }
    assert found["api-imei"].instant.why == ("timeout",)
    assert found["api-imei"].counts[DOWN] in {29, 30}
    assert found["portal-web"].counts[UP] >= DAY - 1
    assert found["base-datos"].counts == {UP: 0, DOWN: 0, UNKNOWN: DAY, MAINTENANCE: 0}
    assert all(sum(row.counts.values()) == DAY for row in found.values())
    assert all(sum(run.minutes for run in row.strip) == DAY for row in found.values())


def test_a_window_that_counts_is_maintenance_in_the_strip_and_now(metrics: str, peopled: Engine) -> None:
    now = datetime.now(UTC)
    span = Interval(now - timedelta(hours=1), now + timedelta(hours=1))
    with peopled.begin() as connection:
        plan = Plan(("api-imei",), "", span, "parche", "urgente")
        window = add_window(connection, plan, Actor("ana", Role.ANALYST), now)
        approval = WindowStep(WindowEventKind.APPROVED, "autorizado por teléfono")
        step_window(connection, window.number, approval, Actor("sofia", Role.SUPERVISOR), now)
    found = rows(BoardReader(peopled, metrics, lambda: WATCHED).board())
    assert found["api-imei"].state is MAINTENANCE
    assert found["api-imei"].counts[MAINTENANCE] in {59, 60}


def test_without_prometheus_nothing_is_said_to_work_and_the_page_says_why(peopled: Engine) -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    board = BoardReader(peopled, url, lambda: WATCHED).board()
    assert "Prometheus no responde" in str(board.trouble)
    assert {row.state for row in rows(board).values()} == {UNKNOWN}


def test_the_strip_moves_on_by_asking_only_for_what_is_new(metrics: str) -> None:
    now, strip, fresh = datetime.now(UTC), MinuteStrip(), MinuteStrip()
    strip.renew(Prometheus(metrics), now - timedelta(minutes=5))
    strip.renew(Prometheus(metrics), now)
    fresh.renew(Prometheus(metrics), now)
    assert (strip.up, strip.down, strip.span) == (fresh.up, fresh.down, fresh.span)


def test_fifty_browsers_at_once_are_one_reading(metrics: str, peopled: Engine) -> None:
    asked: list[int] = []
    reader = BoardReader(peopled, metrics, lambda: asked.append(1) or WATCHED)  # type: ignore[func-returns-value]
    boards: list[Board] = []
    threads = [threading.Thread(target=lambda: boards.append(reader.board())) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(board) for board in boards}) == 1
    assert len(asked) == 1


def test_the_page_shows_the_month_that_the_report_reckons(metrics: str, peopled: Engine) -> None:
    share = {"percent": 99.25, "coverage_percent": 98.5, "down": 100}
    figures = {
        "gross": share,
        "contractual": share,
        "excluded": 0,
        "minutes": {"maintenance": 0},
        "target_percent": 99.5,
        "target_is_contractual": False,
    }
    document = {
        "minutes": 43_200,
        "as_of": datetime.now(UTC),
        "services": [{"name": "bloqueo", "figures": figures, "needed": 1}],
        "components": [{"name": "api-imei", "figures": figures}],
    }
    app = create_app(
        peopled,
        shipped_policy(),
        "key",
        watched=lambda: WATCHED,
        prometheus_url=metrics,
        read_report=lambda _: document,
    )
    ana = Browser(app, "ana")
    ana.get("/operatividad")
    reader: BoardReader = app.extensions["board"]
    with reader._reckoning:
        reader._board = None
    page = ana.get("/operatividad/vivo").text
    assert "99.250 %" in page
    assert "116 min" in page  # 0.5 % of 43,200 minutes are 216, and 100 are lost
    assert 'class="strip-down"' in page
    assert browser_is_sent_to_login(app)


def browser_is_sent_to_login(app: Any) -> bool:
    answer = app.test_client().get("/operatividad/vivo")
    return answer.status_code == 302 and "/login" in answer.headers["Location"]


def test_a_service_works_while_enough_of_its_components_do() -> None:
    now = datetime(2026, 10, 5, 17, 0, tzinfo=UTC)
    span = Span(now - timedelta(minutes=10), 10)
    instants = {"api-imei": Instant(up=False), "base-datos": Instant(up=True)}
    up, down = {"base-datos": span.all}, {"api-imei": between(7, 10)}
    read = Readings(now, span, instants, up, down, {}, frozenset(), {}, None, None)
    (group,) = make_board(WATCHED[1:], read).groups
    assert group.service.state is DOWN
    assert [(run.first, run.minutes, run.state) for run in group.service.strip] == [(0, 7, UNKNOWN), (7, 3, DOWN)]


@pytest.mark.parametrize(
    ("counted", "lost", "target", "left"), [(43_200, 0, 99.5, 216), (43_200, 216, 99.5, 0), (44_640, 60, 99.9, -16)]
)
def test_minutes_left_before_the_target_is_missed(counted: int, lost: int, target: float, left: int) -> None:
    assert minutes_left(counted, lost, target) == left


def test_the_board_is_sent_small_to_whoever_takes_it_compressed(peopled: Engine) -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    many = [{**WATCHED[0], "name": f"componente-{number}"} for number in range(200)]
    ana = Browser(create_app(peopled, shipped_policy(), "key", watched=lambda: many, prometheus_url=url), "ana")
    for path in ("/operatividad", "/operatividad/vivo"):
        plain = ana.get(path)
        packed = ana.client.get(path, headers={"Accept-Encoding": "gzip, br"})
        assert (plain.headers.get("Content-Encoding"), packed.headers["Content-Encoding"]) == (None, "gzip")
        assert "componente-199" in gzip.decompress(packed.data).decode()
        assert len(packed.data) < len(plain.data) / 5
        assert all("Accept-Encoding" in answer.headers["Vary"] for answer in (plain, packed))
