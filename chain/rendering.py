"""The files that Prometheus and Alertmanager read, with this machine's addresses in them."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from groundwork.configuration import read_text, substitute
from groundwork.problems import Refused

ROOT = Path(__file__).resolve().parent.parent


def render(config: Path, target: Path) -> None:
    """Write prometheus.yml, alertmanager.yml, templates/ and rules/ under `target`, replacing `${NAME}`.

    Raises ConfigurationError naming file and line of a name without value, and Refused for a `target` that cannot be
    written. `target` is replaced as a whole.
    """
    sources = {
        config / "prometheus.yml": "prometheus.yml",
        config / "alertmanager.yml": "alertmanager.yml",
        **{path: f"templates/{path.name}" for path in sorted((config / "templates").glob("*.tmpl"))},
        **{path: f"rules/{path.name}" for path in sorted((ROOT / "rules").glob("*.yml"))},
    }
    texts = {name: substitute(read_text(path), path, os.environ) for path, name in sources.items()}
    try:
        _write(texts, target)
    except OSError as error:
        raise Refused(f"{error.filename or target} cannot be written: {error.strerror}; name another folder") from error


def _write(texts: Mapping[str, str], target: Path) -> None:
    for folder in ("rules", "templates"):
        shutil.rmtree(target / folder, ignore_errors=True)
        (target / folder).mkdir(parents=True)
    for name, text in texts.items():
        (target / name).write_text(text, encoding="utf-8")
