"""Who is told what: the routes by amtool, the mails and the silences by a real Alertmanager on loopback."""

import email.policy
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import httpx
import pytest
import yaml
from aiosmtpd.controller import Controller

from chain.programs import program
from groundwork.configuration import substitute

T = TypeVar("T")
ROOT = Path(__file__).parent.parent
DEBIAN_NAMES = {"alertmanager": "prometheus-alertmanager"}

ANALYSTS = "analistas.renteseg@osiptel.example"
SUPERVISORS = "supervisores.renteseg@osiptel.example"
OTI = "mesa.oti@osiptel.example"


def render(folder: Path, environment: dict[str, str]) -> Path:
    """The Alertmanager configuration and its templates as they stand at run time."""
    source = ROOT / "config"
    for path in [source / "alertmanager.yml", *source.glob("templates/*.tmpl")]:
        target = folder / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(substitute(path.read_text(encoding="utf-8"), path, environment), encoding="utf-8")
    return folder / "alertmanager.yml"


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(tmp_path_factory.mktemp("alertmanager"), {})


ROUTES = [
    tuple(line.split(" -> "))
    for line in (ROOT / "tests" / "alertmanager_routes.txt").read_text(encoding="utf-8").splitlines()
    if " -> " in line and not line.startswith("#")
]


@pytest.mark.parametrize(("labels", "receivers"), ROUTES)
def test_an_alert_reaches_its_receivers_and_no_others(configuration: Path, labels: str, receivers: str) -> None:
    answer = subprocess.run(
        [str(program("amtool")), "config", "routes", "test", f"--config.file={configuration}", *labels.split()],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert answer.stdout.strip() == receivers


def test_every_alert_rule_is_in_the_routing_table() -> None:
    rules = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (ROOT / "rules").glob("*.yml")]
    alerts = {rule["alert"] for file in rules for group in file["groups"] for rule in group["rules"] if "alert" in rule}

    assert alerts <= {labels.split()[0].removeprefix("alertname=") for labels, _ in ROUTES}


def test_alertmanager_accepts_the_rendered_configuration(configuration: Path) -> None:
    answer = subprocess.run(
        [str(program("amtool")), "check-config", str(configuration)], capture_output=True, text=True, check=False
    )

    assert answer.returncode == 0, answer.stderr
    assert "1 templates" in answer.stdout


def test_no_mail_leaves_the_house_and_the_webhook_follows_no_redirect(configuration: Path) -> None:
    receivers = yaml.safe_load(configuration.read_text(encoding="utf-8"))["receivers"]

    mails = [mail["to"] for receiver in receivers for mail in receiver.get("email_configs", [])]
    webhooks = [hook for receiver in receivers for hook in receiver.get("webhook_configs", [])]
    assert sorted(mails) == sorted([ANALYSTS, SUPERVISORS, OTI])
    assert [(hook["http_config"]["follow_redirects"], hook["max_alerts"]) for hook in webhooks] == [(False, 0)]


# --- the real Alertmanager ------------------------------------------------------------------------------------


@dataclass
class Received:
    """What the mail server and the webhook were given."""

    mails: list[tuple[str, EmailMessage]] = field(default_factory=list)
    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def mail(self, to: str, *, subject: str) -> EmailMessage:
        return wait_for(lambda: next((m for rcpt, m in self.mails if rcpt == to and subject in m["Subject"]), None))

    def alerts(self) -> list[str]:
        return [alert["labels"]["alertname"] for _, post in self.posts for alert in post["alerts"]]

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails += [(recipient, message) for recipient in envelope.rcpt_tos]
        return "250 OK"


def wait_for(look: Callable[[], T | None], seconds: float = 20) -> T:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (found := look()) is not None:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come in time")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def webhook_handler(received: Received) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.posts.append((self.headers["Authorization"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler


