"""`renteseg check` reads the contacts, their secrets and every template of the mailroom."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailroom.check import check
from tests.builders import ROOT
from tests.processes import run_renteseg


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    yield tmp_path / "config"


def replaced(config: Path, file: str, old: str, new: str) -> None:
    path = config / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def said(config: Path) -> list[str]:
    return [str(problem).replace(f"{config}/", "") for problem in check(config)]


def test_the_shipped_configuration_is_in_order(config: Path) -> None:
    assert said(config) == []


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("{{ incident.cause }}", "{{ incident.causa }}", "there is no field 'incident.causa'"),
        ("{{ incident.cause }}", "{{ incidente.cause }}", "there is no field 'incidente'"),
        ("{% if note %}", "{% if nota %}", "there is no field 'nota'"),
        ("{{ deadline.name }}", "{{ deadline.nombre }}", "has no attribute 'nombre'"),
    ],
)
def test_a_template_with_an_unknown_field_is_found_with_its_line(config: Path, old: str, new: str, what: str) -> None:
    lines = (config / "mails" / "provider_ticket.txt.j2").read_text(encoding="utf-8").splitlines()
    number = next(place for place, line in enumerate(lines, 1) if old in line)
    replaced(config, "mails/provider_ticket.txt.j2", old, new)

    [problem] = said(config)

    assert problem.startswith(f"mails/provider_ticket.txt.j2:{number}: ")
    assert what in problem


def test_an_unknown_field_is_found_where_this_time_nobody_would_come_by(config: Path) -> None:
    replaced(
        config,
        "mails/provider_ticket.txt.j2",
        "{% if note %}",
        "{% if false %}{{ incident.no }}{% endif %}{% if note %}",
    )

    assert "there is no field 'incident.no'" in said(config)[0]


def test_a_template_that_is_missing_broken_or_without_a_subject_is_found(config: Path) -> None:
    (config / "mails" / "restoration.txt.j2").unlink()
    replaced(config, "mails/follow_up.txt.j2", "{% endif %}", "")
    replaced(config, "mails/oti_coordination.txt.j2", "Asunto:", "Tema:")

    problems = "\n".join(said(config))

    assert "mails/restoration.txt.j2: cannot be read" in problems
    assert "mails/follow_up.txt.j2:" in problems
    assert "mails/oti_coordination.txt.j2:1: does not begin with 'Asunto:' and a text after it" in problems


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("mesa@inetum.example", "mesa@", "is not a mail address"),
        ("mesa@inetum.example", '"mesa@inetum.example, otro@x.example"', "is not a mail address"),
        ("kind: provider", "kind: proveedor", "write one of 'operator', 'provider'"),
        ("port: ${RENTESEG_SMTP_PORT:-1025}", "port: 99999", "less than or equal to 65535"),
        ("  follow_up: {to: [named], approval: person}\n", "", "notices says nothing of follow_up"),
        ("{to: [named], approval: person}", "{to: [nadie], approval: person}", "write one of 'reporter'"),
        ("name: Movistar", "name: claro", "'claro' belongs to Claro and to claro"),
        ("sender:", "remitente:", "unknown key 'remitente'"),
    ],
)
def test_what_is_wrong_with_the_contacts_is_named_with_its_line(config: Path, old: str, new: str, what: str) -> None:
    replaced(config, "contacts.yml", old, new)

    problems = said(config)

    assert any(what in one for one in problems), problems
    assert problems[0].startswith("contacts.yml")


def test_a_secret_that_cannot_be_read_is_named_with_its_line(config: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    login = f"  login: {{user: renteseg, password_file: {tmp_path}/empty}}\n  ca_file: {tmp_path}/ca.pem\n"
    replaced(config, "contacts.yml", "smtp:\n", "smtp:\n" + login)

    problems = said(config)

    assert len(problems) == 2
    assert any("smtp.login.password_file: " in one and "holds no secret" in one for one in problems)
    assert any("smtp.ca_file: " in one and "cannot be read" in one for one in problems)


def test_a_password_is_not_sent_in_clear_to_another_machine(config: Path) -> None:
    replaced(config, "contacts.yml", "smtp:\n", "smtp:\n  login: {user: x, password_file: /dev/null}\n")
    replaced(config, "contacts.yml", "host: ${RENTESEG_SMTP_HOST:-127.0.0.1}", "host: correo.example")

    assert any("would send the password in clear" in one for one in said(config))


def test_a_tickets_template_with_an_unknown_field_is_found(config: Path) -> None:
    entry = 'tickets:\n  url: https://t.example\n  number: a.b\n  body: {t: "{{ incident.no }}"}\n'
    with (config / "contacts.yml").open("a", encoding="utf-8") as file:
        file.write(entry)

    assert "tickets.body.t: there is no field 'incident.no'" in said(config)[0]


def test_the_command_says_it_too(config: Path) -> None:
    replaced(config, "mails/follow_up.txt.j2", "{{ note }}", "{{ nota }}")

    answer = run_renteseg("check", environment={"RENTESEG_CONFIG": str(config)})

    assert answer.returncode == 1
    assert "there is no field 'nota'" in answer.stderr
