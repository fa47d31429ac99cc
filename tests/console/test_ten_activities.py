"""PM06.01 walked by two people over the API: from a real alert to the consolidated row, activity by activity."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from chain.programs import program
from incident_store.database import open_store, upgrade
from incident_store.domain.lifecycle import Role
from incident_store.people import add_person
from incident_store.regularising import Regulariser, ask_owed
from incident_store.tokens import add_token
from incident_store.words import LIMA
from tests.builders import PORTAL_DOWN, shipped_policy
from tests.exporters.file_loads.load_logs import create_log, execute, log_file
from tests.processes import answers, free_ports, renteseg, run_renteseg, running, wait_for

SECRET = "the secret that Alertmanager sends to the receiver"


@dataclass
class Person:
    """Somebody at work, with a personal token."""

    api: httpx.Client

    def reads(self, path: str) -> Any:
        answer = self.api.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def records(self, number: int, kind: str, *, at: datetime | None = None, **details: str) -> dict[str, Any]:
        """Take a step on the incident as it is now seen; returns the incident after it."""
        seen = self.reads(f"/incidents/{number}")["version"]
        body = {"kind": kind, "details": details, "seen": seen, "at": at and at.isoformat()}
        answer = self.api.post(f"/incidents/{number}/events", json=body, headers={"Idempotency-Key": f"{kind}-{seen}"})
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()["incident"]
        return told

    def writes(self, path: str, **body: Any) -> dict[str, Any]:
        """Write anything else; returns what became of it."""
        answer = self.api.post(path, json=body)
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def drafts(self, number: int, kind: str) -> str:
        """A text drafted from the facts of the incident as they are now."""
        return str(self.reads(f"/incidents/{number}/drafts/{kind}")["text"])

    def is_refused(self, number: int, kind: str, **details: str) -> str:
        answer = self.api.post(f"/incidents/{number}/events", json={"kind": kind, "details": details})
        assert answer.status_code >= 400, answer.text
        return str(answer.json()["type"]).removeprefix("urn:renteseg:problem:")

    def registers(self, number: int) -> list[tuple[str, str]]:
        """What the incident's record holds, and who left it."""
        return [(event["kind"], event["author"]) for event in self.reads(f"/incidents/{number}/events")["events"]]

    def last(self, number: int) -> dict[str, Any]:
        last: dict[str, Any] = self.reads(f"/incidents/{number}/events")["events"][-1]
        return last


@dataclass
class House:
    """Alertmanager, the receiver and the console as processes on one store, and the two who work there."""

    alertmanager: str
    environment: Mapping[str, str]
    analyst: Person
    supervisor: Person
    other_supervisor: Person
    load_log: str

    def looks_after_what_is_owed(self) -> None:
        """A round of the worker's job, against the file-load exporter as it answers."""
        engine = open_store(self.environment["RENTESEG_DATABASE_URL"])
        exporter = f"http://127.0.0.1:{self.environment['RENTESEG_FILE_LOADS_PORT']}"
        Regulariser(engine, shipped_policy(), lambda outage: ask_owed(exporter, outage)).work()
        engine.dispose()

    def alert(self, began: datetime, ended: datetime | None = None) -> None:
        """What Prometheus would send."""
        lasting = {} if ended is None else {"endsAt": ended.isoformat()}
        annotations = {"summary": "portal-web no responde"}
        alert = {"labels": PORTAL_DOWN, "annotations": annotations, "startsAt": began.isoformat(), **lasting}
        httpx.post(f"{self.alertmanager}/api/v2/alerts", json=[alert]).raise_for_status()


