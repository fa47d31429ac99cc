"""What Prometheus sees, read with its own client's parser."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from exporters.availability.accounting import State, observed, opened
from exporters.availability.board import Board
from exporters.availability.exposition import OPENMETRICS, TEXT, Exposition
from exporters.availability.probes.result import Phase, ProbeResult, Reason
from exporters.availability.probes.table import KINDS
from exporters.availability.targets import Targets

BEGAN = datetime(2026, 10, 5, 12, 0, tzinfo=UTC)
TARGETS = Targets.model_validate(
    {
        "components": [
            {
                "name": "portal",
                "kind": "http",
                "service": "consulta",
                "owner": "provider",
                "link": "enlace",
                "url": "http://127.0.0.1/",
                "slow_after": "1s",
            },
            {
                "name": "enlace",
                "kind": "tcp",
                "service": "enlaces",
                "owner": "oti",
                "link": "enlace",
                "address": "127.0.0.1:1",
            },
            {"name": "datos", "kind": "sql", "service": "bloqueo", "owner": "provider", "url": "sqlite:///x.db"},
        ]
    }
)
PORTAL, LINK, DATABASE = TARGETS.components
GOOD = ProbeResult({Phase.RESOLVE: 0.01, Phase.CONNECT: 0.02, Phase.RESPONSE: 0.3})
REFUSED = ProbeResult({Phase.RESOLVE: 0.01, Phase.CONNECT: 0.02}, Reason.REFUSED, "refused")

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


@pytest.fixture
def board() -> Board:
    return Board(TARGETS, {}, BEGAN)


def scraped(board: Board, now: datetime) -> Samples:
    """What both formats say, which is the same, read with the parsers of Prometheus's own client."""
    exposition = Exposition(board, lambda: now)
    plain, openmetrics = (b"".join(exposition.render(accept)[0]).decode() for accept in ("", OPENMETRICS))
    samples = read(text_string_to_metric_families(plain))
    again = read(openmetrics_families(openmetrics))
    moving = ("process_", "python_")
    assert [item for item in samples.items() if not item[0][0].startswith(moving)] == [
        item for item in again.items() if not item[0][0].startswith(moving)
    ]
    return samples


def read(families: Iterable[Metric]) -> Samples:
    found: Samples = {}
    for family in families:
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found
            found[key] = sample.value
    return found


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((name, frozenset(labels.items())))


PORTAL_LABELS: dict[str, Any] = {"component": "portal", "service": "consulta", "owner": "provider"}


def test_before_the_first_probe_the_state_is_unknown_and_all_counters_are_there(board: Board) -> None:
    samples = scraped(board, at(5))

    assert not [name for name, _ in samples if name == "renteseg_component_up"]
    assert value(samples, "renteseg_component_state_seconds_total", **PORTAL_LABELS, state="unknown") == 5
    assert value(samples, "renteseg_component_state_seconds_total", **PORTAL_LABELS, state="up") == 0
    assert value(samples, "renteseg_component_info", **PORTAL_LABELS, kind="http", link="enlace") == 1
    assert value(samples, "renteseg_component_slow_after_seconds", component="portal") == 1
    assert value(samples, "renteseg_component_slow_after_seconds", component="enlace") is None
    assert value(samples, "renteseg_probe_runs_total", component="portal") == 0
    assert value(samples, "renteseg_probe_duration_seconds_count", component="portal") == 0
    for component in TARGETS.components:
        reasons = {
            dict(labels)["reason"]
            for name, labels in samples
            if name == "renteseg_probe_failures_total" and ("component", component.name) in labels
        }
        assert reasons == {reason.value for reason in KINDS[component.kind].reasons}


def test_results_show_in_every_family(board: Board) -> None:
    expires_at = at(86400)
    board.record(PORTAL, GOOD, at(10))
    board.record(PORTAL, ProbeResult(REFUSED.phases, Reason.REFUSED, "", expires_at, at(-5)), at(20))
    board.record(LINK, GOOD, at(12))

    samples = scraped(board, at(25))

    assert value(samples, "renteseg_component_up", **PORTAL_LABELS, link="enlace") == 0
    assert value(samples, "renteseg_component_up", component="enlace", service="enlaces", owner="oti", link="enlace")
    assert value(samples, "renteseg_component_state_seconds_total", **PORTAL_LABELS, state="up") == 10
    assert value(samples, "renteseg_component_state_seconds_total", **PORTAL_LABELS, state="down") == 5
    assert value(samples, "renteseg_component_state_seconds_total", **PORTAL_LABELS, state="unknown") == 10
    since = value(samples, "renteseg_component_state_since_timestamp_seconds", component="portal")
    assert since == at(20).timestamp()
    assert value(samples, "renteseg_probe_runs_total", component="portal") == 2
    assert value(samples, "renteseg_probe_failures_total", component="portal", reason="refused") == 1
    assert value(samples, "renteseg_probe_failures_total", component="portal", reason="status") == 0
    assert value(samples, "renteseg_probe_last_run_timestamp_seconds", component="portal") == at(20).timestamp()
    assert value(samples, "renteseg_probe_phase_seconds", component="portal", phase="connect") == 0.02
    assert value(samples, "renteseg_probe_phase_seconds", component="portal", phase="response") is None
    assert value(samples, "renteseg_probe_last_duration_seconds", component="portal") == pytest.approx(0.03)
    assert value(samples, "renteseg_probe_duration_seconds_count", component="portal") == 2
    assert value(samples, "renteseg_probe_duration_seconds_sum", component="portal") == pytest.approx(0.36)
    assert value(samples, "renteseg_probe_duration_seconds_bucket", component="portal", le="0.05") == 1
    assert value(samples, "renteseg_probe_duration_seconds_bucket", component="portal", le="+Inf") == 2
    expiry = value(samples, "renteseg_tls_certificate_expiry_timestamp_seconds", component="portal")
    assert expiry == expires_at.timestamp()
    begins_at = value(samples, "renteseg_tls_certificate_not_before_timestamp_seconds", component="portal")
    assert begins_at == at(-5).timestamp()


