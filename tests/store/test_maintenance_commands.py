"""`renteseg maintenance …`: the windows from a terminal."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from exporters.availability.followed import known_components
from groundwork.problems import Refused
from groundwork.settings import Settings
from incident_store.announcements import maintenance_announcement, window_announcement
from incident_store.database import read_store, upgrade, use_store
from incident_store.domain.intervals import Interval
from incident_store.domain.lifecycle import Role
from incident_store.domain.maintenance import Approval, Window, WindowEventKind
from incident_store.maintenance_commands import list_command, plan_command, show_command, step_command
from incident_store.outbox import Notice, Outcome, Recipient, list_notices, write_recipients
from incident_store.people import add_person
from tests.builders import ROOT, at
from tests.processes import run_renteseg

PASSWORD = "una clave larga"
KNOWN = {"portal-web": "consulta", "api-imei": "bloqueo", "base-datos": "bloqueo"}
RECENT = datetime.now(UTC).date() - timedelta(days=5)
YEAR = datetime.now(UTC).year + 1
NIGHT = {"from": f"{YEAR}-11-24 22:00", "to": f"{YEAR}-11-25 02:00", "reason": "parche", "by": "ana"}


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    upgrade(store_url)
    with use_store(store_url) as engine:
        for name, role in (("ana", Role.ANALYST), ("sofia", Role.SUPERVISOR), ("luis", Role.SUPERVISOR)):
            add_person(engine, name, role, PASSWORD)
    return Settings(state=tmp_path, database_url=store_url, config=ROOT / "config")


def plan(settings: Settings, *components: str, **words: str) -> None:
    given = {"service": "", "late_reason": "", **NIGHT, **words}
    plan_command(settings, KNOWN, given, components, as_json=False)


def step(settings: Settings, kind: WindowEventKind, by: str, reason: str = "", until: str = "") -> None:
    step_command(settings, 1, kind, by=by, reason=reason, until=until, as_json=False)


def shown(settings: Settings, capsys: pytest.CaptureFixture[str]) -> Any:
    capsys.readouterr()
    show_command(settings, 1, as_json=True)
    return json.loads(capsys.readouterr().out)


def test_a_window_from_plan_to_shortening_in_lima_time(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    plan(settings, service="bloqueo")
    step(settings, WindowEventKind.APPROVED, "sofia")
    step(settings, WindowEventKind.ANNOUNCED, "sofia")
    step(settings, WindowEventKind.SHORTENED, "luis", "terminó antes", f"{YEAR}-11-25 01:00")
    window = shown(settings, capsys)
    assert window["components"] == ["api-imei", "base-datos"]
    assert (window["from"], window["to"]) == (f"{YEAR}-11-25T03:00:00Z", f"{YEAR}-11-25T06:00:00Z")
    assert (window["stage"], window["counts"], window["approved_by"]) == ("announced", True, "sofia")
    assert [event["author"] for event in window["events"]] == ["ana", "sofia", "sofia", "luis"]
    list_command(settings, everything=False, as_json=False)
    show_command(settings, 1, as_json=False)
    assert "Comunicado" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("components", "words", "reason"),
    [
        (("portal",), {}, "'portal' is not watched; targets.yml has api-imei"),
        ((), {"service": "consultas"}, "'consultas' is no service"),
        ((), {}, "name the components"),
        (("portal-web",), {"to": f"{YEAR}-11-24 21:00"}, "before it begins"),
        (("portal-web",), {"from": "mañana"}, "not a time such as"),
        (("portal-web",), {"from": f"{RECENT}", "to": f"{RECENT + timedelta(days=1)}"}, "late reason"),
        (("portal-web",), {"by": "nadie"}, "nobody is called"),
        (("portal-web",), {"reason": "x\x1b[2J"}, "control character"),
        (("portal-web",), {"reason": "exe\u202etxt"}, "mark of direction"),
    ],
)
def test_a_plan_that_cannot_stand_says_what_would_be_accepted(
    settings: Settings, components: tuple[str, ...], words: dict[str, str], reason: str
) -> None:
    with pytest.raises(Refused, match=reason):
        plan(settings, *components, **words)


def test_nobody_approves_their_own_window(settings: Settings) -> None:
    plan(settings, "portal-web", by="sofia")
    with pytest.raises(Refused, match="another supervisor"):
        step(settings, WindowEventKind.APPROVED, "sofia")


def test_a_window_that_shares_time_and_component_with_another_is_planned_with_a_warning(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    plan(settings, "portal-web")
    plan(settings, "api-imei")
    assert capsys.readouterr().err == ""
    plan(settings, "portal-web", "base-datos")
    assert "overlaps window 1;" in capsys.readouterr().err


def test_every_watched_component_may_be_maintained() -> None:
    assert known_components(ROOT / "config")["portal-web"] == "consulta"


def test_the_command_line_refuses_in_one_line(tmp_path: Path) -> None:
    environment = {"RENTESEG_STATE": str(tmp_path)}
    assert run_renteseg("db", "upgrade", environment=environment).returncode == 0
    words = ["maintenance", "plan", "portal-web", "--reason", "parche", "--by", "ana"]
    done = run_renteseg(*words, "--from", f"{YEAR}-11-24 22:00", "--to", f"{YEAR}-11-24 23:00", environment=environment)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "nobody is called 'ana'" in done.stderr
    assert run_renteseg("maintenance", "list", "--json", environment=environment).stdout == "[]\n"


def test_a_window_that_was_cancelled_or_is_over_drafts_no_announcement(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    plan(settings, "portal-web")
    step(settings, WindowEventKind.CANCELLED, "sofia", "se posterga")
    assert shown(settings, capsys)["announcement"] is None
    show_command(settings, 1, as_json=False)
    assert "No hay nada que comunicar" in capsys.readouterr().out
    span = Interval(at(0), at(60))
    window = Window(3, ("portal-web",), "", span, "parche", "ana", at(-60), Approval("sofia", at(-50), ""))
    assert window_announcement(window, at(-10)) == maintenance_announcement(window)
    assert window_announcement(window, at(61)) is None
    assert window_announcement(replace(window, approval=None), at(61)) is None


def test_who_was_told_of_a_window_is_told_that_it_was_cancelled(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    plan(settings, "portal-web")
    step(settings, WindowEventKind.APPROVED, "sofia")
    step(settings, WindowEventKind.ANNOUNCED, "sofia")
    step(settings, WindowEventKind.CANCELLED, "luis", "se posterga")
    assert shown(settings, capsys)["announcement"].startswith("Estimados:\n\nQueda cancelado")
    assert [(one.state.value, one.facts["subject"].split(" 2")[0]) for one in notices(settings)] == [
        ("due", "RENTESEG: mantenimiento cancelado"),
        ("dismissed", "RENTESEG: mantenimiento programado"),
    ]


@pytest.mark.parametrize(("outcome", "told"), [(Outcome.PENDING, False), (Outcome.SENT, True)])
def test_an_announcement_that_waits_does_not_leave_after_its_window_was_cancelled(
    settings: Settings, outcome: Outcome, told: bool
) -> None:
    plan(settings, "portal-web")
    step(settings, WindowEventKind.APPROVED, "sofia")
    with use_store(settings.database_url) as engine, engine.begin() as connection:
        write_recipients(connection, 1, [Recipient("eo@example", "EO", "operator", outcome)])
    step(settings, WindowEventKind.CANCELLED, "luis", "se posterga")
    *cancelled, announced = notices(settings)
    assert (announced.state.value, announced.problem) == ("dismissed", "luis: mantenimiento cancelado, se posterga")
    assert bool(cancelled) is told


def notices(settings: Settings) -> list[Notice]:
    with read_store(settings.database_url) as connection:
        return list_notices(connection, open_only=False)


def test_the_announcement_says_what_from_when_until_when_and_is_safe_to_send() -> None:
    span = Interval(at(600), at(600) + timedelta(hours=4))
    window = Window(3, ("portal-web",), "", span, "parche\r\nBcc: otro@example", "ana", at(0))
    draft = maintenance_announcement(window)
    assert draft.subject == "RENTESEG: mantenimiento programado 05/10/2026 22:00:00 (portal-web)"
    for said in ("Componentes: portal-web", "Desde: 05/10/2026 22:00:00", "Hasta: 06/10/2026 02:00:00", "Efecto: "):
        assert said in draft.text
    assert "\nBcc" not in draft.text