@pytest.fixture
def house(store_url: str, tmp_path: Path) -> Iterator[House]:
    alertmanager, webhook, console, file_loads = free_ports(4)
    load_log = f"sqlite:///{tmp_path}/load_log.db"
    create_log(load_log)
    queued = {"received_at": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}
    queued |= {"queued_at": queued["received_at"], "updated_at": queued["received_at"]}
    yesterday = (datetime.now(LIMA) - timedelta(days=1)).date()
    log_file(load_log, "BITEL", "ALTAS", "ENCOLADO", day=yesterday.isoformat(), **queued)
    state = tmp_path / "state"
    (state / "secrets").mkdir(parents=True)
    (state / "secrets" / "webhook-token").write_text(SECRET)
    (tmp_path / "alertmanager.yml").write_text(
        f"""
route: {{receiver: webhook, group_by: [component], group_wait: 1s, group_interval: 2s}}
receivers:
  - name: webhook
    webhook_configs:
      - url: http://127.0.0.1:{webhook}/api/v1/alerts
        http_config: {{authorization: {{credentials_file: {state}/secrets/webhook-token}}}}
"""
    )
    upgrade(store_url)
    store, now = open_store(store_url), datetime.now(UTC)
    people = {"ana": Role.ANALYST, "sofia": Role.SUPERVISOR, "saul": Role.SUPERVISOR}
    for name, role in people.items():
        add_person(store, name, role, "una clave larga")
    tokens = [add_token(store, name, "trabajo", 1, now) for name in people]
    store.dispose()
    environment = {
        "RENTESEG_DATABASE_URL": store_url,
        "RENTESEG_STATE": str(state),
        "RENTESEG_WEBHOOK_PORT": str(webhook),
        "RENTESEG_CONSOLE_PORT": str(console),
        "RENTESEG_FILE_LOADS_PORT": str(file_loads),
        "RENTESEG_LOAD_LOG_URL": load_log,
    }
    flags = {
        "config.file": tmp_path / "alertmanager.yml",
        "storage.path": tmp_path / "alertmanager",
        "web.listen-address": f"127.0.0.1:{alertmanager}",
        "cluster.listen-address": "",
    }
    with ExitStack() as stack:
        command = [str(program("alertmanager")), *(f"--{name}={value}" for name, value in flags.items())]
        stack.enter_context(running(command, tmp_path / "alertmanager.log"))
        for process in ("webhook", "console", "exporter file-loads"):
            stack.enter_context(running(renteseg(*process.split()), tmp_path / f"{process}.log", environment))
        for page in (f"{alertmanager}/-/ready", f"{webhook}/readyz", f"{console}/readyz", f"{file_loads}/readyz"):
            wait_for(lambda page=page: answers(f"http://127.0.0.1:{page}"), 60, f"{page} is ready")
        at_work = [
            Person(
                stack.enter_context(
                    httpx.Client(
                        base_url=f"http://127.0.0.1:{console}/api/v1", headers={"Authorization": f"Bearer {token}"}
                    )
                )
            )
            for token in tokens
        ]
        yield House(f"http://127.0.0.1:{alertmanager}", environment, *at_work, load_log)


