"""The files that Prometheus and Alertmanager read, with this machine's addresses in them."""

import os
import shutil
from pathlib import Path

from groundwork.configuration import read_text, substitute

ROOT = Path(__file__).resolve().parent.parent


def render(config: Path, target: Path) -> None:
    """Write prometheus.yml, alertmanager.yml, templates/ and rules/ under `target`, replacing `${NAME}`.

    Raises ConfigurationError naming file and line of a name without value. `target` is replaced as a whole.
    """
    sources = {
        config / "prometheus.yml": "prometheus.yml",
        config / "alertmanager.yml": "alertmanager.yml",
        **{path: f"templates/{path.name}" for path in sorted((config / "templates").glob("*.tmpl"))},
        **{path: f"rules/{path.name}" for path in sorted((ROOT / "rules").glob("*.yml"))},
    }
    texts = {name: substitute(read_text(path), path, os.environ) for path, name in sources.items()}
    for folder in ("rules", "templates"):
        shutil.rmtree(target / folder, ignore_errors=True)
        (target / folder).mkdir(parents=True)
    for name, text in texts.items():
        (target / name).write_text(text, encoding="utf-8")
