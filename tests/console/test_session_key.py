"""The key that signs sessions."""

from pathlib import Path

import pytest

from console.main import session_key
from groundwork.problems import Refused


def test_the_key_is_kept_from_one_start_to_the_next(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "session-key"
    first = session_key(path)
    assert len(first) == 64
    assert session_key(path) == first


@pytest.mark.parametrize("left", ["", "\n", "short\n"])
def test_a_key_that_is_empty_or_short_is_made_anew(left: str, tmp_path: Path) -> None:
    (tmp_path / "session-key").write_text(left)
    key = session_key(tmp_path / "session-key")
    assert len(key) == 64
    assert (tmp_path / "session-key").read_text().strip() == key


def test_a_key_that_cannot_be_kept_is_refused() -> None:
    with pytest.raises(Refused, match="/proc/x"):
        session_key(Path("/proc/x/session-key"))
