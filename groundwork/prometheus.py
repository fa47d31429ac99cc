"""Asks Prometheus, or an engine that speaks its HTTP API, with a limit on time and size of every answer."""

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from groundwork.problems import Away

DEADLINE_SECONDS = 20.0
LARGEST_ANSWER = 16 * 1024 * 1024
"""Bytes; a month of minutes of a hundred components fits."""
AT_THESE_MOMENTS = {"nocache": "1"}
"""VictoriaMetrics would move the moments to where its cache has them; Prometheus knows no such word."""
UNPACKED = {"Accept-Encoding": "identity"}
"""Packing a large answer costs both sides more than sending it."""
ASKED_WRONG = frozenset({400, 404, 422})
"""Answers to a question that would not be answered otherwise if it were asked again."""


class PrometheusAway(Away):
    """Prometheus did not answer in time, or not as Prometheus does; the same question may be answered later."""


class QueryRefused(Exception):
    """Prometheus will not answer this question however often it is asked: it is wrong, or asks for too much."""


@dataclass(frozen=True)
class Sample:
    """One series at one moment."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Series:
    """One series over time: moments (UTC) and values, in order."""

    labels: Mapping[str, str]
    points: Sequence[tuple[datetime, float]]


RawSeries = tuple[Mapping[str, str], Sequence[tuple[float, str]]]
"""Labels, and points as they came: unix seconds, value as text."""


def selector(metric: str, labels: Mapping[str, str]) -> str:
    """A PromQL selector of series with exactly these label values, whatever they hold."""
    return f"{metric}{{{','.join(f'{name}={quoted(value)}' for name, value in labels.items())}}}"


def quoted(value: str) -> str:
    """A PromQL string literal of any text; JSON's escapes are among PromQL's. What is no text becomes `?`."""
    return json.dumps(value.encode("utf-8", "replace").decode(), ensure_ascii=False)


class Prometheus:
    """One server. `name` is its host and port, without any password of its address."""

    def __init__(self, url: str, deadline: float = DEADLINE_SECONDS, largest: int = LARGEST_ANSWER) -> None:
        self.name = urlsplit(url).netloc.rpartition("@")[2]
        self._url = url.rstrip("/")
        self._deadline, self._largest = deadline, largest
        self._trusted = httpx.create_ssl_context()

    def instant(self, query: str, at: datetime) -> list[Sample]:
        """The vector that a query gives at a moment; raises PrometheusAway, QueryRefused."""
        found = self._vector("/api/v1/query", {"query": query, "time": _unix(at)}, "vector")
        try:
            return [Sample(dict(one["metric"]), float(one["value"][1])) for one in found]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise self._foreign(error) from error

    def range(self, query: str, start: datetime, end: datetime, step: timedelta) -> list[Series]:
        """What a query gives at `start`, each `step` later, and up to `end`; raises PrometheusAway, QueryRefused."""
        asked = {"query": query, "start": _unix(start), "end": _unix(end), "step": str(step.total_seconds())}
        found = self._vector("/api/v1/query_range", {**asked, **AT_THESE_MOMENTS}, "matrix")
        try:
            return [Series(dict(one["metric"]), [_point(*point) for point in one["values"]]) for one in found]
        except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
            raise self._foreign(error) from error

    def points(self, query: str, start: datetime, end: datetime, step: timedelta) -> list[RawSeries]:
        """Like `range`, for answers of millions: each point as it came, [unix seconds, value as text]."""
        asked = {"query": query, "start": _unix(start), "end": _unix(end), "step": str(step.total_seconds())}
        return self._raw("/api/v1/query_range", {**asked, **AT_THESE_MOMENTS})

    def samples(self, range_selector: str, at: datetime) -> list[RawSeries]:
        """The samples that a selector such as `up[1h]` finds at a moment, as they are; raises as `range` does."""
        return self._raw("/api/v1/query", {"query": range_selector, "time": _unix(at)})

    def left_open(self, at: datetime) -> bool:
        """Whether a range leaves out what stands exactly at its beginning (Prometheus 3) or takes it in (2)."""
        minute = datetime.fromtimestamp(at.timestamp() // 60 * 60, UTC)
        return self.instant("count_over_time(vector(1)[1m:1m])", minute)[0].value == 1

    def _raw(self, path: str, asked: Mapping[str, str]) -> list[RawSeries]:
        found = self._vector(path, asked, "matrix")
        try:
            return [(one["metric"], one["values"]) for one in found]
        except (KeyError, TypeError) as error:
            raise self._foreign(error) from error

    def alert_rules(self, name: str) -> list[Mapping[str, Any]]:
        """The alert rules of this name as the API tells them, with `group` and `file`; raises PrometheusAway."""
        found = self._ask("/api/v1/rules", {"type": "alert"})
        try:
            return [
                {**rule, "group": group["name"], "file": group["file"]}
                for group in found["groups"]
                for rule in group["rules"]
                if rule["name"] == name
            ]
        except (KeyError, TypeError) as error:
            raise self._foreign(error) from error

    def _vector(self, path: str, asked: Mapping[str, str], kind: str) -> list[Any]:
        found = self._ask(path, asked)
        if not isinstance(found, dict) or found.get("resultType") != kind or not isinstance(found.get("result"), list):
            raise self._foreign(f"no {kind}")
        result: list[Any] = found["result"]
        return result

    def _ask(self, path: str, asked: Mapping[str, str]) -> Any:
        status, body = self._read(path, asked)
        try:
            answer = json.loads(body)
            if answer["status"] == "success":
                return answer["data"]
            reason = str(answer.get("error"))[:500]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise self._foreign(error if status == httpx.codes.OK else f"status {status}") from error
        if status in ASKED_WRONG:
            raise QueryRefused(reason)
        raise PrometheusAway(f"Prometheus ({self.name}) cannot answer: {reason}")

    def _read(self, path: str, asked: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body; a peer that drips past the deadline is cut off in whatever it is doing."""
        try:
            return asyncio.run(self._fetch(path, asked))
        except TimeoutError:
            raise PrometheusAway(f"Prometheus ({self.name}) was not done after {self._deadline:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PrometheusAway(f"Prometheus ({self.name}) is away: {error or type(error).__name__}") from error

    async def _fetch(self, path: str, asked: Mapping[str, str]) -> tuple[int, bytes]:
        pieces, size = [], 0
        client = httpx.AsyncClient(base_url=self._url, verify=self._trusted, timeout=None)  # noqa: S113 - one for all
        async with (
            asyncio.timeout(self._deadline),
            client,
            client.stream("GET", path, params=dict(asked), headers=UNPACKED) as answer,
        ):
            async for piece in answer.aiter_bytes():
                pieces.append(piece)
                size += len(piece)
                if size > self._largest:
                    raise QueryRefused(f"the answer is larger than {self._largest:,} bytes")
        return answer.status_code, b"".join(pieces)

    def _foreign(self, why: object) -> PrometheusAway:
        return PrometheusAway(f"what answers at {self.name} is not Prometheus: {str(why)[:200]}")


def _unix(moment: datetime) -> str:
    return f"{moment.timestamp():.3f}"


def _point(at: float, value: str) -> tuple[datetime, float]:
    if not math.isfinite(at):
        raise ValueError("a moment that is none")
    return datetime.fromtimestamp(at, UTC), float(value)