def test_an_incident_is_walked_from_its_alert_to_the_consolidated_row(house: House, tmp_path: Path) -> None:
    ana, sofia = house.analyst, house.supervisor
    began = datetime.now(UTC) - timedelta(seconds=90)
    house.alert(began)

    # Before all: the provider plans work for the night; another supervisor approves it, and it is announced.
    night = {"from": (began + timedelta(hours=9)).isoformat(), "to": (began + timedelta(hours=11)).isoformat()}
    planned = sofia.writes("/maintenance", components=["base-datos"], reason="parche de la base", **night)
    decided = f"/maintenance/{planned['window']}/events"
    assert sofia.api.post(decided, json={"kind": "approved"}).json()["type"].endswith("own_plan")
    assert house.other_supervisor.writes(decided, kind="approved")["approved_by"] == "saul"
    assert sofia.writes(decided, kind="announced")["stage"] == "announced"

    # 1. Verify the components: the alert is on the board, with its clocks running since it began.
    wait_for(lambda: ana.reads("/incidents?open=true")["incidents"], 30, "the alert is an incident")
    (listed,) = ana.reads("/incidents?open=true&component=portal-web")["incidents"]
    number = listed["incident"]
    assert (listed["severity"], listed["responsible"], listed["state"]) == ("alta", "B", "detectada")
    assert listed["clocks"]["response"]["state"] == "running"
    assert [name for name, author in ana.registers(number) if author == "monitoreo"][:3] == [
        "fault_began",
        "detected",
        "recorded",
    ]
    assert datetime.fromisoformat(listed["times"]["detected"]) == began

    # 2. Validate reception and processing of the files: one waits since before the fault; the result is on record.
    day = (datetime.now(LIMA) - timedelta(days=1)).date()
    (waiting,) = [one for one in ana.reads(f"/loads?day={day}")["loads"] if one["state"] == "queued"]
    assert (waiting["operator"], waiting["file_type"]) == ("BITEL", "ALTAS")
    ana.records(number, "noted", text="cargas del día: BITEL/ALTAS encoladas desde la caída, sin rechazos")
    assert ana.last(number)["details"]["text"].startswith("cargas del día")

    # 3. Is there an incident or a question? An incident: its analysis begins. A question is a record of its own.
    assert ana.records(number, "analysis_began")["state"] == "en_analisis"
    asked = {"kind": "consulta", "component": "portal-web", "title": "¿Formato de BAJAS?", "channel": "correo"}
    question = ana.api.post("/incidents", json=asked).json()
    assert (question["kind"], question["state"]) == ("consulta", "detectada")

    # 4. Analyse and diagnose: whose fault, how grave, why; a proposal that another person has to validate.
    assert ana.is_refused(number, "diagnosed", responsible="B") == "missing_detail"
    diagnosed = ana.records(number, "diagnosed", responsible="B", severity="alta", cause="actualización fallida")
    assert diagnosed["validated"] is False
    report = ana.drafts(number, "preliminary")
    for said in ("5. RESPONSABLE SOSPECHADO: B proveedor", "actualización fallida", "cargas del día", "(continúa)"):
        assert said in report, report
    assert ana.is_refused(number, "validated") == "wrong_role"

    # 5. Validate the diagnosis and decide the actions: the supervisor's instruction.
    assert sofia.is_refused(number, "dispatched", to="INETUM") == "out_of_order"
    validated = sofia.records(number, "validated")
    assert (validated["state"], validated["validated"]) == ("diagnostico_validado", True)
    assert sofia.last(number)["details"] == {"responsible": "B", "severity": "alta"}

    # 6. Dispatch by origin: a ticket to the provider.
    assert sofia.records(number, "dispatched", to="INETUM", text="ticket 4711, urgencia alta")["state"] == "derivada"

    # 7. Supervise the resolution: the provider's answer stops the response clock, a justified wait pauses the other.
    answered = ana.records(number, "responsible_answered", text="INETUM revierte la actualización")
    assert answered["clocks"]["response"]["state"] == "met"
    agreed = datetime.fromisoformat(answered["times"]["responsible_answered"])
    sofia.records(number, "waiting_began", at=agreed, reason="ventana acordada con el operador")
    assert sofia.reads(f"/incidents/{number}")["clocks"]["resolution"]["due"] is None
    wait_for(lambda: datetime.now(UTC) > agreed + timedelta(seconds=3), 10, "the wait has lasted three seconds")
    sofia.records(number, "waiting_ended")

    # 8. Validate the restoration: the alert ends and proposes it, the analyst's tests confirm it, the RCA is asked for.
    house.alert(began, ended=datetime.now(UTC))
    wait_for(lambda: ana.reads(f"/incidents/{number}")["proposed_restoration"], 30, "the restoration is proposed")
    assert ana.reads(f"/incidents/{number}")["state"] == "en_atencion"
    restored = ana.records(number, "restored", tests="consulta IMEI correcta; reenvío de BITEL/ALTAS procesado")
    assert (restored["state"], restored["clocks"]["resolution"]["state"]) == ("restablecida", "met")
    request = ana.drafts(number, "rca-request")
    for said in ("Señores INETUM:", "Restablecimiento confirmado: ", "(valor por defecto, no contractual)"):
        assert said in request, request
    ana.records(number, "rca_asked", text="informe técnico en 5 días hábiles")
    rca = tmp_path / "informe-4711.txt"
    rca.write_text("Causa raíz: la actualización 7.2 agotó las conexiones.\n")
    attach = ("incident", "attach", str(number), str(rca), "--as", "rca", "--by", "ana")
    assert run_renteseg(*attach, environment=house.environment).returncode == 0
    assert [one["name"] for one in ana.reads(f"/incidents/{number}")["attachments"]] == ["informe-4711.txt"]
    assert ("rca_received", "ana") in ana.registers(number)

    # 9. Close and tell those concerned: nobody forgets to say whether the unavailability was confirmed.
    assert sofia.is_refused(number, "closed") == "missing_detail"
    assert sofia.records(number, "closed", unavailability="confirmed")["state"] == "cerrada"
    house.looks_after_what_is_owed()
    (owed,) = sofia.reads(f"/incidents/{number}")["regularisations"]
    assert (owed["operator"], owed["file_type"], owed["data_day"]) == ("BITEL", "ALTAS", day.isoformat())
    assert (owed["standing"], owed["processed_at"]) == ("open", None)
    sofia.records(number, "announced", text="servicio restablecido; plazo de regularización a los operadores")
    processed = "UPDATE carga_archivo SET estado = 'PROCESADO', procesado_en = :at, actualizado_en = :at"
    execute(house.load_log, processed, at=datetime.now(UTC).isoformat())
    house.looks_after_what_is_owed()
    (owed,) = sofia.reads(f"/incidents/{number}")["regularisations"]
    assert owed["standing"] == "done"
    assert ("regularised", "monitoreo") in sofia.registers(number)
    assert sofia.is_refused(number, "closed", unavailability="confirmed") == "out_of_order"
    closed = [one for one in sofia.reads("/incidents?open=true")["incidents"] if one["incident"] == number]
    assert closed == []

    assert "no queda respuesta por proponer" in ana.drafts(number, "preliminary")

    # 10. Record and consolidate: the row of the SLA control matrix, with every time of the process, and its proof.
    row = sofia.records(number, "consolidated")
    assert row["state"] == "consolidada"
    in_order = ("fault_began", "detected", "recorded", "diagnosed", "validated", "dispatched", "responsible_answered")
    in_order += ("restored", "rca_asked", "rca_received", "closed", "announced", "consolidated")
    times = [datetime.fromisoformat(row["times"][name]) for name in in_order]
    assert times == sorted(times)
    assert {name: clock["state"] for name, clock in row["clocks"].items()} == dict.fromkeys(
        ("response", "resolution", "rca"), "met"
    )
    assert all(not clock["contractual"] for clock in row["clocks"].values())
    reasons = [stretch["reason"] for stretch in row["clocks"]["resolution"]["explanation"] if not stretch["counts"]]
    assert reasons == ["ventana acordada con el operador"]
    assert "diagnosed" not in [step["kind"] for step in row["allowed"]]
    audited = run_renteseg("audit", "verify", environment=house.environment)
    assert audited.returncode == 0, audited.stderr
    shown = run_renteseg("incident", "show", str(number), "--json", environment=house.environment)
    told = ana.reads(f"/incidents/{number}")
    assert {name: json.loads(shown.stdout)[name] for name in ("times", "state", "version")} == {
        name: told[name] for name in ("times", "state", "version")
    }
