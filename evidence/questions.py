"""What Prometheus is asked about an opening, part by part. Every label value is quoted: a name can ask nothing else.

`[1m]` bounds how long a sample is believed in, as in the alert rules. Of several replicas one that sees a component up
is enough.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import Any, TypeVar

from groundwork.prometheus import Prometheus, Sample, Series, selector
from incident_store.domain.attribution import Condition
from incident_store.evidence import Opening
from incident_store.snapshots import (
    BEFORE,
    STEP,
    ComponentSeen,
    Failure,
    Lack,
    Latency,
    LoadSeen,
    Rule,
    RuleValue,
    StateStretch,
)

MINUTE = timedelta(minutes=1)
AFTER = timedelta(seconds=30)
"""Components and files are seen over the minute that ends so long after the opening: not all are probed at once."""
MOST = 500
"""Of each list so many entries are kept; the document says how many were left out."""
LONGEST, LONGEST_LABEL = 2000, 200
"""Characters of a text and of a label from outside."""

UP, DOWN = "renteseg_component_up", Condition.DOWN.value
DONE = "processed|observed|regularised"
STATES = {1.0: Condition.UP.value, 0.0: DOWN, -1.0: Condition.UNKNOWN.value}
UNSEEN = "unseen"

Entry = TypeVar("Entry")
LeftOut = dict[str, int]


class Absent(Exception):
    """Prometheus answered, and holds nothing of this part."""

    def __init__(self, why: Lack = Lack.NO_SAMPLES) -> None:
        self.why = why
        super().__init__(why.value)


def states(server: Prometheus, opening: Opening, left_out: LeftOut) -> tuple[StateStretch, ...]:
    """The component's last 30 minutes as stretches of one state."""
    up, known = _own(UP, opening), _own("renteseg_component_info", opening)
    query = (
        f"max({up} and on (component) max by (component) (last_over_time({up}[1m]))) "
        f"or 0 - max({known} and on (component) max by (component) (last_over_time({known}[1m])))"
    )
    found = server.range(query, opening.moment - BEFORE, opening.moment, STEP)
    if not found:
        raise Absent
    return _first(_stretches(_at_each_step(found, opening.moment), opening.moment), "states", left_out)


