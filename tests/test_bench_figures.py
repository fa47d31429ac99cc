"""The figures of a benchmark are written as programs expect them."""

import json
from pathlib import Path

import pytest

from bench import figures
from bench.figures import Figure, write


def test_a_figure_has_its_eight_fields_and_a_missed_target_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(figures, "RESULTS", tmp_path)
    good = Figure("load", 3.0, "ms", "<= 0.2 x", holds=True, peer="sql-exporter", peer_value=30.0, ratio=0.1)
    bad = Figure("scrape", 30.0, "ms", "< 10 ms", holds=False)

    assert write("trial", [good])
    assert not write("trial", [good, bad])

    document = json.loads((tmp_path / "trial.json").read_text())
    assert set(document) == {"name", "machine", "figures"}
    assert document["figures"][0] == {
        "name": "load",
        "value": 3.0,
        "unit": "ms",
        "peer": "sql-exporter",
        "peer_value": 30.0,
        "ratio": 0.1,
        "target": "<= 0.2 x",
        "holds": True,
    }
    assert document["figures"][1]["peer"] is None
    assert "NO" in capsys.readouterr().out
