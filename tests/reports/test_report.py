"""October's report: every rule of semantics 21 to 26 on one month, and what is said when something is missing."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from incident_store.database import open_store
from incident_store.domain.availability import Verdict
from incident_store.domain.months import parse_month
from incident_store.domain.regularisations import Load, OwedLoad
from incident_store.policy_file import read_policy
from incident_store.regularisations import list_owed, unlisted_outages
from reports.commands import compute
from reports.differences import differences
from reports.monthly_report import Component, Incident, MonthlyReport, Service, Status
from tests.reports.conftest import October
from tests.reports.october import LATER, at

MONTH = parse_month("2026-10")


def component(report: MonthlyReport, name: str) -> Component:
    return next(one for one in report.components if one.name == name)


def service(report: MonthlyReport, name: str) -> Service:
    return next(one for one in report.services if one.name == name)


def incident(report: MonthlyReport, name: str) -> Incident:
    return next(one for one in report.incidents if one.component == name)


def notes(report: MonthlyReport) -> set[tuple[str, str]]:
    return {(note.kind, note.subject) for note in report.notes}


def again(october: October, as_of: object = LATER) -> MonthlyReport:
    return compute(october.settings, MONTH, as_of, lambda _words: None)  # type: ignore[arg-type]


def test_the_four_states_are_every_minute_of_the_month(report: MonthlyReport) -> None:
    """Semantics 21, by month and by day."""
    for one in (*report.services, *report.components):
        minutes = one.figures.minutes
        assert minutes.up + minutes.down + minutes.unknown + minutes.maintenance == report.minutes == 44640
        for day in one.figures.days:
            assert day.up + day.down + day.unknown + day.maintenance == 1440
        assert [day.day.day for day in one.figures.days] == list(range(1, 32))


def test_gross_is_what_was_seen_and_contractual_leaves_maintenance_and_others_faults_out(
    report: MonthlyReport,
) -> None:
    """Semantics 24 and 25: 48 minutes seen down, 45 of them in the window; 90 minutes of OTI's."""
    api, base = component(report, "api-imei").figures, component(report, "base-datos").figures

    assert (api.gross.down, api.contractual.down, api.minutes.maintenance) == (48, 3, 60)
    assert (base.gross.down, base.contractual.down, base.excluded) == (90, 0, 90)
    assert api.gross.percent == int((44640 - 20 - 48) * 1_000_000 / (44640 - 20)) / 10_000
    [exclusion] = report.exclusions
    assert (exclusion.component, exclusion.down, exclusion.approved_by) == ("base-datos", 90, "sofia")
    [window] = [one for one in report.maintenance if one.component == "api-imei"]
    assert (window.minutes, window.approved_by, window.reason) == (60, "sofia", "parche de la base")


def test_a_relapse_joins_its_outages(report: MonthlyReport) -> None:
    """Semantics 8 and 25: 40 and 20 minutes down, and the 110 between them."""
    figures = component(report, "portal-web").figures
    first, second = (one for one in report.outages if one.component == "portal-web")

    assert (figures.gross.down, figures.joined, figures.contractual.down) == (60, 110, 170)
    assert (first.joined_before, second.joined_before) == (0, 110)
    assert first.incident == second.incident == incident(report, "portal-web").number
    assert first.responsible == "B"
    assert first.cause.startswith("actualización fallida")


def test_minutes_that_counters_prove_are_filled_and_the_exporters_own_absence_is_unknown(
    report: MonthlyReport,
) -> None:
    """Semantics 26."""
    portal = [one for one in report.filled if one.component == "portal-web"]

    assert [(one.starts_at, one.minutes, one.state) for one in portal] == [(at("20 10:00"), 120, "up")]
    assert component(report, "portal-web").figures.minutes.unknown == 20
    assert component(report, "portal-web").figures.gross.coverage_percent == 99.9551


def test_nothing_is_dropped(report: MonthlyReport) -> None:
    """What was renamed, retired or never seen is there, unknown where nobody saw it."""
    old, new, never = (component(report, name) for name in ("ussd-antiguo", "ussd", "sftp-nuevo"))

    assert (old.figures.minutes.unknown, old.declared) == (44640 - 14 * 1440, False)
    assert (new.figures.minutes.unknown, new.known_from) == (14 * 1440 + 20, at("15 00:00"))
    assert (never.figures.minutes.unknown, never.figures.verdict) == (44640, Verdict.NO_DATA)
    assert {("never_seen", "sftp-nuevo"), ("seen_until", "ussd-antiguo"), ("seen_from", "ussd")} <= notes(report)
    assert ("undeclared", "ussd-antiguo") in notes(report)


