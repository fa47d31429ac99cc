"""`renteseg doctor`: looks at a running installation and says what is wrong, the worst first."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import IntEnum
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from chain.checking import check
from groundwork.problems import Away, ConfigurationError, Refused
from groundwork.settings import Settings
from incident_store.database import open_store, reading, schema_lag
from incident_store.queries import count_quarantined
from incident_store.signals import Signal, last_signal

NEEDED_HISTORY = timedelta(days=40)
"""A month's report is made after the month has ended."""
SKEW_SECONDS = 5
SCARCE, FULL = 0.10, 0.02
TIMEOUT_SECONDS = 5.0
UNITS = {
    "ms": timedelta(milliseconds=1), "s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1),
    "d": timedelta(days=1), "w": timedelta(weeks=1), "y": timedelta(days=365),
}  # fmt: skip


class Importance(IntEnum):
    """What it costs while it lasts."""

    LOSING = 1
    BLIND = 2
    HINDERED = 3

    @property
    def words(self) -> str:
        """How it is said."""
        return {1: "alerts may be lost", 2: "something is not watched", 3: "work is hindered"}[self.value]


@dataclass(frozen=True)
class Finding:
    """One thing wrong and what to do about it."""

    importance: Importance
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"[{self.importance.words}] {self.what}; {self.remedy}"


PROCESSES = {
    "webhook": ("readyz", Importance.LOSING),
    "alertmanager": ("-/ready", Importance.LOSING),
    "prometheus": ("-/ready", Importance.LOSING),
    "availability": ("readyz", Importance.BLIND),
    "file_loads": ("healthz", Importance.BLIND),
    "incidents": ("readyz", Importance.BLIND),
    "worker": ("readyz", Importance.BLIND),
    "console": ("readyz", Importance.HINDERED),
}
"""The page that answers 200 while a process can work, and what its absence costs."""


def examine(settings: Settings) -> list[Finding]:
    """Everything wrong, the worst first; empty when nothing is."""
    looks: list[Callable[[Settings], Iterator[Finding]]] = [_processes, _store, _prometheus, _disk, _configuration]
    found = [finding for look in looks for finding in look(settings)]
    return sorted(found, key=lambda finding: finding.importance)


def _address(settings: Settings, process: str) -> str:
    host = os.environ.get(f"RENTESEG_{process.upper()}_HOST") or settings.host
    return f"http://{host}:{getattr(settings, f'{process}_port')}"


def _processes(settings: Settings) -> Iterator[Finding]:
    for process, (page, importance) in PROCESSES.items():
        url = f"{_address(settings, process)}/{page}"
        try:
            answer = httpx.get(url, timeout=TIMEOUT_SECONDS)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            yield Finding(importance, f"{process} does not answer at {url} ({error})", "start it, or see its log")
            continue
        if answer.status_code != httpx.codes.OK:
            said = " ".join(answer.text.split())[:200]
            yield Finding(importance, f"{process} cannot work: {answer.status_code} {said}", "see its log")


def _store(settings: Settings) -> Iterator[Finding]:
    url = make_url(settings.database_url)
    if url.drivername == "sqlite" and not Path(str(url.database)).exists():
        yield Finding(Importance.LOSING, f"there is no incident store at {url.database}", "run `renteseg db upgrade`")
        return
    try:
        engine = open_store(settings.database_url)
        if lag := schema_lag(engine):
            yield Finding(Importance.LOSING, f"the incident store: {lag}", "run `renteseg db upgrade`")
            return
        with reading(engine).connect() as connection:
            heard, quarantined = last_signal(connection, Signal.WATCHDOG), count_quarantined(connection)
    except (ConfigurationError, Refused, Away, SQLAlchemyError) as error:
        reason = str(error).splitlines()[0]
        yield Finding(
            Importance.LOSING, f"the incident store cannot be read: {reason}", "start it, or see RENTESEG_DATABASE_URL"
        )
        return
    silent_since = datetime.now(UTC) - timedelta(seconds=2 * settings.watchdog_seconds)
    if heard is None or heard < silent_since:
        since = (
            "has never reached the receiver"
            if heard is None
            else f"last reached the receiver at {heard:%Y-%m-%d %H:%M:%SZ}"
        )
        yield Finding(Importance.LOSING, f"the sign of life {since}", "see the runbook Watchdog")
    if quarantined:
        yield Finding(Importance.LOSING, f"{quarantined} entries wait in quarantine", "run `renteseg quarantine list`")


