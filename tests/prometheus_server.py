"""A real Prometheus on loopback that remembers what a test tells it, and scrapes nothing."""

import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import yaml

from chain.programs import program
from tests.processes import answers, free_ports, running, wait_for

Labelled = tuple[str, dict[str, str]]
"""A metric's name and its labels."""


def line(series: Labelled, value: float, moment: datetime) -> str:
    """One sample as OpenMetrics text."""
    name, labels = series
    inner = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{inner}}} {value} {moment.timestamp():.3f}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@contextmanager
def prometheus(
    folder: Path, lines: Iterable[str], rules: object = None, port: int | None = None, *, flags: tuple[str, ...] = ()
) -> Iterator[str]:
    """The URL of a Prometheus that holds these samples and these rules, ready to answer."""
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_ports(1)[0]
    _write_blocks(folder, lines)
    rule_files = ["rules.yml"] if rules else []
    (folder / "rules.yml").write_text(yaml.safe_dump(rules, allow_unicode=True))
    (folder / "prometheus.yml").write_text(yaml.safe_dump({"rule_files": rule_files}))
    command = [
        str(program("prometheus")),
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        "--storage.tsdb.retention.time=3650d",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
        *flags,
    ]
    url = f"http://127.0.0.1:{port}"
    with running(command, folder / "log"):
        wait_for(lambda: answers(f"{url}/-/ready"), 30, "Prometheus is ready")
        yield url


def _write_blocks(folder: Path, lines: Iterable[str]) -> None:
    """Blocks of the past, from OpenMetrics text; samples of one series in order, one family after the other."""
    text = "\n".join([*lines, "# EOF\n"])
    (folder / "samples").write_text(text)
    promtool = [str(program("promtool")), "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=2000h"]
    subprocess.run([*promtool, folder / "samples", folder / "data"], check=True, capture_output=True)
