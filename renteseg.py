"""The command `renteseg`: one line a subcommand, each handing over to a package.

Exit codes: 0 done, 1 refused or found wrong, 2 wrong usage, 3 something outside is away.
"""

import importlib
import io
import json
import os
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from groundwork.problems import Away, ConfigurationError, Refused
from groundwork.settings import Settings, read_settings

Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table")]
Form = Annotated[str, typer.Option("--format", help="table, csv, xlsx or json")]
Out = Annotated[Path | None, typer.Option("--out", help="The file to write instead of stdout.")]

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__.split("\n")[0]
)
exporter = typer.Typer(no_args_is_help=True, help="One exporter of metrics.")
database = typer.Typer(no_args_is_help=True, help="The incident store's tables.")
user = typer.Typer(no_args_is_help=True, help="Who may log in.")
token = typer.Typer(no_args_is_help=True, help="Personal tokens of the JSON API.")
incident = typer.Typer(no_args_is_help=True, help="Incidents and their SLA clocks.")
loads = typer.Typer(no_args_is_help=True, help="Reports of the daily files.")
audit = typer.Typer(no_args_is_help=True, help="The hash chains of events.")
sla = typer.Typer(no_args_is_help=True, help="SLA arithmetic.")
maintenance = typer.Typer(no_args_is_help=True, help="Maintenance windows: planned, approved, announced.")
mail = typer.Typer(no_args_is_help=True, help="Notices that leave, and mails that came.")
report = typer.Typer(no_args_is_help=True, help="The month's figures: availability and SLA control matrix.")
quarantine = typer.Typer(no_args_is_help=True, help="What the receiver could not understand.")
for name, group in {
    "quarantine": quarantine,
    "report": report,
    "maintenance": maintenance,
    "exporter": exporter,
    "db": database,
    "user": user,
    "token": token,
    "incident": incident,
    "loads": loads,
    "audit": audit,
    "sla": sla,
    "mail": mail,
}.items():
    app.add_typer(group, name=name)


def settings() -> Settings:
    """This machine's settings, also put into the environment, where configuration files find them."""
    found = read_settings()
    for variable, value in found.environment().items():
        os.environ[variable] = os.environ.get(variable) or value
    return found


def package(name: str) -> Any:
    """A package's module, imported when its command runs and not before."""
    return importlib.import_module(name)


@app.command()
def up(
    simulator: Annotated[bool, typer.Option(help="Also run the simulated RENTESEG.")] = True,
    state: Annotated[Path | None, typer.Option(help="The folder that holds every file it writes.")] = None,
) -> None:
    """The whole chain on this machine, until Ctrl-C."""
    if state is not None:
        os.environ["RENTESEG_STATE"] = str(state.absolute())
    found = settings()
    package("groundwork.logs").configure_logs("up")
    raise typer.Exit(package("chain.up").up(found, simulator=simulator))


@app.command()
def check(as_json: Json = False) -> None:
    """Every file under config/ and rules/: file, line, what is wrong, what to do; warnings do not fail."""
    found = settings()
    warnings = [
        *package("chain.alertmanager_advice").advise(found),
        *package("chain.routing_advice").advise_routes(found),
    ]
    problems = package("chain.checking").check(found)
    if as_json:
        told = {"problems": [asdict(one) for one in problems], "warnings": [str(one) for one in warnings]}
        _tell("", told, as_json=True)
        raise typer.Exit(1 if problems else 0)
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if problems:
        raise ConfigurationError(problems)
    print("the configuration is in order")


@app.command()
def doctor(as_json: Json = False) -> None:
    """What is wrong with the running installation, the worst first; exit code 1 when something is."""
    found = settings()
    findings = package("chain.doctor").examine(found)
    told = [{"importance": one.importance.name.lower(), "what": one.what, "remedy": one.remedy} for one in findings]
    numbered = "\n".join(f"{number}. {one}" for number, one in enumerate(findings, 1))
    _tell(numbered or "nothing is wrong", {"findings": told}, as_json=as_json)
    raise typer.Exit(1 if findings else 0)


@app.command()
def render(target: Path) -> None:
    """Write what Prometheus and Alertmanager read, with this machine's addresses, into a folder."""
    package("chain.rendering").render(settings().config, target)


