"""What answers PromQL in the tests: a real Prometheus 2 (closed ranges) and a real VictoriaMetrics (left-open ones)."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from chain.programs import ProgramMissing, peer
from groundwork.prometheus import Prometheus
from tests.processes import answers, free_ports, running, wait_for
from tests.prometheus_server import prometheus

PIECE = 100_000


def asking(url: str) -> Prometheus:
    """A client with time enough for a month."""
    return Prometheus(url, 120, 1 << 29)


@contextmanager
def engine(name: str, folder: Path, lines: Iterable[str]) -> Iterator[Prometheus]:
    """The engine of that name, holding these samples (OpenMetrics text without its end)."""
    if name == "prometheus":
        with prometheus(folder, lines) as url:
            yield asking(url)
        return
    with _victoria(folder) as url:
        _import(url, lines)
        yield asking(url)


@contextmanager
def _victoria(folder: Path) -> Iterator[str]:
    try:
        binary = peer("victoria-metrics")
    except ProgramMissing as error:
        pytest.skip(f"VictoriaMetrics is not to be had: {error}")
    folder.mkdir(parents=True, exist_ok=True)
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    command = [str(binary), f"-storageDataPath={folder}/victoria", "-retentionPeriod=100y", "-loggerLevel=ERROR"]
    with running([*command, f"-httpListenAddr={url.removeprefix('http://')}"], folder / "victoria.log"):
        wait_for(lambda: answers(f"{url}/health"), 30, "VictoriaMetrics is ready")
        yield url


def _import(url: str, lines: Iterable[str]) -> None:
    """Its import takes milliseconds where OpenMetrics writes seconds."""
    written = []
    for line in lines:
        if not line.startswith("#"):
            series, value, seconds = line.rsplit(" ", 2)
            written.append(f"{series} {value} {round(float(seconds) * 1000)}")
    for first in range(0, len(written), PIECE):
        body = "\n".join(written[first : first + PIECE]) + "\n"
        httpx.post(f"{url}/api/v1/import/prometheus", content=body, timeout=60).raise_for_status()
    httpx.get(f"{url}/internal/force_flush", timeout=60).raise_for_status()
