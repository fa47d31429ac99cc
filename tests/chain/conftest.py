"""The whole chain, as `renteseg up` runs it, once on each store; the tests of this folder share both."""

import json
import mailbox
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.conftest import fresh_database
from tests.processes import ROOT, answers, free_ports, renteseg, run_renteseg, running, wait_for

PORTS = (
    "prometheus",
    "alertmanager",
    "availability",
    "file_loads",
    "incidents",
    "webhook",
    "worker",
    "console",
    "simulator",
    "simulator_tls",
    "simulator_link",
    "smtp",
    "imap",
    "mail",
)
HELD_SECONDS = 150
STORES = ("sqlite", "postgresql")


@dataclass
class Chain:
    """A running chain: its ports, its folder, and what a user does with it."""

    state: Path
    database_url: str
    simulator_database_url: str = ""
    ports: dict[str, int] = field(default_factory=lambda: dict(zip(PORTS, free_ports(len(PORTS)), strict=True)))

    @property
    def environment(self) -> dict[str, str]:
        named = {f"RENTESEG_{name.upper()}_PORT": str(port) for name, port in self.ports.items()}
        given = {"RENTESEG_STATE": str(self.state)}
        urls = {
            "RENTESEG_DATABASE_URL": self.database_url,
            "RENTESEG_SIMULATOR_DATABASE_URL": self.simulator_database_url,
        }
        return {**named, **given, **{name: url for name, url in urls.items() if url}}

    def renteseg(self, *words: str) -> str:
        """What a command prints; fails the test when it does not succeed."""
        done = run_renteseg(*words, environment=self.environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def incidents(self, component: str) -> list[dict[str, Any]]:
        """The incidents of one component, as `incident show --json` tells them."""
        listed = json.loads(self.renteseg("incident", "list", "--json"))
        numbers = [one["incident"] for one in listed if one["component"] == component]
        return [json.loads(self.renteseg("incident", "show", str(number), "--json")) for number in numbers]

    def components(self) -> set[str]:
        """The components that have incidents."""
        return {one["component"] for one in json.loads(self.renteseg("incident", "list", "--json"))}

    def mails(self) -> list[str]:
        """The mails that the development server keeps: subject and plain text."""
        box = mailbox.Maildir(self.state / "mail", factory=None, create=False)
        parsed = [message_from_bytes(mail.as_bytes(), policy=default) for mail in box]
        return [f"{mail['Subject']}\n{_plain_text(mail)}" for mail in parsed]

    def query(self, expression: str, at: float | None = None) -> dict[frozenset[tuple[str, str]], float]:
        """An instant query on this chain's Prometheus: values by labels."""
        given = {"query": expression} | ({} if at is None else {"time": str(at)})
        answer = httpx.get(self.url("prometheus", "/api/v1/query"), params=given, timeout=10).json()
        assert answer["status"] == "success", answer
        return {
            frozenset((name, value) for name, value in one["metric"].items() if name != "__name__"): float(
                one["value"][1]
            )
            for one in answer["data"]["result"]
        }

    def url(self, process: str, path: str) -> str:
        """The address of a page of one process."""
        return f"http://127.0.0.1:{self.ports[process]}{path}"

    def calm(self) -> bool:
        """Whether every component is up, every load processed, and no alert but the Watchdog pending or firing."""
        alerts = self.query('ALERTS{alertname!="Watchdog"}')
        up = self.query("renteseg_component_up == 1")
        loaded = self.query('sum(renteseg_file_loads{state=~"processed|observed"})')
        minutes = self.query("component:renteseg_component_up:minute")
        return not alerts and len(up) == 5 and list(loaded.values()) == [20.0] and len(minutes) == 5


def _plain_text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    return "" if body is None else str(body.get_content())


@dataclass
class Walk:
    """What happened while the faults were held: when each began and ended, and what was seen of it in between."""

    chain: Chain
    began: datetime
    ended: datetime
    seconds_to_incident: dict[str, float]
    during: dict[str, dict[str, Any]]
    alerts: dict[str, datetime]
    after: dict[str, dict[str, Any]]


COMPONENTS = {"portal-down": "portal-web", "api-slow": "api-imei", "reject-files": "CLARO/ROBOS"}


@pytest.fixture(scope="session")
def chains(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> Iterator[dict[str, Chain]]:
    """Both chains, ready and calm."""
    with ExitStack() as stack:
        made = {
            "sqlite": Chain(tmp_path_factory.mktemp("sqlite"), ""),
            "postgresql": Chain(
                tmp_path_factory.mktemp("postgresql"), fresh_database(postgres_server), fresh_database(postgres_server)
            ),
        }
        for name, chain in made.items():
            log = chain.state / "up.log"
            stack.enter_context(running(renteseg("up"), log, chain.environment))
            stack.callback(_keep_log, log, name)
        for chain in made.values():
            wait_for(lambda chain=chain: answers(chain.url("prometheus", "/-/ready")), 90, "Prometheus is ready")  # type: ignore[misc]
        for chain in made.values():
            wait_for(lambda chain=chain: chain.calm(), 240, "everything is up and calm")  # type: ignore[misc]
        yield made


def _keep_log(log: Path, name: str) -> None:
    """Where the tests are told to, leave the chain's lines behind for whoever reads them."""
    if folder := os.environ.get("RENTESEG_TEST_LOGS"):
        (Path(folder) / f"chain-{name}.log").write_bytes(log.read_bytes())


@pytest.fixture(scope="session")
def walks(chains: dict[str, Chain]) -> dict[str, Walk]:
    """The three faults injected into both chains at once, held, cleared, and what followed."""
    made: dict[str, Walk] = {}

    def walk(name: str) -> None:
        made[name] = _walk(chains[name])

    threads = [threading.Thread(target=walk, args=(name,)) for name in STORES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return made


def _walk(chain: Chain) -> Walk:
    began = datetime.now(UTC)
    for fault in COMPONENTS:
        chain.renteseg("simulate", "fault", fault)
    started = time.monotonic()
    seconds, during = {}, {}
    while len(during) < len(COMPONENTS) and time.monotonic() - started < HELD_SECONDS:
        for fault, component in COMPONENTS.items():
            found = chain.incidents(component) if fault not in during else []
            if found:
                seconds[fault], (during[fault],) = time.monotonic() - started, found
    alerts = {
        COMPONENT_OF(one["labels"]): datetime.fromisoformat(one["startsAt"])
        for one in httpx.get(chain.url("alertmanager", "/api/v2/alerts"), timeout=10).json()
    }
    time.sleep(max(0.0, HELD_SECONDS - (time.monotonic() - started)))
    chain.renteseg("simulate", "clear")
    ended = datetime.now(UTC)
    after = {
        fault: wait_for(lambda component=component: _restored(chain, component), 120, f"{component} is restored")  # type: ignore[misc]
        for fault, component in COMPONENTS.items()
    }
    time.sleep(65)  # the minute in which the fault ended is written at the next full evaluation
    return Walk(chain, began, ended, seconds, during, alerts, after)


def COMPONENT_OF(labels: dict[str, str]) -> str:  # noqa: N802
    return labels.get("component") or f"{labels.get('operator')}/{labels.get('file_type')}"


def _restored(chain: Chain, component: str) -> dict[str, Any] | None:
    found = chain.incidents(component)
    return found[0] if len(found) == 1 and found[0]["proposed_restoration"] else None


@pytest.fixture(params=STORES)
def walked(request: pytest.FixtureRequest, walks: dict[str, Walk]) -> Walk:
    """The walk on each store."""
    return walks[request.param]


def month_queries() -> dict[str, str]:
    """The shipped queries of the month's minutes, by name."""
    queries: dict[str, str] = yaml.safe_load((ROOT / "rules" / "queries" / "month.yml").read_text())
    return queries