@app.command()
def webhook() -> None:
    """The receiver of Alertmanager's notifications."""
    package("alertmanager_webhook.main").run(settings())


@app.command()
def worker() -> None:
    """What falls due again and again: reconciliation with Alertmanager, the watch over the sign of life, and more."""
    package("chain.worker").run(settings())


@app.command()
def console() -> None:
    """The pages, and the JSON API."""
    found = settings()
    followed = package("exporters.availability.followed")
    reports = package("reports.commands")
    package("console.main").run(
        found,
        lambda: followed.described_components(found.config),
        lambda now: reports.so_far(found, now).model_dump(),
        package("reports.office").Office(found),
        package("alertmanager_webhook.quarantine").replay,
        lambda: package("exporters.file_loads.configuration").load_names(found.config),
    )


@app.command()
def simulator() -> None:
    """The simulated RENTESEG and the development mail server."""
    settings()
    package("simulator.main").run()


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def simulate(context: typer.Context) -> None:
    """Faults and received mails of the simulator: fault, clear, list, mail."""
    settings()
    package("simulator.cli").app(args=context.args, prog_name="renteseg simulate")


@app.command()
def probe(component: str) -> None:
    """One probe now, with its phases and reason (a confirmation test)."""
    raise typer.Exit(package("exporters.availability.main").probe_once(component, settings()))


@exporter.command()
def availability() -> None:
    """Probes of the components."""
    package("exporters.availability.main").run(settings())


@exporter.command()
def file_loads() -> None:
    """The daily files, from the load log."""
    package("exporters.file_loads.main").run(settings())


@exporter.command()
def incidents() -> None:
    """Open incidents and the deadlines of their clocks."""
    package("exporters.incidents.main").run(settings())


@database.command("upgrade")
def database_upgrade(as_json: Json = False) -> None:
    """Bring the tables to this version."""
    package("incident_store.database").upgrade(settings().database_url)
    _tell("the store is at this program's version", {"ready": True}, as_json=as_json)


@database.command("check")
def database_check(as_json: Json = False) -> None:
    """Whether the store can be used by this version."""
    store = package("incident_store.database")
    if reason := store.schema_lag(store.open_store(settings().database_url)):
        if as_json:
            _tell("", {"ready": False, "reason": reason}, as_json=True)
        raise Away(reason)
    _tell("the store is at this program's version", {"ready": True}, as_json=as_json)


@user.command("add")
def user_add(
    name: str,
    role: Annotated[str, typer.Option(help="analyst, supervisor, viewer or admin")],
    password_file: Annotated[Path | None, typer.Option(help="A file that holds the password; - is stdin.")] = None,
    as_json: Json = False,
) -> None:
    """Let a person log in; the password comes from a prompt, from stdin or from a file."""
    package("incident_store.commands").add_user(settings(), name, role, password_file)
    if as_json:
        _tell("", {"name": name.strip(), "role": role}, as_json=True)


@user.command("list")
def user_list(as_json: Json = False) -> None:
    """Who may log in, and as what."""
    package("incident_store.commands").list_users(settings(), as_json=as_json)


@user.command("role")
def user_role(
    name: str,
    role: Annotated[str, typer.Argument(help="analyst, supervisor, viewer or admin")],
    as_json: Json = False,
) -> None:
    """Give a person another role."""
    package("incident_store.commands").change_role(settings(), name, role)
    _tell(f"{name}: {role}", {"name": name, "role": role}, as_json=as_json)


@user.command("password")
def user_password(
    name: str,
    password_file: Annotated[Path | None, typer.Option(help="A file that holds the password; - is stdin.")] = None,
    as_json: Json = False,
) -> None:
    """Give a person a new password, from a prompt, from stdin or from a file; their sessions end."""
    package("incident_store.commands").change_password(settings(), name, password_file)
    _tell(f"{name}: contraseña nueva", {"name": name}, as_json=as_json)


@user.command("disable")
def user_disable(name: str, as_json: Json = False) -> None:
    """End a person's sessions and tokens; what they did stays theirs."""
    package("incident_store.commands").disable_user(settings(), name)
    _tell(f"{name}: inhabilitado", {"name": name, "disabled": True}, as_json=as_json)


