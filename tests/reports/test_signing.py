"""A signed month: who may, what is kept, two at once, what comes out again, and what other programs read of it."""

import json
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from groundwork.problems import Refused
from incident_store.advance import advance
from incident_store.database import open_store, read_store
from incident_store.domain.lifecycle import EventKind
from incident_store.domain.months import parse_month
from incident_store.domain.notices import NoticeKind
from incident_store.domain.steps import Actor, Step
from incident_store.outbox import list_notices
from incident_store.reporting_views import VIEWS, view
from reports import signing
from reports.commands import compute, list_command, monthly_command, send_command, verify_command
from reports.digests import figures_digest
from reports.monthly_report import MonthlyReport
from reports.signing import last_signed, sign, signed_versions
from tests.processes import ROOT
from tests.reports.conftest import October, prepared
from tests.reports.october import ANA, LATER, PEDRO, SOFIA, at, step

MONTH = "2026-10"
SIGNED_AT = LATER + timedelta(seconds=20)


def computed(october: October, as_of: object = LATER) -> MonthlyReport:
    return compute(october.settings, parse_month(MONTH), as_of, lambda _words: None)  # type: ignore[arg-type]


def signed(october: October, reason: str = "", report: MonthlyReport | None = None) -> signing.Signed:
    engine = open_store(october.settings.database_url)
    try:
        return sign(engine, report or computed(october), SOFIA, SIGNED_AT, reason)
    finally:
        engine.dispose()


