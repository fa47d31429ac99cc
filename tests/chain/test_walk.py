"""The main job, on real parts: a fault becomes a metric, an alert, a mail, an incident with clocks, and minutes.

Each case is one fault of the simulator, held for 150 s, on a chain with SQLite and on one with PostgreSQL.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.chain.conftest import COMPONENTS, Walk, month_queries

pytestmark = pytest.mark.chain

FAULTS = pytest.mark.parametrize("fault", COMPONENTS)
EXPECTED = {
    "portal-down": {"severity": "alta", "responsible": "B", "response": 1800, "resolution": 4 * 3600},
    "api-slow": {"severity": "media", "responsible": "B", "response": 7200, "resolution": 12 * 3600},
    "reject-files": {"severity": "media", "responsible": "A", "response": 7200, "resolution": 12 * 3600},
}
MINUTES = {"portal-down": "minutes_down", "api-slow": "minutes_slow", "reject-files": "minutes_rejected"}
LIMA = ZoneInfo("America/Lima")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def labels_of(fault: str) -> set[tuple[str, str]]:
    component = COMPONENTS[fault]
    if "/" in component:
        operator, file_type = component.split("/")
        return {("operator", operator), ("file_type", file_type)}
    return {("component", component)}


@FAULTS
def test_a_fault_is_an_incident_within_a_minute(walked: Walk, fault: str) -> None:
    assert walked.seconds_to_incident[fault] <= 60


@FAULTS
def test_the_incident_has_the_right_component_severity_and_suspect(walked: Walk, fault: str) -> None:
    incident = walked.during[fault]
    assert incident["component"] == COMPONENTS[fault]
    assert incident["severity"] == EXPECTED[fault]["severity"]
    assert incident["responsible"] == EXPECTED[fault]["responsible"]
    assert incident["state"] == "detectada"


@FAULTS
def test_two_clocks_run_from_the_detection_and_agree_with_the_events_to_the_second(walked: Walk, fault: str) -> None:
    for incident in (walked.during[fault], walked.after[fault]):
        detected = moment(incident["times"]["detected"]).replace(microsecond=0)
        assert set(incident["clocks"]) == {"response", "resolution"}
        for name, clock in incident["clocks"].items():
            assert clock["state"] == "running"
            assert clock["target_seconds"] == EXPECTED[fault][name]
            assert moment(clock["due"]) == detected + timedelta(seconds=clock["target_seconds"])
            assert clock["elapsed_seconds"] + clock["remaining_seconds"] == pytest.approx(clock["target_seconds"])
            (stretch,) = clock["explanation"]
            assert moment(stretch["from"]) == detected


@FAULTS
def test_the_detection_is_the_alerts_own_start_and_lies_within_the_fault(walked: Walk, fault: str) -> None:
    times = walked.after[fault]["times"]
    assert moment(times["detected"]) == walked.alerts[COMPONENTS[fault]]
    assert walked.began <= moment(times["detected"]) <= walked.ended
    assert walked.began - timedelta(seconds=1) <= moment(times["fault_began"]) <= moment(times["detected"])


@FAULTS
def test_the_end_of_the_fault_proposes_its_restoration(walked: Walk, fault: str) -> None:
    incident = walked.after[fault]
    ends = [moment(episode["ended_at"]) for episode in incident["episodes"]]
    assert moment(incident["proposed_restoration"]) == max(ends)
    assert walked.ended <= max(ends) <= walked.ended + timedelta(seconds=60)
    assert "restored" not in incident["times"]


@FAULTS
def test_one_fault_is_one_incident_with_one_alert(walked: Walk, fault: str) -> None:
    found = walked.chain.incidents(COMPONENTS[fault])
    assert len(found) == 1
    assert len(found[0]["episodes"]) == 1


@FAULTS
def test_a_mail_in_spanish_tells_of_the_fault_and_another_of_its_end(walked: Walk, fault: str) -> None:
    words = COMPONENTS[fault].split("/")
    about = [mail for mail in walked.chain.mails() if all(word in mail for word in words)]
    assert any("ACTIVA" in mail for mail in about), walked.chain.mails()
    assert any("RESUELTA" in mail for mail in about), walked.chain.mails()


@FAULTS
def test_the_months_minutes_are_those_of_the_fault(walked: Walk, fault: str) -> None:
    minutes = month_minutes(walked, MINUTES[fault])
    (counted,) = [value for labels, value in minutes.items() if labels_of(fault) <= labels]
    assert counted == pytest.approx((walked.ended - walked.began).total_seconds() / 60, abs=1)


def test_slowness_and_rejections_cost_no_availability(walked: Walk) -> None:
    down = {dict(labels)["component"]: value for labels, value in month_minutes(walked, "minutes_down").items()}
    assert {name: value for name, value in down.items() if value} == {
        "portal-web": down["portal-web"],
        "portal-https": down["portal-https"],
    }


def test_known_minutes_are_those_up_and_those_down(walked: Walk) -> None:
    up, known, down = (month_minutes(walked, f"minutes_{name}") for name in ("up", "known", "down"))
    assert up.keys() == known.keys() == down.keys()
    assert all(known[labels] == up[labels] + down[labels] for labels in known)


def month_minutes(walked: Walk, name: str) -> dict[frozenset[tuple[str, str]], float]:
    """One of the shipped queries, over the month in Lima up to now."""
    now = datetime.now(UTC)
    start = now.astimezone(LIMA).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if start < walked.began - timedelta(days=40):
        raise AssertionError("the month began before the chain could have")
    if start > walked.began:  # the walk crossed the month's end in Lima: its own month is the one before
        start = (start - timedelta(days=1)).replace(day=1)
    span = int((now - start).total_seconds() * 1000) - 1
    return walked.chain.query(month_queries()[name] % {"range": f"{span}ms"}, at=now.timestamp())


def test_the_incident_is_open_in_the_metrics_with_its_deadlines(walked: Walk) -> None:
    for fault, incident in walked.after.items():
        number = str(incident["incident"])
        deadlines: dict[str, Any] = {
            dict(labels)["clock"]: value
            for labels, value in walked.chain.query(
                f'renteseg_incident_sla_deadline_timestamp_seconds{{incident="{number}"}}'
            ).items()
        }
        due = {name: moment(clock["due"]).timestamp() for name, clock in incident["clocks"].items()}
        assert deadlines == pytest.approx(due, abs=0.01), fault