@user.command("enable")
def user_enable(name: str, as_json: Json = False) -> None:
    """Let a disabled person in again."""
    package("incident_store.commands").enable_user(settings(), name)
    _tell(f"{name}: habilitado", {"name": name, "disabled": False}, as_json=as_json)


@token.command("add")
def token_add(
    name: str,
    by: Annotated[str, typer.Option(help="Whose token it is; it may what the person may.")],
    days: Annotated[int, typer.Option(help="How long it is good for.")] = 90,
    as_json: Json = False,
) -> None:
    """Make a token and print it, this once; only its digest is kept."""
    package("incident_store.token_commands").add_command(settings(), name, person=by, days=days, as_json=as_json)


@token.command("list")
def token_list(as_json: Json = False) -> None:
    """The tokens, whose they are, until when, and when they were last used."""
    package("incident_store.token_commands").list_command(settings(), as_json=as_json)


@token.command("revoke")
def token_revoke(name: str, by: Annotated[str, typer.Option(help="Whose token it is.")], as_json: Json = False) -> None:
    """End a token at once."""
    package("incident_store.token_commands").revoke_command(settings(), name, person=by, as_json=as_json)


@incident.command("list")
def incident_list(
    open_only: Annotated[bool, typer.Option("--open", help="Only open ones.")] = False, as_json: Json = False
) -> None:
    """The incidents, newest first."""
    package("incident_store.commands").list_command(settings(), open_only=open_only, as_json=as_json)


@incident.command("show")
def incident_show(
    number: int,
    explain: Annotated[bool, typer.Option("--explain", help="The stretches of each clock.")] = False,
    as_json: Json = False,
) -> None:
    """One incident: facts, clocks, alerts, events."""
    package("incident_store.commands").show_command(settings(), number, explain=explain, as_json=as_json)


@incident.command("regularisations")
def incident_regularisations(number: int, as_json: Json = False) -> None:
    """The loads that an incident left owed; before its closing, those it would leave owed."""
    package("incident_store.regularisation_commands").incident_command(settings(), number, as_json=as_json)


@quarantine.command("list")
def quarantine_list(as_json: Json = False) -> None:
    """What waits in quarantine, the oldest first."""
    package("alertmanager_webhook.quarantine").list_command(settings(), as_json=as_json)


@quarantine.command("show")
def quarantine_show(number: int, as_json: Json = False) -> None:
    """One entry, with its body as it came."""
    package("alertmanager_webhook.quarantine").show_command(settings(), number, as_json=as_json)


@quarantine.command("replay")
def quarantine_replay(number: int, as_json: Json = False) -> None:
    """Read an entry again and record it; refused while it is still not understood."""
    package("alertmanager_webhook.quarantine").replay_command(settings(), number, as_json=as_json)


@quarantine.command("dismiss")
def quarantine_dismiss(number: int, as_json: Json = False) -> None:
    """Settle an entry without recording anything."""
    package("alertmanager_webhook.quarantine").dismiss_command(settings(), number)
    _tell(f"Descartado: {number}", {"entry": number, "settlement": "dismissed"}, as_json=as_json)


@incident.command("record")
def incident_record(
    number: int,
    step: Annotated[str, typer.Argument(help="analysis_began, diagnosed, validated, dispatched, restored, closed, …")],
    details: Annotated[list[str] | None, typer.Argument(help="name=value, such as responsible=B severity=alta")] = None,
    by: Annotated[str, typer.Option(help="The person who does it, as in `renteseg user add`.")] = "",
    at: Annotated[datetime | None, typer.Option(help="When it happened, Lima unless it has an offset; now.")] = None,
    as_json: Json = False,
) -> None:
    """One step of an incident's life, by the same rules as the pages; as JSON, the incident after it."""
    commands, given = package("incident_store.commands"), details or []
    commands.record_command(settings(), number, step, by=by, at=at, details=given, as_json=as_json)


