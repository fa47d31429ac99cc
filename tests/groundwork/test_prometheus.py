"""Questions to Prometheus: right about the past, never fooled by what a label holds, never held up by who answers."""

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from groundwork.prometheus import Prometheus, PrometheusAway, QueryRefused, Sample, selector
from tests.builders import NOON, at
from tests.exporters.peers import Answer, drip, endless, endless_headers, page, peer, reset, saying, silence
from tests.processes import free_ports
from tests.prometheus_server import line, prometheus

HOSTILE = ['x"}) or vector(1) #', "back\\slash", "new\nline", "llave{a=~'.*'}", "tab\tñandú 𝄞", "\x1b[2J"]
RULES = {
    "groups": [
        {
            "name": "g",
            "rules": [
                {"alert": "Cae", "expr": "up_here == 0", "labels": {"severity": "critical"}},
                {"record": "r:r:r", "expr": "vector(1)"},
            ],
        }
    ]
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    names = ["portal", *HOSTILE]
    lines = [line(("up_here", {"component": name}), minute % 2, at(minute)) for name in names for minute in range(4)]
    with prometheus(tmp_path_factory.mktemp("prometheus"), lines, RULES) as url:
        yield Prometheus(url)


@pytest.mark.parametrize("name", ["portal", *HOSTILE])
def test_a_selector_finds_the_series_of_this_name_and_no_other(server: Prometheus, name: str) -> None:
    found = server.instant(selector("up_here", {"component": name}), at(3))
    assert [sample.labels["component"] for sample in found] == [name]


def test_the_past_is_answered_as_it_was(server: Prometheus) -> None:
    query = f"max({selector('up_here', {'component': 'portal'})})"
    assert server.instant(query, at(2)) == [Sample({}, 0.0)]
    assert server.instant(query, at(3)) == [Sample({}, 1.0)]
    (series,) = server.range(query, NOON, at(3), timedelta(minutes=1))
    assert series.points == [(at(minute), float(minute % 2)) for minute in range(4)]
    assert server.instant(query, at(600)) == []


def test_a_rule_is_found_by_its_name(server: Prometheus) -> None:
    (rule,) = server.alert_rules("Cae")
    assert (rule["query"], rule["group"]) == ("up_here == 0", "g")
    assert server.alert_rules("r:r:r") == []


def test_a_query_that_is_wrong_is_refused_with_prometheus_own_words(server: Prometheus) -> None:
    with pytest.raises(QueryRefused, match="parse error"):
        server.instant("max(", NOON)
    with pytest.raises(QueryRefused, match="exceeded maximum resolution"):
        server.range("vector(1)", NOON, at(60 * 24 * 300), timedelta(seconds=1))


def test_a_server_that_is_not_there_is_away() -> None:
    with pytest.raises(PrometheusAway, match="is away"):
        Prometheus(f"http://user:secret@127.0.0.1:{free_ports(1)[0]}").instant("up", NOON)


def ask(answer: Answer) -> tuple[Exception, float]:
    async def run() -> tuple[Exception, float]:
        async with peer(answer) as port:
            began = time.monotonic()
            server = Prometheus(f"http://user:secret@127.0.0.1:{port}", deadline=0.5, largest=100_000)
            try:
                await asyncio.to_thread(server.instant, "up", NOON)
            except (PrometheusAway, QueryRefused) as error:
                return error, time.monotonic() - began
            raise AssertionError("it was answered")

    return asyncio.run(run())


@pytest.mark.parametrize("answer", [silence, reset, drip, endless_headers])
def test_a_peer_that_holds_on_is_away_within_the_deadline(answer: Answer) -> None:
    error, spent = ask(answer)
    assert isinstance(error, PrometheusAway)
    assert "secret" not in str(error)
    assert spent < 2


def test_an_answer_without_end_is_cut_off() -> None:
    error, _ = ask(endless)
    assert isinstance(error, QueryRefused)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>log in</html>",
        "[]",
        "null",
        "1",
        "{}",
        '{"status":"success"}',
        '{"status":"success","data":[]}',
        '{"status":"success","data":{"resultType":"matrix","result":[]}}',
        '{"status":"success","data":{"resultType":"vector","result":{}}}',
        '{"status":"success","data":{"resultType":"vector","result":[1]}}',
        '{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1]}]}}',
        '{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"many"]}]}}',
        '{"status":"success","data":' + "[" * 50_000,
    ],
)
def test_what_does_not_speak_as_prometheus_does_is_away(body: str) -> None:
    error, _ = ask(saying(page(body)))
    assert isinstance(error, PrometheusAway)
    assert "secret" not in str(error)


def test_a_server_that_is_starting_is_away_and_not_wrong() -> None:
    error, _ = ask(saying(page("Service Unavailable", "503 Service Unavailable")))
    assert isinstance(error, PrometheusAway)
