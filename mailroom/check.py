"""What is wrong with the mailroom's configuration: contacts, secrets, templates."""

from collections.abc import Iterator
from pathlib import Path

from jinja2 import TemplateSyntaxError

from groundwork.configuration import Location, parse, read_text
from groundwork.problems import ConfigurationError, Problem
from incident_store.domain.notices import NoticeKind
from mailroom.contacts import FILE, Contacts, read_contacts
from mailroom.desk import secret
from mailroom.facts import sample
from mailroom.wording import check_wording, unknown_fields


def check(config: Path) -> list[Problem]:
    """Every problem of `contacts.yml` and of the templates of notices; empty when all is well."""
    problems = list(check_wording(config))
    try:
        contacts = read_contacts(config)
    except ConfigurationError as error:
        return [*error.problems, *problems]
    return [*_secrets(contacts, config / FILE), *_tickets(contacts, config / FILE), *problems]


def _secrets(contacts: Contacts, path: Path) -> Iterator[Problem]:
    """Files that are named and cannot be read."""
    files: dict[Location, Path | None] = {}
    for way, server in {"smtp": contacts.smtp, "imap": contacts.imap}.items():
        if server is not None:
            files[way, "ca_file"] = server.ca_file
            files[way, "login", "password_file"] = server.login.password_file if server.login else None
    if contacts.tickets is not None:
        files["tickets", "token_file"] = contacts.tickets.token_file
        files["tickets", "ca_file"] = contacts.tickets.ca_file
    lines = _lines(path)
    for location, file in files.items():
        if file is not None:
            try:
                read_text(file) if location[-1] == "ca_file" else secret(file)
            except ConfigurationError as error:
                one = error.problems[0]
                what = f"{file} {one.what}" if one.file == str(file) else str(one)
                remedy = "write it there, or name another file"
                yield Problem(str(path), what, remedy, lines.get(location), ".".join(map(str, location)))


def _tickets(contacts: Contacts, path: Path) -> Iterator[Problem]:
    """Fields that a ticket's templates name and do not exist."""
    values = {**sample(NoticeKind.PROVIDER_TICKET), "subject": "x", "text": "x"}
    lines = _lines(path)
    for name, template in contacts.tickets.body.items() if contacts.tickets else ():
        location = ("tickets", "body", name)
        try:
            unknown = list(unknown_fields(template, values, path))
        except TemplateSyntaxError as error:
            unknown = [Problem(str(path), str(error.message), "correct the template")]
        for one in unknown:
            yield Problem(str(path), one.what, one.remedy, lines.get(location), ".".join(location))


def _lines(path: Path) -> dict[Location, int]:
    return dict(parse(read_text(path), path)[1])