@incident.command("register")
def incident_register(
    component: str,
    title: str,
    by: Annotated[str, typer.Option(help="The person who registers.")] = "",
    kind: Annotated[str, typer.Option(help="incidencia or consulta")] = "incidencia",
    severity: Annotated[str, typer.Option(help="alta, media or baja")] = "media",
    responsible: Annotated[str, typer.Option(help="A, B, C or nobody")] = "nobody",
    service: Annotated[str, typer.Option(help="The service concerned.")] = "",
    channel: Annotated[str, typer.Option(help="correo, telefono or mesa-de-partes")] = "telefono",
    at: Annotated[datetime | None, typer.Option(help="When it was detected; now.")] = None,
    as_json: Json = False,
) -> None:
    """What was reported by telephone, mail or Mesa de Partes; prints the number, as JSON the incident."""
    words = {"component": component, "title": title, "kind": kind, "severity": severity}
    words |= {"responsible": responsible, "service": service, "channel": channel}
    found = settings()
    known = package("incident_store.domain.subjects").Subjects(
        package("exporters.availability.followed").known_components(found.config),
        frozenset(package("exporters.file_loads.configuration").load_names(found.config)),
    )
    package("incident_store.commands").register_command(found, by=by, at=at, words=words, known=known, as_json=as_json)


By = Annotated[str, typer.Option(help="The person who does it, as in `renteseg user add`.")]


@maintenance.command("plan")
def maintenance_plan(
    start: Annotated[str, typer.Option("--from", help="'2026-11-24 22:00', Lima unless it has an offset.")],
    end: Annotated[str, typer.Option("--to", help="Its end, likewise.")],
    reason: Annotated[str, typer.Option(help="What is done and why.")],
    by: By,
    components: Annotated[list[str] | None, typer.Argument(help="As in targets.yml.")] = None,
    service: Annotated[str, typer.Option(help="All components of this service.")] = "",
    late_reason: Annotated[str, typer.Option(help="Why it is recorded only after it began.")] = "",
    as_json: Json = False,
) -> None:
    """A window, to be approved by another person; prints its number."""
    found = settings()
    known = package("exporters.availability.followed").known_components(found.config)
    given = {"from": start, "to": end, "reason": reason, "by": by, "service": service, "late_reason": late_reason}
    package("incident_store.maintenance_commands").plan_command(found, known, given, components or [], as_json=as_json)


def maintenance_step(number: int, kind: str, by: str, reason: str, as_json: bool, until: str = "") -> None:
    """One step of a window."""
    commands = package("incident_store.maintenance_commands")
    step = commands.WindowEventKind(kind)
    commands.step_command(settings(), number, step, by=by, reason=reason, until=until, as_json=as_json)


@maintenance.command("approve")
def maintenance_approve(
    number: int,
    by: By,
    reason: Annotated[str, typer.Option(help="Needed once it has begun.")] = "",
    as_json: Json = False,
) -> None:
    """By a supervisor who did not plan it; from then on its components are silenced while it lasts."""
    maintenance_step(number, "approved", by, reason, as_json)


@maintenance.command("announce")
def maintenance_announce(number: int, by: By, as_json: Json = False) -> None:
    """Record that those concerned were told; `show` drafts the text."""
    maintenance_step(number, "announced", by, "", as_json)


@maintenance.command("cancel")
def maintenance_cancel(
    number: int, by: By, reason: Annotated[str, typer.Option(help="Why.")], as_json: Json = False
) -> None:
    """It counts for nothing, and its silences end."""
    maintenance_step(number, "cancelled", by, reason, as_json)


@maintenance.command("shorten")
def maintenance_shorten(
    number: int,
    by: By,
    until: Annotated[str, typer.Option(help="Its new, earlier end; Lima unless it has an offset.")],
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    as_json: Json = False,
) -> None:
    """It ends earlier; its silences too."""
    maintenance_step(number, "shortened", by, reason, as_json, until)


@maintenance.command("list")
def maintenance_list(
    everything: Annotated[bool, typer.Option("--all", help="Also those of more than two months ago.")] = False,
    as_json: Json = False,
) -> None:
    """The windows, by their beginning."""
    package("incident_store.maintenance_commands").list_command(settings(), everything=everything, as_json=as_json)


@maintenance.command("show")
def maintenance_show(number: int, as_json: Json = False) -> None:
    """One window, what happened to it, and the draft of its announcement."""
    package("incident_store.maintenance_commands").show_command(settings(), number, as_json=as_json)