def test_a_service_follows_from_the_minutes_of_its_components(report: MonthlyReport) -> None:
    """Semantics 23: both of `bloqueo` are needed; a component that nobody saw leaves `consulta` unknown."""
    assert service(report, "bloqueo").figures.gross.down == 48 + 90
    assert service(report, "bloqueo").figures.minutes.down == 3 + 90
    assert service(report, "bloqueo").figures.contractual.down == 3
    assert service(report, "consulta").figures.minutes.up == 0
    assert service(report, "ussd").components == ("ussd",)


def test_a_verdict_lies_between_what_the_unknown_minutes_could_make_of_it(report: MonthlyReport) -> None:
    """Semantics 25: `consulta` missed its target whatever the unknown minutes were, `ussd` met it in what was seen."""
    consulta, ussd = (service(report, name).figures for name in ("consulta", "ussd"))

    assert consulta.verdict is Verdict.MISSED
    assert (consulta.contractual.percent_if_unknown_down, consulta.contractual.percent_if_unknown_up) == (0.0, 98.7903)
    assert ussd.verdict is Verdict.MET_AS_SEEN
    assert (ussd.contractual.percent_if_unknown_down, ussd.contractual.percent_if_unknown_up) == (54.7939, 100.0)


def test_time_that_is_not_the_providers_begins_with_the_outage_that_was_seen(report: MonthlyReport) -> None:
    [excluded] = report.exclusions

    assert (excluded.starts_at, excluded.ends_at, excluded.down) == (at("18 03:00"), at("18 04:35"), 90)


def test_the_matrix_has_every_time_and_each_clock(report: MonthlyReport) -> None:
    """Semantics 11 and 13: times, targets, elapsed, pauses, verdict."""
    row = incident(report, "portal-web")
    clocks = {clock.name: clock for clock in row.clocks}

    assert list(row.times) == [
        "fault_began", "detected", "recorded", "diagnosed", "validated", "dispatched", "responsible_answered",
        "restored", "rca_asked", "rca_received", "closed", "announced",
    ]  # fmt: skip
    assert (row.relapses, row.restored, row.carried_over, row.down_minutes) == (1, True, False, 60)
    assert clocks["response"].elapsed_seconds == 23 * 60
    assert (clocks["resolution"].paused_seconds, clocks["resolution"].restored_seconds) == (5 * 60, 107 * 60)
    assert clocks["resolution"].elapsed_seconds == (43 + 28 - 5) * 60
    assert {clock.state for clock in row.clocks} == {"met"}
    assert not any(clock.contractual for clock in row.clocks)


def test_an_incident_that_goes_on_past_the_month_says_so(report: MonthlyReport) -> None:
    row = incident(report, "portal-https")

    assert not row.restored
    assert row.down_minutes == 480
    assert ("without_restoration", str(row.number)) in notes(report)


def test_compliance_counts_each_clock_once(report: MonthlyReport) -> None:
    found = {(one.clock, one.severity): (one.met, one.breached, one.open) for one in report.compliance}

    assert found["response", "alta"] == found["resolution", "media"] == (1, 0, 0)
    assert found["response", "baja"] == (0, 1, 0)
    assert sum(sum(one) for one in found.values()) == sum(len(row.clocks) for row in report.incidents)


def test_the_loads_of_each_data_day_are_those_at_the_end_of_the_next(report: MonthlyReport) -> None:
    loads = {load.operator: load for load in report.loads}

    assert {one.day.day: one.state for one in loads["CLARO"].days if one.state != "processed"} == {9: "rejected"}
    assert {one.day.day: one.state for one in loads["ENTEL"].days if one.state != "processed"} == {20: "missing"}
    assert [one.day.day for one in loads["ENTEL"].days] == list(range(1, 32))
    assert loads["CLARO"].outcomes == {"processed": 31, "rejected": 1}


def test_what_is_still_owed_is_told_from_the_months_incident_on(october: October) -> None:
    """Semantics 33: one load processed late in October, one never."""
    engine = open_store(october.settings.database_url)
    done, open_ = (Load("CLARO", "ROBOS", date(2026, 10, day)) for day in (3, 4))
    owed = [OwedLoad(done, at("20 10:00")), OwedLoad(open_, None)]
    with engine.begin() as connection:
        [outage] = unlisted_outages(connection)
        assert list_owed(connection, outage, owed, read_policy(october.settings.config), at("20 10:01"))
    engine.dispose()

    found = {
        month: [
            (one.day.day, one.settled_at is None, one.late)
            for one in compute(october.settings, parse_month(month), LATER, lambda _words: None).regularisations
        ]
        for month in ("2026-09", "2026-10", "2026-11")
    }

    assert found == {"2026-09": [], "2026-10": [(3, False, True), (4, True, True)], "2026-11": [(4, True, True)]}


