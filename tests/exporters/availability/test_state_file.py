"""The accounts on disk: they survive, the time in between is unknown, a foreign file is kept aside."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exporters.availability.accounting import State, advanced, observed, opened
from exporters.availability.state_file import load, save

BEGAN = datetime(2026, 10, 5, 12, 0, tzinfo=UTC)
VOUCH = timedelta(seconds=30)


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def test_counters_survive_and_the_time_away_is_unknown(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    account = advanced(observed(opened(BEGAN), State.UP, BEGAN, VOUCH), at(20.000001))
    save(file, [("portal", account)])

    resumed = load(file, at(25))["portal"]
    later = observed(resumed, State.UP, at(26), VOUCH)

    assert resumed.spans == account.spans
    assert later.spans == {
        State.UP: timedelta(seconds=20, microseconds=1),
        State.DOWN: timedelta(),
        State.UNKNOWN: timedelta(seconds=5, microseconds=999_999),
    }
    assert advanced(resumed, at(25)).state is State.UNKNOWN


def test_no_file_is_a_first_start(tmp_path: Path) -> None:
    assert load(tmp_path / "state.json", BEGAN) == {}


GOOD = {"state": "up", "since": "2026-10-05T12:00:00Z", "until": "2026-10-05T12:00:00Z"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff",
        b'{"format": "renteseg-availability-state/1", "compon',
        b'["another program"]',
        json.dumps({"format": "renteseg-availability-state/2", "components": {}}).encode(),
        json.dumps(
            {
                "format": "renteseg-availability-state/1",
                "components": {"portal": {**GOOD, "seconds": {"up": -5, "down": 0, "unknown": 0}}},
            }
        ).encode(),
        json.dumps(
            {
                "format": "renteseg-availability-state/1",
                "components": {"portal": {**GOOD, "seconds": {"up": 5}}},
            }
        ).encode(),
    ],
)
def test_a_file_that_cannot_be_understood_is_kept_aside(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "state.json"
    file.write_bytes(content)

    assert load(file, BEGAN) == {}

    [aside] = tmp_path.iterdir()
    assert aside.name.startswith("state.json.corrupt-20261005T120000")
    assert aside.read_bytes() == content


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "state.json"
    save(file, [("portal", opened(BEGAN))])
    before = file.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(file, [])

    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("since", "until", "seconds"),
    [
        ("2026-10-05T12:00:00Z", "2030-01-01T00:00:00Z", 60),  # a clock that ran ahead
        ("0001-01-01T00:00:00Z", "2026-10-05T12:00:00Z", 60),
        ("2026-10-05T12:00:00Z", "2026-10-05T11:00:00Z", 60),
        ("2026-10-05T11:00:00Z", "2026-10-05T12:00:00Z", 1e11),
    ],
)
def test_times_that_cannot_be_are_set_aside_and_not_counted(
    tmp_path: Path, since: str, until: str, seconds: float
) -> None:
    account = {"state": "up", "since": since, "until": until, "seconds": {"up": seconds, "down": 0, "unknown": 0}}
    file = tmp_path / "state.json"
    file.write_text(json.dumps({"format": "renteseg-availability-state/1", "components": {"portal": account}}))
    assert load(file, datetime(2026, 10, 5, 13, tzinfo=UTC)) == {}
    assert not file.exists()
    assert len(list(tmp_path.glob("state.json.corrupt-*"))) == 1
