"""The month's daily files, from the file-load exporter's metrics (semantics 29 to 31)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from groundwork.prometheus import Prometheus, Series
from incident_store.domain.months import Month, day_interval
from reports.monthly_report import Load, LoadDay
from reports.samples import MILLISECOND

DAY = timedelta(days=1)
STATES = "max by (operator, file_type, state) (last_over_time(renteseg_file_loads[1h])) == 1"
OUTCOMES = "max by (operator, file_type, outcome) (last_over_time(renteseg_file_loads_total[1d]))"
REJECTIONS = "max by (operator, file_type, reason) (last_over_time(renteseg_file_rejections_total[1d]))"

Line = tuple[str, str]


def read_loads(prometheus: Prometheus, month: Month, zone: ZoneInfo, until: datetime) -> tuple[Load, ...]:
    """Each operator and type: how each data day of the month ended, and how the month's counts grew.

    A data day's load is read at the end of the day after it, when its deadline is long past. Counters never go back
    (semantics 31), so the month's count is their growth. Raises PrometheusAway, QueryRefused.
    """
    bounds = month.interval(zone)
    end = min(bounds.end, until)
    if end <= bounds.start:
        return ()
    days = _days(prometheus, month, zone, until)
    outcomes, rejections = (
        _growth(prometheus.range(query, bounds.start - MILLISECOND, end - MILLISECOND, DAY), name)
        for query, name in ((OUTCOMES, "outcome"), (REJECTIONS, "reason"))
    )
    lines = sorted({*days, *outcomes, *rejections})
    return tuple(Load(
        operator=line[0], file_type=line[1], days=tuple(days.get(line, ())),
        outcomes=outcomes.get(line, {}), rejections={k: v for k, v in rejections.get(line, {}).items() if v},
    ) for line in lines)  # fmt: skip


def _days(prometheus: Prometheus, month: Month, zone: ZoneInfo, until: datetime) -> Mapping[Line, list[LoadDay]]:
    found: dict[Line, list[LoadDay]] = defaultdict(list)
    for day in month.days():
        looked_at = day_interval(day + DAY, zone).end - MILLISECOND
        if looked_at > until:
            break
        for sample in sorted(prometheus.instant(STATES, looked_at), key=lambda one: sorted(one.labels.items())):
            line = (sample.labels.get("operator", ""), sample.labels.get("file_type", ""))
            found[line].append(LoadDay(day=day, state=sample.labels.get("state", "")))
    return found


def _growth(series: Iterable[Series], name: str) -> Mapping[Line, dict[str, int]]:
    grown: dict[Line, dict[str, int]] = defaultdict(dict)
    for one in sorted(series, key=lambda each: sorted(each.labels.items())):
        line = (one.labels.get("operator", ""), one.labels.get("file_type", ""))
        grown[line][one.labels.get(name, "")] = int(max(one.points[-1][1] - one.points[0][1], 0))
    return grown