@dataclass
class Chain:
    url: str
    received: Received

    def post(self, *alerts: dict[str, str], ended: bool = False) -> None:
        """Send alerts as Prometheus does; keys that begin with `_` are annotations."""
        now = datetime.now(UTC)
        body = [
            {
                "labels": {name: text for name, text in alert.items() if not name.startswith("_")},
                "annotations": {name[1:]: text for name, text in alert.items() if name.startswith("_")},
                "startsAt": (now - timedelta(minutes=1)).isoformat(),
                "endsAt": (now if ended else now + timedelta(minutes=5)).isoformat(),
            }
            for alert in alerts
        ]
        httpx.post(f"{self.url}/api/v2/alerts", json=body).raise_for_status()


WHOLE_DAY = '{start_time: "00:00", end_time: "24:00"}'


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """A real Alertmanager with the shipped configuration; only its waiting times are shorter."""
    with running_chain(tmp_path, {}) as chain:
        yield chain


@contextmanager
def running_chain(tmp_path: Path, changes: dict[str, str]) -> Iterator[Chain]:
    """The same with other words in its configuration."""
    received = Received()
    hook = ThreadingHTTPServer(("127.0.0.1", 0), webhook_handler(received))
    Thread(target=hook.serve_forever, daemon=True).start()
    smtp = Controller(received, hostname="127.0.0.1", port=free_port())
    smtp.start()
    (tmp_path / "token").write_text("secreto-de-prueba")
    path = render(
        tmp_path,
        {
            "RENTESEG_WEBHOOK_PORT": str(hook.server_port),
            "RENTESEG_SMTP_PORT": str(smtp.port),
            "RENTESEG_WEBHOOK_TOKEN_FILE": str(tmp_path / "token"),
        },
    )
    hurried = (
        path.read_text().replace("group_wait: 5s", "group_wait: 1s").replace("group_interval: 1m", "group_interval: 1s")
    )
    for old, new in changes.items():
        assert old in hurried
        hurried = hurried.replace(old, new)
    path.write_text(hurried)
    port = free_port()
    process = subprocess.Popen(
        [
            str(program("alertmanager")), f"--config.file={path}", f"--storage.path={tmp_path / 'store'}",
            f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
        ],
        stderr=(tmp_path / "log").open("w"), env=os.environ | {"LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: True if ready(url) else None)
        yield Chain(url, received)
    finally:
        process.terminate()
        process.wait()
        smtp.stop()
        hook.shutdown()
        hook.server_close()


def ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready").status_code == 200
    except httpx.TransportError:
        return False


PORTAL_DOWN = {
    "alertname": "RentesegComponentDown", "severity": "critical", "component": "portal-web", "service": "consulta",
    "owner": "provider", "link": "enlace-proveedor", "_summary": "portal-web no responde",
    "_description": "El componente portal-web del servicio consulta no supera sus pruebas.",
    "_runbook_url": "http://127.0.0.1:8080/runbooks/RentesegComponentDown",
    "_dashboard_url": "http://127.0.0.1:3000/d/renteseg-operatividad?var-component=portal-web",
}  # fmt: skip


def parts(message: EmailMessage) -> tuple[str, str]:
    """The plain text and the HTML of a mail."""
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content(), html.get_content()


def test_an_alert_is_mailed_in_spanish_and_posted_with_the_token(chain: Chain) -> None:
    chain.post(PORTAL_DOWN)

    message = chain.received.mail(ANALYSTS, subject="portal-web")
    chain.received.mail(SUPERVISORS, subject="portal-web")
    text, html = parts(message)
    assert message["Subject"] == "RENTESEG ACTIVA 1-CRÍTICA portal-web RentesegComponentDown"
    for body in (text, html):
        assert "portal-web no responde" in body
        assert "(hora de Lima)" in body
        assert "Presunto responsable" in body
        assert "Proveedor" in body
        assert "/runbooks/RentesegComponentDown" in body
    authorization, payload = wait_for(lambda: next(iter(chain.received.posts), None))
    assert authorization == "Bearer secreto-de-prueba"
    assert payload["alerts"][0]["labels"]["component"] == "portal-web"
    assert OTI not in {to for to, _ in chain.received.mails}

    chain.post(PORTAL_DOWN, ended=True)

    resolved = chain.received.mail(ANALYSTS, subject="RESUELTA")
    assert resolved["Subject"] == "RENTESEG RESUELTA 1-CRÍTICA portal-web RentesegComponentDown"
    assert "Resuelta:" in parts(resolved)[0]


def test_the_time_of_a_mail_is_limas(chain: Chain) -> None:
    chain.post(PORTAL_DOWN)

    text, _ = parts(chain.received.mail(ANALYSTS, subject="portal-web"))

    line = next(line for line in text.splitlines() if "Avisada desde" in line)
    lima = datetime.strptime(line.split("desde: ")[1].split(" (")[0], "%d/%m/%Y %H:%M:%S").replace(tzinfo=UTC)
    utc = datetime.fromisoformat(line.split("), ")[1].split(" (")[0])
    assert utc - lima == timedelta(hours=5)


def test_hostile_labels_break_neither_header_nor_page(chain: Chain) -> None:
    chain.post(
        PORTAL_DOWN
        | {
            "component": "x\r\nBcc: otro@example.org\r\n\r\n<script>alert(1)</script>" + "a" * 500,
            "_summary": "<img src=x onerror=alert(1)>\n* RESUELTA | falso",
            "_runbook_url": "javascript:alert(1)",
        }
    )

    message = chain.received.mail(ANALYSTS, subject="Bcc: otro@example.org")
    text, html = parts(message)
    assert message["Bcc"] is None
    assert len(message["Subject"]) < 200
    assert "<img" not in html
    assert "<script" not in html
    assert "javascript:" not in html
    assert not any(line.startswith("* RESUELTA") for line in text.splitlines())


def test_a_link_that_is_down_silences_what_stands_behind_it_and_nothing_else(chain: Chain) -> None:
    link = PORTAL_DOWN | {"alertname": "RentesegLinkDown", "component": "enlace-proveedor", "owner": "oti"}
    unlinked = {name: text for name, text in PORTAL_DOWN.items() if name != "link"} | {"component": "base-datos"}
    elsewhere = PORTAL_DOWN | {"component": "otro", "link": "enlace-oti"}

    chain.post(link)
    chain.post(PORTAL_DOWN, unlinked, elsewhere)

    wait_for(lambda: True if len(chain.received.alerts()) >= 3 else None)
    time.sleep(2)
    told = {alert["labels"]["component"] for _, post in chain.received.posts for alert in post["alerts"]}
    assert told == {"enlace-proveedor", "base-datos", "otro"}
    chain.received.mail(OTI, subject="enlace-proveedor")


def test_a_silent_exporter_silences_what_only_it_can_know(chain: Chain) -> None:
    silent = {"alertname": "RentesegExporterSilent", "severity": "critical", "owner": "oti", "service": "monitoreo"}
    rejected = {"alertname": "RentesegFileRejected", "severity": "warning", "operator": "CLARO", "file_type": "ROBOS"}

    chain.post(silent | {"component": "exportador-availability"})
    chain.post(PORTAL_DOWN, rejected)

    wait_for(lambda: True if len(chain.received.alerts()) >= 2 else None)
    time.sleep(2)
    assert sorted(set(chain.received.alerts())) == ["RentesegExporterSilent", "RentesegFileRejected"]


def test_the_watchdog_goes_to_the_webhook_and_sla_alerts_to_the_mail_alone(chain: Chain) -> None:
    chain.post({"alertname": "Watchdog", "severity": "info", "component": "vigilancia"})
    chain.post(
        {"alertname": "RentesegSlaBreached", "severity": "critical", "component": "incidencia-17", "incident": "17"}
    )

    chain.received.mail(SUPERVISORS, subject="incidencia-17")
    chain.received.mail(ANALYSTS, subject="incidencia-17")
    wait_for(lambda: chain.received.alerts() or None)
    assert chain.received.alerts() == ["Watchdog"]
    assert not any("vigilancia" in message["Subject"] for _, message in chain.received.mails)


INHIBITED = """
LinkDown link=e                             | ComponentFlapping link=e              | LinkDown link=e component=otro
LinkDown link=e                             | CertificateExpired link=e             | CertificateExpired link=f
LinkUnsettled link=e                        | ComponentSlow link=e                  | CertificateExpiring link=e
ExporterSilent component=exportador-availability | ServiceDown                      | FileLate
ExporterSilent component=exportador-availability | SliAbsent                        | TaskStale
ExporterSilent component=exportador-availability | BudgetBurningFast                | RulesFailing
ExporterSilent component=exportador-file-loads | FileLate                           | ComponentDown
ExporterSilent component=exportador-incidents |                                     | ComponentDown
MonitorBlind                                | ComponentUnknown                      | FileMissing
LoadLogAway                                 | QueueGrowing                          | ComponentDown
SlaBreached incident=1 clock=a              | SlaDeadlineNear incident=1 clock=a    | SlaDeadlineNear incident=1 clock=b
RcaOverdue incident=1 clock=a               | SlaDeadlineImminent incident=1 clock=a | SlaBreached incident=1 clock=a
SlaDeadlineImminent incident=1 clock=a      | SlaDeadlineNear incident=1 clock=a    | SlaDeadlineNear incident=2 clock=a
BudgetBurningFast component=a | BudgetBurningSlow component=a | BudgetBurningSlow component=b
ComponentSlow component=a | ComponentSlowerThanUsual component=a | ComponentSlowerThanUsual component=b
ComponentUnknown component=a                | SliAbsent component=a                 | SliAbsent component=b
ProcessSilent component=proceso-worker      | TaskStale                             | QuarantineNotEmpty
ProcessSilent component=proceso-console     |                                       | TaskStale
"""
"""The source, what it holds back, what it leaves alone; the names without their `Renteseg`."""


def labelled(words: str) -> dict[str, str]:
    name, *labels = words.split()
    return {"alertname": f"Renteseg{name}", "severity": "warning"} | dict(label.split("=") for label in labels)


def test_the_louder_alert_holds_back_what_it_explains_and_nothing_else(chain: Chain) -> None:
    for line in INHIBITED.strip().splitlines():
        source, silenced, left = (words.strip() for words in line.split("|"))
        held = [labelled(words) for words in (source, silenced, left) if words]
        chain.post(*held)

        shown = httpx.get(f"{chain.url}/api/v2/alerts").json()

        states = {frozenset(one["labels"].items()): bool(one["status"]["inhibitedBy"]) for one in shown}
        assert states[frozenset(labelled(left).items())] is False, (source, left)
        assert not silenced or states[frozenset(labelled(silenced).items())] is True, (source, silenced)
        chain.post(*held, ended=True)


@pytest.mark.parametrize("mailed", [True, False], ids=["working-hours", "outside"])
def test_what_is_merely_informative_is_mailed_in_working_hours_and_always_recorded(
    tmp_path: Path, mailed: bool
) -> None:
    weekdays = "sunday:saturday" if mailed else (datetime.now(UTC) + timedelta(days=3)).strftime("%A").lower()
    changes = {'"monday:friday"': f'"{weekdays}"', '{start_time: "13:30", end_time: "22:30"}': WHOLE_DAY}

    with running_chain(tmp_path, changes) as chain:
        chain.post({"alertname": "RentesegFileLate", "severity": "info", "operator": "CLARO", "file_type": "ROBOS"})
        chain.post(
            {"alertname": "RentesegFileMissing", "severity": "warning", "operator": "CLARO", "file_type": "ROBOS"}
        )
        wait_for(lambda: True if set(chain.received.alerts()) == {"RentesegFileLate", "RentesegFileMissing"} else None)
        chain.received.mail(ANALYSTS, subject="RentesegFileMissing")
        time.sleep(2)

        assert any("RentesegFileLate" in message["Subject"] for _, message in chain.received.mails) == mailed
