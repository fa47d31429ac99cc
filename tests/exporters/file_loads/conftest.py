"""An empty load log, once on each database."""

from pathlib import Path

import pytest

from tests.exporters.file_loads.load_logs import create_log


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty load log."""
    url = f"sqlite:///{tmp_path}/log.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    create_log(url)
    return url