def test_a_component_without_link_has_an_empty_one(board: Board) -> None:
    board.record(DATABASE, GOOD, at(1))

    samples = scraped(board, at(2))

    up = value(samples, "renteseg_component_up", component="datos", service="bloqueo", owner="provider", link="")
    assert up == 1


def test_a_probe_that_could_not_ask_leaves_the_state_unknown(board: Board) -> None:
    board.record(PORTAL, GOOD, at(10))
    board.record(PORTAL, ProbeResult({}, Reason.CONFIGURATION), at(20))

    samples = scraped(board, at(25))

    assert value(samples, "renteseg_component_up", **PORTAL_LABELS, link="enlace") is None
    assert value(samples, "renteseg_component_state_seconds_total", **PORTAL_LABELS, state="unknown") == 15
    assert value(samples, "renteseg_probe_failures_total", component="portal", reason="configuration") == 1


def test_a_component_no_longer_probed_is_unknown_after_three_intervals(board: Board) -> None:
    board.record(PORTAL, GOOD, at(0))

    assert value(scraped(board, at(30)), "renteseg_component_up", **PORTAL_LABELS, link="enlace") == 1
    assert value(scraped(board, at(31)), "renteseg_component_up", **PORTAL_LABELS, link="enlace") is None


def test_accounts_from_disk_go_on(board: Board) -> None:
    saved = observed(opened(at(-3600)), State.UP, at(-3600), timedelta(hours=1))

    samples = scraped(Board(TARGETS, {"portal": saved}, BEGAN), at(1))

    assert value(samples, "renteseg_component_state_seconds_total", **PORTAL_LABELS, state="up") == 3600


def test_the_process_shows_its_own_figures(board: Board) -> None:
    samples = scraped(board, at(1))

    assert value(samples, "process_resident_memory_bytes")
    assert value(samples, "process_open_fds")


def test_ready_means_that_every_component_was_probed_or_had_time(board: Board) -> None:
    assert board.not_ready(at(1)) == "not probed yet: portal, enlace, datos"

    board.record(PORTAL, GOOD, at(2))
    board.record(LINK, REFUSED, at(3))

    assert board.not_ready(at(4)) == "not probed yet: datos"
    assert board.not_ready(at(14)) is None


def test_prometheus_gets_the_format_it_asks_for(board: Board) -> None:
    exposition = Exposition(board, lambda: at(1))

    pieces, text_type = exposition.render("text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
    text = b"".join(pieces)
    pieces, openmetrics_type = exposition.render("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    openmetrics = b"".join(pieces)

    assert (text_type, openmetrics_type) == (TEXT, OPENMETRICS)
    assert b"# TYPE renteseg_probe_runs_total counter\n" in text
    assert b"# TYPE renteseg_probe_runs counter\n" in openmetrics
    assert openmetrics.endswith(b"# EOF\n")
    assert b"# EOF" not in text


def test_what_is_recorded_while_a_scrape_is_read_does_not_change_it(board: Board) -> None:
    board.record(PORTAL, GOOD, at(1))
    exposition = Exposition(board, lambda: at(2))
    undisturbed = b"".join(list(exposition.render()[0])[:-1])  # the last piece is of the process itself

    pieces, _ = exposition.render()
    first = next(iter(pieces))
    board.record(PORTAL, REFUSED, at(2))
    board.record(LINK, GOOD, at(2))
    board.pace.start(0.02)
    board.replace(TARGETS.model_copy(update={"components": (DATABASE,)}), at(2))

    assert first + b"".join(list(pieces)[:-1]) == undisturbed


def test_a_component_that_goes_leaves_no_line_and_one_that_stays_keeps_its_counters(board: Board) -> None:
    exposition = Exposition(board, lambda: at(30))
    board.record(PORTAL, GOOD, at(10))
    board.record(LINK, REFUSED, at(10))
    list(exposition.render()[0])

    slower = PORTAL.model_copy(update={"slow_after": 2.0})
    board.replace(TARGETS.model_copy(update={"components": (slower,)}), at(20))
    text = b"".join(exposition.render()[0]).decode()

    assert 'enlace"' not in text.replace('link="enlace"', "")
    assert 'renteseg_probe_runs_total{component="portal"} 1\n' in text
    assert 'renteseg_component_slow_after_seconds{component="portal"} 2.0\n' in text
    board.record(LINK, GOOD, at(21))  # its probe was still under way


def test_the_exporter_tells_how_it_is_itself(board: Board) -> None:
    board.pace.start(0.02)
    board.pace.skip(3)
    board.reloaded(False, at(7))

    samples = scraped(board, at(8))

    assert value(samples, "renteseg_probe_start_lateness_seconds_bucket", le="0.01") == 0
    assert value(samples, "renteseg_probe_start_lateness_seconds_bucket", le="0.025") == 1
    assert value(samples, "renteseg_probe_skipped_total") == 3
    assert value(samples, "renteseg_monitor_blind") == 0
    assert value(samples, "renteseg_config_last_reload_successful") == 0
    assert value(samples, "renteseg_config_last_reload_success_timestamp_seconds") == BEGAN.timestamp()