def _at_each_step(found: list[Series], end: datetime) -> list[tuple[datetime, str]]:
    values = {at: STATES.get(value, UNSEEN) for series in reversed(found) for at, value in series.points}
    moments = [end - BEFORE + number * STEP for number in range(BEFORE // STEP + 1)]
    near = {round(at.timestamp()): state for at, state in values.items()}
    return [(at, near.get(round(at.timestamp()), UNSEEN)) for at in moments]


def _stretches(seen: list[tuple[datetime, str]], end: datetime) -> list[StateStretch]:
    """Each from its first sample to the first of the next."""
    runs = [(next(run)[0], state) for state, run in groupby(seen, key=lambda one: one[1])]
    ends = [*(start for start, _ in runs[1:]), end]
    return [StateStretch(start=start, end=until, state=state) for (start, state), until in zip(runs, ends, strict=True)]


def latency(server: Prometheus, opening: Opening, left_out: LeftOut) -> tuple[Latency, ...]:
    """The longest probe of each of the last 30 minutes."""
    query = f"max(max_over_time({_own('renteseg_probe_last_duration_seconds', opening)}[1m]))"
    found = server.range(query, opening.moment - BEFORE + MINUTE, opening.moment, MINUTE)
    points = [(at, value) for series in found for at, value in series.points if math.isfinite(value)]
    if not points:
        raise Absent
    return _first([Latency(at=at, seconds=round(value, 6)) for at, value in points], "latency", left_out)


def failures(server: Prometheus, opening: Opening, left_out: LeftOut) -> tuple[Failure, ...]:
    """Why probes of the component failed in the last 30 minutes, the most frequent reason first."""
    counter = _own("renteseg_probe_failures_total", opening)
    found = server.range(counter, opening.moment - BEFORE, opening.moment, STEP)
    if not found:
        raise Absent
    counted: Counter[str] = Counter()
    for series in found:
        counted[_label(series, "reason")] += growth(value for _, value in series.points)
    times = [Failure(reason=reason, times=number) for reason, number in counted.items() if number > 0]
    return _first(sorted(times, key=lambda one: (-one.times, one.reason)), "failures", left_out)


def growth(values: Iterable[float]) -> int:
    """How much a counter grew from sample to sample; one that fell began anew from 0. `increase` would extrapolate."""
    finite = [value for value in values if math.isfinite(value)]
    steps = pairwise(finite)
    return round(sum(after - before if after >= before else after for before, after in steps))


def around(server: Prometheus, opening: Opening, left_out: LeftOut) -> tuple[ComponentSeen, ...]:
    """Every component over the minute around the opening, those that did not answer first."""
    names = "component, service, owner, link"
    end = opening.moment + AFTER
    up = server.instant(f"max by ({names}) (min_over_time({UP}[1m]))", end)
    known = server.instant(f"max by ({names}) (last_over_time(renteseg_component_info[1m]))", end)
    if not (up or known):
        raise Absent
    seen = {_label(one, "component"): _component(one, Condition.UNKNOWN) for one in known}
    seen |= {_label(one, "component"): _component(one, Condition.UP if one.value else Condition.DOWN) for one in up}
    ordered = sorted(seen.values(), key=lambda one: (one.state is Condition.UP, one.component))
    return _first(ordered, "around", left_out)


def monitor_blind(server: Prometheus, opening: Opening, _left_out: LeftOut) -> bool:
    """Whether the monitor saw nothing at all in that minute."""
    found = server.instant("max(max_over_time(renteseg_monitor_blind[1m]))", opening.moment + AFTER)
    if not found:
        raise Absent
    return found[0].value > 0


def loads(server: Prometheus, opening: Opening, left_out: LeftOut) -> tuple[LoadSeen, ...]:
    """The daily files that were not processed at that minute."""
    states_of = f'renteseg_file_loads{{state!~"{DONE}"}}'
    end = opening.moment + AFTER
    found = server.instant(f"max by (operator, file_type, state) (last_over_time({states_of}[1m]))", end)
    if not found:
        raise Absent
    words = ("operator", "file_type", "state")
    waiting = [LoadSeen(**{word: _label(one, word) for word in words}) for one in found if one.value == 1]
    return _first(sorted(waiting, key=lambda one: (one.operator, one.file_type)), "loads", left_out)


def rules(server: Prometheus, opening: Opening, left_out: LeftOut) -> tuple[Rule, ...]:
    """The rule behind the alert, and what its expression gave at the opening for the alert's labels."""
    if opening.episode is None:
        raise Absent(Lack.NO_ALERT)
    name = opening.episode.labels.get("alertname", "")
    found = server.alert_rules(name)
    if not found:
        raise Absent(Lack.NO_RULE)
    started_at = opening.episode.started_at
    return _first([_rule(server, one, opening.episode.labels, started_at) for one in found[:5]], "rules", left_out)


def _rule(server: Prometheus, rule: Mapping[str, Any], labels: Mapping[str, str], at: datetime) -> Rule:
    expression = str(rule.get("query", ""))
    matching = [
        one
        for one in server.instant(expression, at)
        if all(labels.get(name) == value for name, value in one.labels.items() if name != "__name__")
    ]
    values = [RuleValue(labels=cut_labels(one.labels, LONGEST_LABEL), value=_finite(one.value)) for one in matching[:5]]
    return Rule(
        name=_cut(str(rule["name"])),
        group=_cut(str(rule["group"])),
        expression=_cut(expression),
        for_seconds=float(rule.get("duration") or 0),
        values=tuple(values),
    )


Question = Callable[[Prometheus, Opening, LeftOut], Any]
QUESTIONS: Mapping[str, Question] = {
    "states": states,
    "latency": latency,
    "failures": failures,
    "around": around,
    "monitor_blind": monitor_blind,
    "loads": loads,
    "rules": rules,
}
"""The parts of a snapshot by their names in it."""


def _own(metric: str, opening: Opening) -> str:
    return selector(metric, {"component": opening.component})


def _component(sample: Sample, state: Condition) -> ComponentSeen:
    words = {word: _label(sample, word) for word in ("component", "service", "owner", "link")}
    return ComponentSeen(**words, state=state)


def _label(sample: Sample | Series, name: str) -> str:
    return _cut(str(sample.labels.get(name, "")), LONGEST_LABEL)


def cut_labels(labels: Mapping[str, str], longest: int = LONGEST) -> dict[str, str]:
    """Labels or annotations, each cut to a bounded length, and no more than fifty."""
    return {_cut(str(name), LONGEST_LABEL): _cut(str(value), longest) for name, value in sorted(labels.items())[:50]}


def _cut(text: str, longest: int = LONGEST) -> str:
    clean = text.encode("utf-8", "replace").decode().replace("\0", "�")
    return clean if len(clean) <= longest else f"{clean[:longest]}…"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _first(found: list[Entry], part: str, left_out: LeftOut) -> tuple[Entry, ...]:
    if len(found) > MOST:
        left_out[part] = len(found) - MOST
    return tuple(found[:MOST])
