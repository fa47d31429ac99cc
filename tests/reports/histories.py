"""Random lives of components: what was true, what the exporter wrote of it, what was scraped, and an oracle.

The oracle knows the truth and the scrapes. It goes minute by minute and never looks at a counter or at PromQL.
"""

from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from random import Random

from tests.prometheus_server import Labelled, line

UP, SECONDS, INFO = "renteseg_component_up", "renteseg_component_state_seconds_total", "renteseg_component_info"
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Scrape:
    """One scrape of one exporter: the state it told, and the account it had in each state."""

    at: datetime
    state: str
    seconds: dict[str, float]
    labels: dict[str, str]
    life: int
    changes: int


@dataclass
class History:
    """A component's scrapes in order of time."""

    name: str
    scrapes: list[Scrape] = field(default_factory=list)

    def lines(self) -> Iterator[tuple[str, str]]:
        """Its samples as (family, OpenMetrics line)."""
        for one in self.scrapes:
            labels = {"component": self.name, "job": "availability", **one.labels}
            series: Labelled = (UP, {**labels, "link": ""})
            if one.state != "unknown":
                yield UP, line(series, int(one.state == "up"), one.at)
            for state, seconds in one.seconds.items():
                yield SECONDS, line((SECONDS, {**labels, "state": state}), seconds, one.at)

    @cached_property
    def told(self) -> dict[int, list[Scrape]]:
        """The scrapes that told a state, by the minute in which they were made."""
        found: dict[int, list[Scrape]] = {}
        for one in self.scrapes:
            if one.state != "unknown":
                found.setdefault(_minute_of(one.at), []).append(one)
        return found

    @cached_property
    def known(self) -> list[int]:
        """The minutes in which a state was told, in order."""
        return sorted(self.told)

    def minute(self, start: datetime) -> str:
        """What a person would say of a minute who has the scrapes and the truth before them."""
        if told := [one.state for one in self.told.get(_minute_of(start), [])]:
            return "down" if 2 * told.count("down") > len(told) else "up"
        place = bisect(self.known, _minute_of(start))
        if place in {0, len(self.known)}:
            return "unknown"
        lasts, firsts = (self.told[self.known[one]] for one in (place - 1, place))
        before = {one.labels["instance"]: one for one in lasts}
        after = {one.labels["instance"]: one for one in reversed(firsts)}
        both = before.keys() & after.keys()
        proved = {before[one].state for one in both if _nothing_changed(before[one], after[one])}
        return proved.pop() if len(proved) == 1 else "unknown"


def _minute_of(moment: datetime) -> int:
    return int(moment.timestamp()) // 60


def _nothing_changed(before: Scrape, after: Scrape) -> bool:
    """Whether the exporter lived on under the same name and the truth stayed the same from one scrape to the other."""
    same = before.life == after.life and before.labels == after.labels
    return same and before.changes == after.changes and before.state in {"up", "down"}


class _Exporter:
    """Keeps the account of one component second by second, dies, comes back and forgets."""

    def __init__(self, random: Random, labels: dict[str, str]) -> None:
        self.random, self.labels = random, labels
        self.seconds = {"up": 50_000.0 + random.random() * 1000, "down": 70.5, "unknown": 12.25}
        self.life = self.changes = 0

    def pass_time(self, state: str, seconds: float) -> None:
        self.seconds[state] += seconds

    def restart(self) -> None:
        self.life += 1

    def forget(self) -> None:
        self.life += 1
        self.seconds = {"up": 0.0, "down": 0.0, "unknown": 0.0}


def random_history(random: Random, name: str, start: datetime, minutes: int) -> History:
    """One component over so many minutes; half of them have no trouble but outages."""
    history = History(name)
    labels = {"service": f"servicio-{random.randrange(40)}", "owner": "provider"}
    for replica in range(random.choice([1, 1, 1, 2])):
        own = {**labels, "instance": f"10.0.0.{replica}:9801"}
        _live(random, history, _Exporter(random, own), start, minutes)
    history.scrapes.sort(key=lambda one: one.at)
    return history


def _live(random: Random, history: History, exporter: _Exporter, start: datetime, minutes: int) -> None:
    second, end = random.random() * 15, minutes * 60
    interval, state, blind = random.choice([15, 15, 15, 30, 60]), "up", 0.0
    change_at = random.expovariate(1 / 1500)
    while second < end:
        at = start + timedelta(milliseconds=round(second * 1000))
        if second >= blind:
            history.scrapes.append(
                Scrape(at, state, dict(exporter.seconds), exporter.labels, exporter.life, exporter.changes)
            )
        step = interval + random.choice([0, 0, 0.001, -0.001])
        if second + step >= change_at:
            exporter.pass_time(state, change_at - second)
            exporter.pass_time(new := _other(random, state), second + step - change_at)
            state, exporter.changes = new, exporter.changes + 1
            change_at += random.expovariate(1 / random.choice([40, 200, 900])) + step
        else:
            exporter.pass_time(state, step)
        second += step
        chance = random.random()
        if chance < 0.004:  # Prometheus away
            blind = second + random.expovariate(1 / 300)
        elif chance < 0.006:  # the exporter restarts; its file keeps the account, the time in between is unknown
            away = random.expovariate(1 / 120)
            exporter.pass_time("unknown", away)
            exporter.restart()
            second += away
        elif chance < 0.007:
            exporter.forget()
        elif chance < 0.008:
            exporter.labels = {**exporter.labels, "service": f"servicio-{random.randrange(40)}"}
        elif chance < 0.010:
            interval = random.choice([5, 15, 30, 60, 90, 150])


def _other(random: Random, state: str) -> str:
    return random.choice([one for one in ("up", "down", "down", "unknown") if one != state])


def open_metrics(histories: list[History]) -> Iterator[str]:
    """All samples as OpenMetrics text, one family after the other, each series in order of time."""
    found = [pair for history in histories for pair in history.lines()]
    for family, kind in ((UP, "gauge"), (SECONDS.removesuffix("_total"), "counter")):
        yield f"# TYPE {family} {kind}"
        yield from (text for name, text in found if name.removesuffix("_total") == family)


FEBRUARY = datetime(2026, 2, 1, 5, tzinfo=UTC)
