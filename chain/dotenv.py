"""`.env`: names that nobody reads are most likely misspelt, and would be passed over in silence."""

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

from chain.rendering import ROOT
from groundwork.configuration import VARIABLE
from groundwork.problems import Problem
from groundwork.settings import Settings
from simulator.options import Options

ASSIGNMENT = re.compile(r"\s*(?:export\s+)?(RENTESEG_\w+)\s*=")
READ_BY = ("docker-compose.yml", "config/**/*.yml", "config/**/*.tmpl", "rules/*.yml")


def unknown_names(file: Path, config: Path) -> Iterator[Problem]:
    """A problem for every RENTESEG_ name in `file` that no process, configuration or rule reads."""
    if not file.is_file():
        return
    known = _known(config)
    for number, line in enumerate(_text(file).split("\n"), 1):
        match = ASSIGNMENT.match(line)
        if match and match[1] not in known:
            near = difflib.get_close_matches(match[1], sorted(known), n=1)
            remedy = f"did you mean {near[0]}?" if near else "remove it"
            yield Problem(str(file), f"nothing reads {match[1]}", remedy, number)


def _known(config: Path) -> set[str]:
    fields = {f"RENTESEG_{name.upper()}" for name in Settings.model_fields}
    fields |= {f"RENTESEG_SIMULATOR_{name.upper()}" for name in Options.model_fields}
    files = [path for pattern in READ_BY for path in ROOT.glob(pattern)] + [
        path for path in config.rglob("*") if path.is_file()
    ]
    texts = (_text(path) for path in files)
    return fields | {match[1] for text in texts for match in VARIABLE.finditer(text)}


def _text(path: Path) -> str:
    """What stands in the file; nothing when it cannot be read, which others say."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