def test_a_month_that_is_not_over_is_provisional_and_what_has_not_passed_is_no_ones_fault(october: October) -> None:
    now = at("11 00:00")
    report = again(october, now)
    portal = component(report, "portal-web").figures

    assert report.status is Status.PROVISIONAL
    assert portal.minutes.pending == portal.minutes.unknown == 21 * 1440
    assert portal.gross.coverage_percent == 100
    assert ("provisional", "") in notes(report)
    assert [row.component for row in report.incidents] == ["portal-web"]
    assert not [row for row in again(october, at("05 10:00")).incidents if "rca_asked" in row.times]


def test_a_month_to_come_is_all_unknown_and_says_so(october: October) -> None:
    report = compute(october.settings, parse_month("2031-02"), LATER, lambda _words: None)

    assert report.status is Status.PROVISIONAL
    assert report.minutes == 40320
    assert {one.figures.minutes.pending for one in report.components} == {40320}
    assert {one.figures.verdict for one in report.services} == {Verdict.NO_DATA}


def test_without_prometheus_the_rest_of_the_report_is_still_made(october: October) -> None:
    october.settings.prometheus_url = "http://127.0.0.1:9"

    report = again(october)

    assert report.status is Status.INCOMPLETE
    assert {one.figures.minutes.unknown for one in report.components if one.name == "base-datos"} == {44640}
    assert [row.number for row in report.incidents] == [1, 2, 3]
    assert {("prometheus_away", ""), ("loads_away", "")} <= notes(report)


def test_a_prometheus_that_keeps_too_little_is_told_from_when_on(october: October) -> None:
    report = compute(october.settings, parse_month("2026-09"), LATER, lambda _words: None)
    portal = component(report, "portal-web")

    assert portal.known_from == at("30 00:00", 9)
    assert portal.figures.gross.coverage_percent == int(1440 / 43200 * 1_000_000) / 10_000
    assert ("data_from", str(29 * 1440)) in notes(report)


def test_a_severity_without_targets_is_named_and_the_rest_is_there(october: October) -> None:
    file = october.folder / "config" / "sla.yml"
    text = file.read_text()
    file.write_text(text[: text.index("      baja:\n        response")])

    report = again(october)

    assert incident(report, "portal-https").without_target == ("response", "resolution")
    assert incident(report, "portal-https").clocks == ()
    assert len(incident(report, "portal-web").clocks) == 3
    assert {"policy", "without_target"} <= {kind for kind, _ in notes(report)}


def test_targets_that_cannot_be_read_hide_no_component_that_was_seen(october: October) -> None:
    (october.folder / "config" / "targets.yml").write_text("components: [")

    report = again(october)

    assert component(report, "portal-web").figures.gross.down == 60
    assert "targets" in {kind for kind, _ in notes(report)}


def test_the_same_inputs_give_the_same_report(october: October) -> None:
    first, second = again(october), again(october)

    assert first == second
    assert first.inputs == second.inputs
    assert differences(first, second) == []


def test_what_running_clocks_grew_by_between_two_readings_is_no_difference(october: October) -> None:
    working = datetime(2026, 11, 3, 15, tzinfo=UTC)  # a Tuesday morning in Lima
    first, second = again(october, working), again(october, working + timedelta(minutes=5))

    assert first.incidents != second.incidents
    assert differences(first, second) == []
    assert differences(second, first) != []


def test_days_are_in_order_and_each_midnight_belongs_to_one(report: MonthlyReport) -> None:
    days = [day.day for day in report.components[0].figures.days]

    assert all(second - first == timedelta(days=1) for first, second in pairwise(days))


@pytest.mark.parametrize("name", ["portal-https", "enlace-proveedor"])
def test_what_lies_across_the_months_edge_counts_in_both_for_its_own_minutes(october: October, name: str) -> None:
    """An outage from the 31st to the 2nd, and a window from 22:00 to 02:00."""
    november = compute(october.settings, parse_month("2026-11"), LATER, lambda _words: None)
    october_part, november_part = (component(one, name).figures for one in (again(october), november))

    if name == "portal-https":
        assert (october_part.gross.down, november_part.gross.down) == (8 * 60, 34 * 60)
        assert next(row for row in november.incidents if row.component == name).carried_over
    else:
        assert (october_part.minutes.maintenance, november_part.minutes.maintenance) == (120, 120)