@incident.command("attach")
def incident_attach(
    number: int,
    file: Annotated[Path, typer.Argument(help="Text, PDF, picture, sheet or document without macros, mail, ZIP.")],
    purpose: Annotated[str, typer.Option("--as", help="log, capture, rca or other")] = "other",
    by: Annotated[str, typer.Option(help="The person who attaches.")] = "",
    at: Annotated[datetime | None, typer.Option(help="When the RCA was received; now.")] = None,
    as_json: Json = False,
) -> None:
    """A file of an incident: a log, a capture, the provider's report (which also records its receipt)."""
    command = package("incident_store.attachment_commands").attach_command
    command(settings(), number, file, purpose=purpose, by=by, at=at, as_json=as_json)


@incident.command("attachments")
def incident_attachments(number: int, as_json: Json = False) -> None:
    """The files of an incident, with their digests."""
    package("incident_store.attachment_commands").list_command(settings(), number, as_json=as_json)


@incident.command("fetch")
def incident_fetch(
    number: int,
    attachment: Annotated[int, typer.Argument(help="Its place in `renteseg incident attachments`.")],
    out: Annotated[Path, typer.Option("--out", help="A new file, or a folder.")] = Path(),
) -> None:
    """One file of an incident, its digest verified."""
    package("incident_store.attachment_commands").fetch_command(settings(), number, attachment, out=out)


@incident.command("evidence")
def incident_evidence(number: int, as_json: Json = False) -> None:
    """What the metrics said when the incident opened."""
    package("incident_store.evidence_commands").evidence_command(settings(), number, as_json=as_json)


@incident.command("draft")
def incident_draft(
    number: int,
    kind: Annotated[str, typer.Argument(help="preliminary or rca-request")],
    as_json: Json = False,
) -> None:
    """The preliminary report, or the request of the provider's report, drafted from the facts; personal data hidden."""
    package("incident_store.evidence_commands").draft_command(settings(), number, kind, as_json=as_json)


