"""The exporter's pages: health, metrics, and `/probe`, one probe now."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from flask import Flask, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from exporters.availability.board import Board
from exporters.availability.exposition import ResultCollector, registry
from exporters.availability.probes import table
from exporters.availability.probes.result import ProbeResult
from exporters.availability.targets import Targets
from exporters.availability.watched import Watched
from groundwork.serving import health_app

SCRAPE_TIMEOUT = "X-Prometheus-Scrape-Timeout-Seconds"
ANSWER_MARGIN = 0.5
"""Seconds kept of the scrape's timeout for the answer to travel."""


def availability_app(
    board: Board, targets: Targets, loop: asyncio.AbstractEventLoop, clock: Callable[[], datetime]
) -> Flask:
    """The pages; probes asked for here run on `loop`, beside the scheduled ones and outside their accounts."""
    app = health_app("availability", registry(board, clock), lambda: board.not_ready(clock()))

    @app.get("/probe")
    def probe() -> Response:
        component = targets.named(request.args.get("target", ""))
        if component is None:
            known = ", ".join(component.name for component in targets.components)
            return _text(f"no such target; write /probe?target=NAME with one of: {known}\n", 404)
        result = _probe_on(loop, component, allowed_seconds(request.headers.get(SCRAPE_TIMEOUT), component.timeout))
        one = CollectorRegistry()
        one.register(ResultCollector(component, result))
        return Response(generate_latest(one), content_type=CONTENT_TYPE_LATEST)

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


def _probe_on(loop: asyncio.AbstractEventLoop, component: Watched, timeout: float) -> ProbeResult:
    return asyncio.run_coroutine_threadsafe(table.run(component, timeout), loop).result()


def _text(words: str, status: int) -> Response:
    return Response(words, status=status, content_type="text/plain; charset=utf-8")
