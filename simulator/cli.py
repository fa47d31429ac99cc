"""The command `renteseg simulate`: faults on and off, and the mails the development server has received."""

import smtplib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, NoReturn

import typer

from groundwork.durations import parse_duration
from groundwork.problems import ConfigurationError
from groundwork.settings import Settings, read_settings
from simulator.data_days import LIMA
from simulator.database import Database
from simulator.faults import EFFECTS, Fault, FaultBook
from simulator.letters import answer_to, new_letter
from simulator.mail import read_mails

REFUSED, WRONG_USAGE, AWAY = 1, 2, 3

app = typer.Typer(
    help="Faults and mails of the simulated RENTESEG.", no_args_is_help=True, pretty_exceptions_enable=False
)

Name = Annotated[str, typer.Argument(help="the fault's name, see `list`")]


@app.command()
def fault(name: Name, lasting: Annotated[str, typer.Option("--for", help="for how long, such as 10m")] = "") -> None:
    """Turn a fault on, until it is cleared or for some time."""
    chosen, settings, now = _fault(name), _settings(), datetime.now(UTC)
    until = _end(now, lasting) if lasting else None
    if chosen is Fault.DB_DOWN:
        refusal = Database(settings.simulator_database_url).outage_refusal()
        if refusal:
            _refuse(f"db-down is not possible here: {refusal}")
    with _using(settings):
        _book(settings).start(chosen, until, now)
    typer.echo(f"{chosen}: on {_until(until)}; {EFFECTS[chosen]}")


@app.command()
def clear(name: Annotated[str, typer.Argument(help="one fault; without it, all of them")] = "") -> None:
    """Turn one fault, or all, off."""
    chosen, settings = _fault(name) if name else None, _settings()
    with _using(settings):
        ended = _book(settings).clear(chosen, datetime.now(UTC))
    typer.echo(f"cleared: {', '.join(ended)}" if ended else "nothing was on")


@app.command("list")
def list_faults() -> None:
    """Show the faults there are, and which are on."""
    settings = _settings()
    with _using(settings):
        on = _book(settings).deadlines(datetime.now(UTC))
    for each in Fault:
        state = f"on {_until(on[each])}" if each in on else "off"
        typer.echo(f"{each:<14} {state:<28} {EFFECTS[each]}")


@app.command()
def mail(last: Annotated[bool, typer.Option("--last", help="print the newest one as text")] = False) -> None:
    """List the mails received, or print the newest."""
    settings = _settings()
    with _using(settings):
        mails = read_mails(settings.state / "mail")
    if last:
        if not mails:
            _refuse("no mail has been received yet")
        newest = mails[0]
        typer.echo(f"From: {newest.sender}\nTo: {newest.to}\nSubject: {newest.subject}\n\n{newest.text}", nl=False)
        return
    for each in reversed(mails):
        typer.echo(f"{each.received_at.astimezone(LIMA):%Y-%m-%d %H:%M:%S}  {each.to}  {each.subject}")


@app.command()
def write(
    text: Annotated[str, typer.Argument(help="what the mail says")],
    sender: Annotated[str, typer.Option("--from", help="who writes")] = "juan@claro.example",
    subject: str = "Reporte",
    answer: Annotated[bool, typer.Option("--answer", help="answer the newest notice, as its recipient")] = False,
) -> None:
    """Write a mail to RENTESEG's mailbox, as an operator, or as the provider who answers a ticket."""
    settings = _settings()
    with _using(settings):
        mails = read_mails(settings.state / "mail") if answer else []
    try:
        letter = (
            answer_to(mails, settings.mailroom_from, text)
            if answer
            else new_letter(settings.mailroom_from, sender, subject, text)
        )
    except ValueError as error:
        _refuse(f"no mail can say that: {error}")
    if letter is None:
        _refuse("RENTESEG has sent no notice yet that could be answered")
    try:
        with smtplib.SMTP(settings.host, settings.smtp_port, timeout=10) as server:
            server.send_message(letter)
    except OSError as error:
        _refuse(
            f"no mail server on {settings.host}:{settings.smtp_port}: {error.strerror or error}; is the chain running?",
            AWAY,
        )
    typer.echo(f"{letter['From']} → {letter['To']}: {letter['Subject']}")


def _fault(name: str) -> Fault:
    if name not in set(Fault):
        _refuse(f"there is no fault {name!r}; there are: {', '.join(Fault)}")
    return Fault(name)


def _end(now: datetime, lasting: str) -> datetime:
    try:
        return now + timedelta(seconds=parse_duration(lasting))
    except (ValueError, OverflowError) as error:
        _refuse(f"--for {lasting!r} {error}", WRONG_USAGE)


def _settings() -> Settings:
    try:
        return read_settings()
    except ConfigurationError as error:
        _refuse("; ".join(str(problem) for problem in error.problems))


@contextmanager
def _using(settings: Settings) -> Iterator[None]:
    """The state folder in use; refuses in one line where it cannot be read or written."""
    try:
        yield
    except OSError as error:
        _refuse(f"{error.filename or settings.state}: {error.strerror}; is RENTESEG_STATE the folder of the chain?")


def _book(settings: Settings) -> FaultBook:
    return FaultBook(settings.state / "simulator" / "faults.json")


def _until(until: datetime | None) -> str:
    return f"until {until.astimezone(LIMA):%H:%M:%S} (Lima)" if until else "until cleared"


def _refuse(why: str, code: int = REFUSED) -> NoReturn:
    print(why, file=sys.stderr)
    raise typer.Exit(code)