@audit.command("verify")
def audit_verify(
    expect: Annotated[
        str, typer.Option(help="The hash of a checkpoint that was kept elsewhere: it must be among ours.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Whether anybody changed, removed or reordered an event or a checkpoint; names the first broken link."""
    package("incident_store.commands").audit_command(settings(), expected=expect, as_json=as_json)


@loads.command("report")
def loads_report(
    day: Annotated[
        str | None, typer.Option(help="The data day, such as 2026-10-05; default: yesterday in Lima.")
    ] = None,
    form: Form = "table",
    out: Out = None,
) -> None:
    """The inconsistencies of a data day: missing, late, queued, rejected, format errors, unusual counts."""
    package("exporters.file_loads.commands").report_command(settings(), day, form, out)


@loads.command("matrix")
def loads_matrix(
    month: Annotated[str, typer.Option(help="The month, such as 2026-10.")], form: Form = "table", out: Out = None
) -> None:
    """Operator × file type × day of a month."""
    package("exporters.file_loads.commands").matrix_command(settings(), month, form, out)


@loads.command("owed")
def loads_owed(as_json: Json = False) -> None:
    """What is still owed because of confirmed outages, the earliest due first."""
    package("incident_store.regularisation_commands").owed_command(settings(), as_json=as_json)


@report.command("monthly")
def report_monthly(
    month: Annotated[str, typer.Argument(help="The month, such as 2026-10.")],
    out: Annotated[Path, typer.Option("--out", help="The folder for the files.")] = Path(),
    form: Annotated[list[str] | None, typer.Option("--format", help="pdf, xlsx or json; all of them.")] = None,
    draft: Annotated[bool, typer.Option("--draft", help="As it comes out now, although it was signed.")] = False,
) -> None:
    """The availability report and the SLA control matrix of a month: PDF, XLSX, JSON."""
    package("reports.commands").monthly_command(settings(), month, out, form or [], draft=draft)


@report.command("sign")
def report_sign(
    month: Annotated[str, typer.Argument(help="A month that is over, such as 2026-10.")],
    by: Annotated[str, typer.Option(help="The supervisor who signs.")],
    reason: Annotated[str, typer.Option(help="Why a signed month is corrected.")] = "",
) -> None:
    """Freeze a month's figures under a supervisor's name; a correction is a further version."""
    package("reports.commands").sign_command(settings(), month, by, reason)


@report.command("verify")
def report_verify(
    month: str, version: Annotated[int | None, typer.Option(help="The version; the last one.")] = None
) -> None:
    """Whether a signed month comes out the same again; what differs, and why."""
    package("reports.commands").verify_command(settings(), month, version)


@report.command("send")
def report_send(
    month: Annotated[str, typer.Argument(help="A signed month, such as 2026-10.")],
    by: Annotated[str, typer.Option(help="The supervisor who sends it.")],
    note: Annotated[str, typer.Option(help="What the mail says beside it.")] = "",
) -> None:
    """Hand a signed month's files to the outbox for the committee; prints the notice's number."""
    package("reports.commands").send_command(settings(), month, by, note)


@report.command("list")
def report_list(as_json: Json = False) -> None:
    """Every signed version."""
    package("reports.commands").list_command(settings(), as_json=as_json)


@report.command("explain")
def report_explain(
    month: Annotated[str, typer.Argument(help="The month, such as 2026-10.")],
    component: Annotated[str, typer.Option(help="The component.")],
    day: Annotated[int | None, typer.Option(help="The day of the month; all days.")] = None,
    as_json: Json = False,
) -> None:
    """Every minute that was not up: its samples, incidents, maintenance and the rule applied."""
    package("reports.explain_command").explain_command(settings(), month, component, day, as_json=as_json)


@report.command("export")
def report_export(
    month: Annotated[str, typer.Argument(help="The month, such as 2026-10.")],
    out: Annotated[Path, typer.Option("--out", help="The folder for the files.")] = Path(),
    form: Annotated[str, typer.Option("--format", help="csv or parquet")] = "csv",
) -> None:
    """The figures as tables for other programs: services, components, days, outages, incidents, clocks, loads."""
    package("reports.export").export_command(settings(), month, out, form)


@loads.command("check")
def loads_check(as_json: Json = False) -> None:
    """The load log's columns against the declared ones."""
    package("exporters.file_loads.commands").check_command(settings(), as_json=as_json)


@mail.command("outbox")
def mail_outbox(
    everything: Annotated[bool, typer.Option("--all", help="Also what was sent or dismissed.")] = False,
    as_json: Json = False,
) -> None:
    """Notices that wait for a text, an approval or a server, and why."""
    package("mailroom.commands").outbox_command(settings(), everything=everything, as_json=as_json)


@mail.command("show")
def mail_show(number: int, as_json: Json = False) -> None:
    """One notice: text, recipients and what became of each."""
    package("mailroom.commands").show_command(settings(), number, as_json=as_json)


@mail.command("write")
def mail_write(
    incident: int,
    kind: Annotated[str, typer.Argument(help="follow_up, operator_answer, rca_request or restoration")] = "follow_up",
    note: Annotated[str, typer.Option(help="What it says beside the facts.")] = "",
    by: By = "",
) -> None:
    """A notice that no step calls for, such as a follow-up; prints its number."""
    package("mailroom.commands").write_command(settings(), incident, kind, by=by, note=note)


@mail.command("edit")
def mail_edit(
    number: int,
    subject: Annotated[str | None, typer.Option(help="The new subject.")] = None,
    text_file: Annotated[Path | None, typer.Option(help="The file with the new text; - is stdin.")] = None,
    by: By = "",
) -> None:
    """Change a draft."""
    package("mailroom.commands").edit_command(settings(), number, by=by, subject=subject, text_file=text_file)


@mail.command("redraft")
def mail_redraft(number: int, by: By = "") -> None:
    """Have a draft written again from the facts as they are now."""
    package("mailroom.commands").redraft_command(settings(), number, by=by)


@mail.command("approve")
def mail_approve(number: int, by: By = "") -> None:
    """Let a draft go as it stands."""
    package("mailroom.commands").approve_command(settings(), number, by=by)


@mail.command("retry")
def mail_retry(number: int, by: By = "") -> None:
    """Try at once to reach those whom a notice has not reached."""
    package("mailroom.commands").retry_command(settings(), number, by=by)


@mail.command("dismiss")
def mail_dismiss(
    number: int, reason: Annotated[str, typer.Option(help="Why it is not sent.")] = "", by: By = ""
) -> None:
    """Decide that a notice is not sent."""
    package("mailroom.commands").dismiss_command(settings(), number, by=by, reason=reason)


@mail.command("inbox")
def mail_inbox(
    everything: Annotated[bool, typer.Option("--all", help="Also what is decided or needs nobody.")] = False,
    as_json: Json = False,
) -> None:
    """Mails that wait for a decision, the oldest first."""
    package("mailroom.commands").inbox_command(settings(), everything=everything, as_json=as_json)


@mail.command("read")
def mail_read(
    number: int,
    original: Annotated[bool, typer.Option("--original", help="The mail's bytes as they came.")] = False,
    as_json: Json = False,
) -> None:
    """One mail that came."""
    package("mailroom.commands").read_command(settings(), number, original=original, as_json=as_json)


@mail.command("decide")
def mail_decide(
    number: int,
    verdict: Annotated[str, typer.Argument(help="incidencia, consulta, parte, respuesta or nada")],
    by: By = "",
    incident: Annotated[int | None, typer.Option(help="The incident it belongs to; the one proposed.")] = None,
    component: Annotated[str, typer.Option(help="What it is about; as proposed.")] = "",
    service: Annotated[str, typer.Option(help="The service concerned; as proposed.")] = "",
    title: Annotated[str, typer.Option(help="What people read first; the subject.")] = "",
    severity: Annotated[str, typer.Option(help="alta, media or baja; as proposed.")] = "",
    responsible: Annotated[str, typer.Option(help="A, B, C or nobody")] = "",
    at: Annotated[datetime | None, typer.Option(help="When the responsible answered; the mail's own time.")] = None,
) -> None:
    """What a mail is: a new incident or consulta, part of one, the responsible's answer, or nothing."""
    words = {"component": component, "service": service, "title": title, "severity": severity}
    words["responsible"] = responsible
    package("mailroom.commands").decide_command(
        settings(), number, verdict, by=by, incident=incident, at=at, words=words
    )


@mail.command("take")
def mail_take(file: Path) -> None:
    """A mail from a file (.eml), as if the mailbox had it; prints its number."""
    package("mailroom.commands").take_command(settings(), file)


CLOCKS = """A line in is a JSON object:

{"calendar": "24x7", "target_seconds": 14400, "start": "2026-10-05T09:00:00-05:00", "stop": null, \
"pauses": [["2026-10-05T10:00:00-05:00", null]], "now": "2026-10-05T12:00:00-05:00"}

`calendar` is "24x7", or {"timezone": "America/Lima", "week": {"mon": [["08:30", "13:00"], ["14:00", "17:30"]], …}, \
"holidays": ["2026-10-08"]}. `stop`, `pauses` and `now` may be left out; a pause without an end is open. Times with an \
offset are absolute, without one they are local to the calendar.

A line out holds `due`, `elapsed_seconds`, `remaining_seconds`, `state` (running, paused, met, breached) and \
`explanation`, the stretches with whether and why they count; or `error`."""


@sla.command(epilog=CLOCKS)
def clock(file: Annotated[typer.FileBinaryRead, typer.Argument(help="JSON lines; - is stdin.")] = "-") -> None:  # type: ignore[assignment]
    """Evaluate clocks given as JSON lines; a bad line answers an error and the others still come."""
    lines, terminal = package("incident_store.clock_lines"), package("incident_store.terminal")
    wrong = False
    for answer in lines.evaluate_lines(file, terminal.utc_now()):
        print(json.dumps(answer, ensure_ascii=False), flush=True)
        wrong = wrong or "error" in answer
    raise typer.Exit(1 if wrong else 0)


def main() -> None:
    """Run the command line; errors go to stderr, one line each, saying what to do."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except ConfigurationError as error:
        _fail(1, *error.problems)
    except Refused as error:
        _fail(1, error)
    except Away as error:
        _fail(3, error)
    except OSError as error:  # of a file or a peer that nobody below expected to fail; its own words say which
        _fail(1 if error.filename else 3, f"{error.filename or 'the system'}: {error.strerror or error}")


def _tell(words: str, document: Any, *, as_json: bool) -> None:
    """What a command has done, in words or as JSON."""
    print(json.dumps(document, ensure_ascii=False, indent=2) if as_json else words)


def _fail(code: int, *lines: object) -> NoReturn:
    for line in lines:
        print(line, file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
