"""The systemd units: systemd itself reads them, each runs a command that exists, none has rights to spare."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

import renteseg
from tests.processes import ROOT

UNITS = ROOT / "deploy" / "systemd"
WANTED = re.findall(r"renteseg[\w-]*@[\w-]+\.service", (UNITS / "renteseg.target").read_text(encoding="utf-8"))
MOST_EXPOSED = 4.5
"""On systemd's own scale from 0 (locked away) to 10."""

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd")


def template(wanted: str) -> Path:
    return UNITS / re.sub(r"@[\w-]+\.", "@.", wanted)


@pytest.mark.parametrize("wanted", WANTED)
def test_a_unit_runs_a_command_that_exists(wanted: str) -> None:
    (line,) = re.findall(r"^ExecStart=\S+/renteseg (.+)$", template(wanted).read_text(encoding="utf-8"), re.MULTILINE)
    command: Any = typer.main.get_command(renteseg.app)
    for word in line.replace("%i", wanted.split("@")[1].removesuffix(".service")).split():
        assert word in command.commands
        command = command.commands[word]


def test_every_process_of_ours_is_wanted() -> None:
    instances = {wanted.split("@")[1].removesuffix(".service") for wanted in WANTED}

    assert instances == {"webhook", "worker", "console", "availability", "file-loads", "incidents"}


@needs_systemd
def test_systemd_accepts_every_unit(tmp_path: Path) -> None:
    for unit in UNITS.glob("renteseg*"):
        text = unit.read_text(encoding="utf-8").replace("/opt/renteseg/.venv/bin/renteseg", sys.executable)
        (tmp_path / unit.name).write_text(text.replace("/opt/renteseg/", f"{ROOT}/"), encoding="utf-8")
    units = [str(path) for path in tmp_path.iterdir()]

    answer = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )

    ours = [line for line in answer.stderr.splitlines() if "renteseg" in line and "Command" not in line]
    assert ours == []


@needs_systemd
@pytest.mark.parametrize("unit", sorted(UNITS.glob("renteseg*.service")), ids=lambda unit: unit.stem)
def test_a_unit_has_no_rights_to_spare(unit: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=true", str(unit)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)

    told = re.search(r"exposure level for \S+: ([\d.]+)", answer.stdout)
    assert told is not None
    assert float(told[1]) <= MOST_EXPOSED
