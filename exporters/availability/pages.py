"""The exporter's pages: health, metrics, `/probe` (one probe now) and `/-/reload`."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import TypeVar

from flask import Flask, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from exporters.availability.account import ResultCollector, account
from exporters.availability.board import Board
from exporters.availability.exposition import Exposition
from exporters.availability.probes import table
from exporters.availability.probes.result import ProbeResult
from exporters.availability.watched import Watched
from groundwork.problems import Problem
from groundwork.serving import health_app

SCRAPE_TIMEOUT = "X-Prometheus-Scrape-Timeout-Seconds"
ANSWER_MARGIN = 0.5
"""Seconds kept of the scrape's timeout for the answer to travel."""

ON_DEMAND = 4
"""What may be asked for at the same time beside scrapes, for which the other threads of the pages are kept."""

Answer = TypeVar("Answer")
Reload = Callable[[], Coroutine[None, None, list[Problem]]]


def availability_app(
    board: Board, reload: Reload, loop: asyncio.AbstractEventLoop, clock: Callable[[], datetime]
) -> Flask:
    """The pages; probes asked for here run on `loop`, beside the scheduled ones and outside their accounts."""
    places = threading.BoundedSemaphore(ON_DEMAND)
    app = health_app("availability", Exposition(board, clock).render, lambda: board.not_ready(clock()))

    @app.get("/probe")
    def probe() -> Response:
        component = board.targets.named(request.args.get("target", ""))
        if component is None:
            known = ", ".join(component.name for component in board.components)
            return _text(f"no such target; write /probe?target=NAME with one of: {known}\n", 404)
        told = request.args.get("debug", "").lower() in ("true", "1")
        allowed = allowed_seconds(request.headers.get(SCRAPE_TIMEOUT), component.timeout)
        if not places.acquire(blocking=False):
            return _text("too many probes are asked for at once: ask again\n", 503)
        try:
            result = _on(loop, table.run(component, allowed, told=told))
        finally:
            places.release()
        return _text(account(component, result), 200) if told else _metrics(component, result)

    @app.post("/-/reload")
    def reload_now() -> Response:
        if not places.acquire(blocking=False):
            return _text("too much is asked for at once: ask again\n", 503)
        try:
            problems = _on(loop, reload())
        finally:
            places.release()
        if problems:
            return _text("".join(f"{problem}\n" for problem in problems), 500)
        return _text("reloaded\n", 200)

    return app


def allowed_seconds(header: str | None, timeout: float) -> float:
    """The component's timeout, or less when the scrape that asks would end before it."""
    try:
        scrape = float(header or "inf")
    except ValueError:
        return timeout
    if not scrape > 0:
        return timeout
    return min(timeout, max(scrape - ANSWER_MARGIN, scrape / 2))


def _on(loop: asyncio.AbstractEventLoop, work: Coroutine[None, None, Answer]) -> Answer:
    return asyncio.run_coroutine_threadsafe(work, loop).result()


def _metrics(component: Watched, result: ProbeResult) -> Response:
    one = CollectorRegistry()
    one.register(ResultCollector(component, result))
    return Response(generate_latest(one), content_type=CONTENT_TYPE_LATEST)


def _text(words: str, status: int) -> Response:
    return Response(words, status=status, content_type="text/plain; charset=utf-8")