def test_a_signed_month_is_kept_whole_and_comes_out_again(
    october_on_each: October, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    october = october_on_each
    first = signed(october)

    monthly_command(october.settings, MONTH, tmp_path / "a", [], draft=False)
    monthly_command(october.settings, MONTH, tmp_path / "b", [], draft=False)

    files = sorted((tmp_path / "a").iterdir())
    assert [file.name for file in files] == [f"disponibilidad-2026-10-v1.{form}" for form in ("json", "pdf", "xlsx")]
    assert all(file.read_bytes() == (tmp_path / "b" / file.name).read_bytes() for file in files)
    assert json.loads(files[0].read_text())["signature"]["signed_by"] == "sofia"
    assert "sale idéntica" in capsys.readouterr().out
    with read_store(october.settings.database_url) as connection:
        kept = last_signed(connection, MONTH)
        views = {name: view(connection.dialect.name, name) for name in VIEWS}
        rows = {name: connection.execute(text(f"SELECT * FROM {found}")).all() for name, found in views.items()}
    assert kept is not None
    assert kept.report == first.report
    assert figures_digest(kept.report) == kept.signature.figures
    assert len(rows["availability_days"]) == 31 * (len(first.report.components) + len(first.report.services))
    portal = [row.down for row in rows["availability_days"] if (row.kind, row.name) == ("component", "portal-web")]
    assert sum(portal) == 60
    assert len(rows["clocks"]) == sum(len(row.clocks) for row in first.report.incidents)
    assert len(rows["loads"]) == 62
    assert {row.incident for row in rows["incidents"]} == {1, 2, 3}


def test_the_files_of_one_value_are_the_same_bytes(report: MonthlyReport) -> None:
    for render in signing.RENDERERS.values():
        assert render(report, None) == render(report, None)


def test_only_a_supervisor_signs_and_only_a_month_that_is_over_and_whole(october: October) -> None:
    engine = open_store(october.settings.database_url)
    with pytest.raises(Refused, match="a supervisor signs"):
        sign(engine, computed(october), ANA, SIGNED_AT, "")
    with pytest.raises(Refused, match="is not over"):
        sign(engine, computed(october, at("20 00:00")), SOFIA, SIGNED_AT, "")
    october.settings.prometheus_url = "http://127.0.0.1:9"
    with pytest.raises(Refused, match="incomplete"):
        sign(engine, computed(october), SOFIA, SIGNED_AT, "")
    engine.dispose()


def test_a_correction_is_a_second_version_with_a_reason_and_the_first_stays(
    october: October, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    first = signed(october)
    with pytest.raises(Refused, match="a correction needs --reason"):
        signed(october)
    with pytest.raises(Refused, match="nothing changed since version 1"):
        signed(october, "otra vez")
    engine = open_store(october.settings.database_url)
    step(engine, 3, EventKind.RESTORED, "31 23:00", tests="certificado nuevo")
    engine.dispose()
    as_known_later = computed(october, at("06 09:00", 11))

    second = signed(october, "se confirmó el restablecimiento", as_known_later)

    assert (first.signature.version, second.signature.version) == (1, 2)
    with read_store(october.settings.database_url) as connection:
        assert [one.reason for one in signed_versions(connection, MONTH)] == ["", "se confirmó el restablecimiento"]
        old = last_signed(connection, MONTH, 1)
    assert old is not None
    assert old.report == first.report
    list_command(october.settings, as_json=True)
    assert [one["version"] for one in json.loads(capsys.readouterr().out)] == [1, 2]


def test_what_was_written_down_later_is_told_and_changes_nothing(
    october: October, capsys: pytest.CaptureFixture[str]
) -> None:
    signed(october)
    engine = open_store(october.settings.database_url)
    advance(engine, 3, Step(EventKind.NOTED, LATER, {"text": "visto"}), ANA, LATER + timedelta(hours=1))
    engine.dispose()

    verify_command(october.settings, MONTH, None)

    told = capsys.readouterr()
    assert "sale idéntica" in told.out
    assert "incidencia 3: 1 hechos registrados después de la firma" in told.err


def test_a_month_that_comes_out_otherwise_says_what_differs_and_why(october: October) -> None:
    signed(october)
    targets = october.folder / "config" / "targets.yml"
    targets.write_text(targets.read_text().replace("  bloqueo: all", "  bloqueo: any"))

    with pytest.raises(Refused) as refused:
        verify_command(october.settings, MONTH, None)

    said = str(refused.value)
    assert "cambió targets.yml" in said
    assert "services[bloqueo].combination: all → any" in said
    assert "services[bloqueo].figures.contractual.down: 3 → 0" in said
    assert "components[" not in said


def test_of_two_who_sign_at_once_one_is_told(october_on_each: October) -> None:
    report = computed(october_on_each)
    engine = open_store(october_on_each.settings.database_url)
    together, outcomes = threading.Barrier(2), []

    def try_to_sign(actor: Actor) -> None:
        together.wait()
        try:
            sign(engine, report, actor, SIGNED_AT, "")
            outcomes.append("signed")
        except Refused as refused:
            outcomes.append(str(refused))

    threads = [threading.Thread(target=try_to_sign, args=(actor,)) for actor in (SOFIA, PEDRO)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with engine.connect() as connection:
        assert len(signed_versions(connection, MONTH)) == 1
    engine.dispose()
    assert outcomes.count("signed") == 1
    assert any("meanwhile" in one or "was signed by" in one for one in outcomes)


def test_a_signed_report_cannot_be_changed_or_removed(october_on_each: October) -> None:
    signed(october_on_each)
    engine = open_store(october_on_each.settings.database_url)

    for statement in ("UPDATE signed_reports SET signed_by = 'otro'", "DELETE FROM signed_reports"):
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
            connection.execute(text(statement))
    engine.dispose()


def test_a_role_that_may_only_read_the_views_reads_nothing_else(
    postgres_url: str, october_prometheus: str, tmp_path: Path
) -> None:
    """The grants of docs/reports.md, as they stand there."""
    signed(prepared(tmp_path, october_prometheus, postgres_url))
    role = f"lector_{make_url(postgres_url).database}"
    documented = (ROOT / "docs" / "reports.md").read_text().split("```sql\n")[1].split("```")[0].replace("lector", role)
    owner = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with owner.connect() as connection:
        connection.exec_driver_sql(documented.replace("%", "%%"))
    reader = create_engine(make_url(postgres_url).set(username=role))

    with reader.connect() as connection:
        counts = {name: text(f"SELECT count(*) FROM reporting.{name}") for name in VIEWS}
        found = {name: connection.execute(query).scalar_one() for name, query in counts.items()}
    assert all(found.values())
    for forbidden in ("SELECT * FROM users", "SELECT * FROM events", "CREATE TABLE reporting.x (a int)"):
        with pytest.raises(DBAPIError, match=r"permission denied|read-only"), reader.connect() as connection:
            connection.execute(text(forbidden))
    reader.dispose()
    owner.dispose()


def test_the_signed_files_are_handed_to_the_outbox_once(october: October, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Refused, match="is not signed"):
        send_command(october.settings, MONTH, "sofia", "")
    kept = signed(october)
    with pytest.raises(Refused, match="a supervisor sends"):
        send_command(october.settings, MONTH, "ana", "")

    for _ in range(2):
        send_command(october.settings, MONTH, "sofia", "se trata en la sesión del lunes")

    with read_store(october.settings.database_url) as connection:
        [notice] = [one for one in list_notices(connection) if one.kind is NoticeKind.MONTHLY_REPORT]
    assert capsys.readouterr().out.split() == [str(notice.number)] * 2
    assert notice.facts["month"] == "octubre de 2026"
    assert {(one.name, one.sha256) for one in notice.attachments} == {
        (f"disponibilidad-2026-10-v1.{form}", kept.files[form]) for form in ("pdf", "xlsx")
    }
