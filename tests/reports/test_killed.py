"""A report whose making is killed: no half file is left under a name, and a month is signed whole or not at all."""

import os
import signal
import subprocess
import time
from pathlib import Path
from random import Random

from incident_store import blobs
from incident_store.database import read_store
from reports.commands import file_name, verify_command
from reports.rendering import RENDERERS
from reports.signing import last_signed, signed_versions
from tests.processes import ROOT, renteseg
from tests.reports.conftest import October
from tests.reports.test_signing import MONTH, signed

KILLS = 4


def started(october: October, *words: str) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, **october.environment}
    return subprocess.Popen(
        renteseg("report", *words), cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def seconds_to_end(october: October, *words: str) -> float:
    began = time.monotonic()
    assert started(october, *words).wait() == 0
    return time.monotonic() - began


def kill_within(chance: Random, longest: float, process: "subprocess.Popen[bytes]") -> bool:
    """Kill it at some moment of its second half, where it writes; whether it was still at work."""
    time.sleep(chance.uniform(longest / 2, longest))
    alive = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return alive


def test_a_killed_report_leaves_each_file_whole_or_not_at_all(october: October, tmp_path: Path) -> None:
    kept = signed(october)
    with read_store(october.settings.database_url) as connection:
        files = {form: blobs.get(connection, digest) for form, digest in kept.files.items()}
    whole = {file_name(kept.report, kept.signature, form): content for form, content in files.items()}
    words, chance = ("monthly", MONTH, "--out"), Random(8)
    longest = seconds_to_end(october, *words, str(tmp_path / "first"))

    alive = [
        kill_within(chance, longest, started(october, *words, str(tmp_path / str(number)))) for number in range(KILLS)
    ]

    assert any(alive)
    for file in tmp_path.glob("[0-9]/[!.]*"):
        assert file.read_bytes() == whole[file.name]


def test_a_killed_signature_is_whole_or_was_never_given(october: October, tmp_path: Path) -> None:
    longest, chance = seconds_to_end(october, "monthly", MONTH, "--draft", "--out", str(tmp_path / "draft")), Random(8)

    alive = [kill_within(chance, longest, started(october, "sign", MONTH, "--by", "sofia")) for _number in range(KILLS)]

    assert any(alive)
    with read_store(october.settings.database_url) as connection:
        versions = signed_versions(connection, MONTH)
        found = last_signed(connection, MONTH)
        kept = [blobs.get(connection, digest) for digest in found.files.values()] if found else []
    assert len(versions) <= 1
    assert len(kept) == len(RENDERERS) * len(versions)
    if not versions:
        signed(october)
    verify_command(october.settings, MONTH, None)
