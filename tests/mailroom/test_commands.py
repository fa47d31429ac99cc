"""The mailroom from a terminal: a report comes, is decided, answered, and everybody sees why something waits."""

import json
from pathlib import Path

import pytest

from incident_store.domain.lifecycle import Role
from incident_store.people import add_person
from tests.mailroom.conftest import Office
from tests.mailroom.letters import letter
from tests.mailroom.post_office import post_office
from tests.mailroom.test_sending import approved
from tests.processes import run_renteseg


@pytest.fixture
def words(office: Office) -> dict[str, str]:
    """The environment of the commands; ana and sofia may use them."""
    add_person(office.engine, "ana", Role.ANALYST, "una contraseña larga")
    add_person(office.engine, "sofia", Role.SUPERVISOR, "una contraseña larga")
    settings = office.settings
    return {
        "RENTESEG_DATABASE_URL": settings.database_url,
        "RENTESEG_CONFIG": str(settings.config),
        "RENTESEG_STATE": str(settings.state),
        "COLUMNS": "200",
    }


def said(words: dict[str, str], *command: str, code: int = 0) -> str:
    answer = run_renteseg(*command, environment=words)
    assert answer.returncode == code, answer.stderr
    return answer.stdout if code == 0 else answer.stderr


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_report_by_mail_is_decided_diagnosed_answered_and_sent(
    office: Office, words: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "a.eml").write_bytes(letter("El portal no responde"))

    assert said(words, "mail", "take", str(tmp_path / "a.eml")) == "1\n"
    assert said(words, "mail", "take", str(tmp_path / "a.eml")) == "it came before\n"
    assert "No abre el portal" in said(words, "mail", "inbox")
    assert "De: Juan <juan@claro.example> (Claro)" in said(words, "mail", "read", "1")
    assert run_renteseg("mail", "read", "1", "--original", environment=words).stdout.startswith("From: Juan")
    assert said(words, "mail", "decide", "1", "incidencia", "--by", "ana") == "1: incidencia, incidencia 1\n"
    assert "La bandeja está vacía." in said(words, "mail", "inbox")
    for step in (
        ("analysis_began", "ana"),
        ("diagnosed", "ana", "responsible=A", "severity=alta", "cause=su DNS"),
        ("validated", "sofia"),
        ("dispatched", "sofia", "to=Claro"),
    ):
        said(words, "incident", "record", "1", step[0], "--by", step[1], *step[2:])
    office.write()
    assert "borrador, por aprobar" in said(words, "mail", "outbox")
    assert "revisarlos y confirmarnos" in said(words, "mail", "show", "1")
    refused = said(words, "mail", "approve", "1", "--by", "ana", code=1)
    assert refused == "to approve a notice is for supervisor, and ana is analyst\n"
    said(words, "mail", "edit", "1", "--by", "ana", "--subject", "Respuesta")
    assert said(words, "mail", "approve", "1", "--by", "sofia") == "1: aprobado, por enviar\n"
    with post_office() as server:
        office.configure(smtp={"port": server.port})
        office.send()

    [mail] = [one.mail for one in server.letters]
    assert (mail["Subject"], mail["In-Reply-To"]) == ("Respuesta", "<uno@claro.example>")
    [notice] = json.loads(said(words, "mail", "outbox", "--all", "--json"))
    assert (notice["state"], notice["recipients"][0]["outcome"]) == ("sent", "sent")
    assert "token" not in notice
    assert said(words, "mail", "write", "1", "follow_up", "--by", "sofia", "--note", "¿Novedades?") == "2\n"
    said(words, "mail", "dismiss", "2", "--by", "sofia", "--reason", "ya respondió")
    assert "every chain is whole" in said(words, "audit", "verify")


REFUSED = (
    (("show", "7"), "there is no notice 7"),
    (("read", "7"), "there is no message 7"),
    (("decide", "7", "quizás", "--by", "ana"), "'quizás' is none of incidencia"),
    (("approve", "99999999999999999999", "--by", "sofia"), "there is no notice 99999999999999999999"),
    (("write", "7", "follow_up", "--by", "sofia"), "there is no incident 7"),
    (("write", "7", "maintenance", "--by", "sofia"), "'maintenance' is none of follow_up"),
    (("edit", "7", "--by", "ana"), "say what to change: --subject or --text-file"),
    (("take", "/nowhere/a.eml"), "/nowhere/a.eml cannot be read"),
    (("retry", "7", "--by", "nadie"), "nobody is called 'nadie'"),
)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_what_cannot_be_done_is_one_line(office: Office, words: dict[str, str]) -> None:
    for command, reason in REFUSED:
        line = said(words, "mail", *command, code=1)

        assert line.startswith(reason), line
        assert line.count("\n") == 1


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_server_that_is_away_is_told_above_what_waits(office: Office, words: dict[str, str]) -> None:
    approved(office)
    office.send()

    told = said(words, "mail", "outbox")

    assert told.startswith("El envío de correo no funciona desde ")
    assert "check its address and the network" in told