def _prometheus(settings: Settings) -> Iterator[Finding]:
    try:
        with httpx.Client(base_url=settings.prometheus_url, timeout=TIMEOUT_SECONDS) as prometheus:
            yield from _clock(prometheus)
            yield from _alertmanagers(_told(prometheus, "alertmanagers"))
            yield from _targets(_told(prometheus, "targets"))
            yield from _rules(_told(prometheus, "rules"))
            yield from _retention(_told(prometheus, "status/flags"))
            yield from _firing(_told(prometheus, "alerts"))
    except (httpx.HTTPError, httpx.InvalidURL):
        return  # said already by whether it answers
    except (ValueError, KeyError, TypeError, AttributeError):
        what = f"{settings.prometheus_url} does not answer as Prometheus does"
        yield Finding(Importance.BLIND, what, "correct RENTESEG_PROMETHEUS_URL")


def _told(prometheus: httpx.Client, page: str) -> Any:
    return prometheus.get(f"/api/v1/{page}").raise_for_status().json()["data"]


def _clock(prometheus: httpx.Client) -> Iterator[Finding]:
    told = parsedate_to_datetime(prometheus.get("/-/ready").headers["Date"])
    skew = abs((datetime.now(UTC) - told).total_seconds())
    if skew > SKEW_SECONDS:
        what = f"the clock of Prometheus and this one are {skew:.0f} s apart: alerts begin and end at wrong times"
        yield Finding(Importance.BLIND, what, "synchronise both (timedatectl)")


def _alertmanagers(told: Any) -> Iterator[Finding]:
    if not told["activeAlertmanagers"]:
        yield Finding(Importance.LOSING, "Prometheus knows of no Alertmanager", "see `alerting` in prometheus.yml")


def _targets(told: Any) -> Iterator[Finding]:
    for target in told["activeTargets"]:
        if target["health"] == "down":
            what = f"Prometheus cannot read {target['labels']['job']} at {target['scrapeUrl']}: {target['lastError']}"
            yield Finding(Importance.BLIND, what, "start it, or correct prometheus.yml")


def _rules(told: Any) -> Iterator[Finding]:
    for group in told["groups"]:
        for rule in group["rules"]:
            if rule["health"] == "err":
                what = f"the rule {rule['name']} cannot be evaluated: {rule['lastError']}"
                yield Finding(Importance.BLIND, what, "run `renteseg check`, then reload Prometheus")
    if not told["groups"]:
        yield Finding(Importance.LOSING, "Prometheus has no rules", "see `rule_files` in prometheus.yml")


def _retention(flags: Any) -> Iterator[Finding]:
    kept, size = flags.get("storage.tsdb.retention.time", "0s"), flags.get("storage.tsdb.retention.size", "0B")
    if kept == "0s" and size == "0B":
        kept = "15d"  # Prometheus's own default
    if timedelta(0) < _span(kept) < NEEDED_HISTORY:
        what = f"Prometheus keeps {kept}: last month's report would be incomplete"
        yield Finding(Importance.BLIND, what, "start it with --storage.tsdb.retention.time=400d")


def _span(kept: str) -> timedelta:
    """A duration as Prometheus writes it: `1y5w`, `400d`, `12h`."""
    return sum((int(count) * UNITS[unit] for count, unit in re.findall(r"(\d+)([a-z]+)", kept)), timedelta(0))


def _firing(told: Any) -> Iterator[Finding]:
    for alert in told["alerts"]:
        labels = alert["labels"]
        if (
            alert["state"] == "firing"
            and labels.get("service") in {"monitoreo", "correo"}
            and labels["severity"] != "info"
        ):
            importance = Importance.BLIND if labels["severity"] == "critical" else Importance.HINDERED
            what = f"{labels['alertname']} fires: {alert['annotations'].get('summary', '')}"
            yield Finding(importance, what, f"see the runbook {labels['alertname']}")


def _disk(settings: Settings) -> Iterator[Finding]:
    if not settings.state.exists():
        return
    usage = shutil.disk_usage(settings.state)
    free = usage.free / usage.total
    if free < SCARCE:
        importance = Importance.LOSING if free < FULL else Importance.HINDERED
        what = f"{free:.1%} of the disk of {settings.state} is free"
        yield Finding(importance, what, "make room, or move the folder (RENTESEG_STATE)")


def _configuration(settings: Settings) -> Iterator[Finding]:
    for problem in check(settings):
        yield Finding(Importance.BLIND, str(problem), "correct it before the next start")
