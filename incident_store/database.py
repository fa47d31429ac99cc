"""Opens the store: SQLite (WAL) embedded, PostgreSQL in production, the same code for both."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from groundwork.problems import Away, ConfigurationError, Problem

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_SECONDS = 5
STATEMENT_SECONDS = 30


class StoreUnavailable(Away):
    """The store did not answer or was too busy."""


def open_store(url: str, *, ping: bool = True) -> Engine:
    """An engine for the store at this SQLAlchemy URL; raises ConfigurationError for a URL that is none of ours.

    `ping` asks PostgreSQL before each use of a connection whether it still lives; who tries again anyway saves that.
    """
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except ArgumentError as error:
        raise ConfigurationError([_url_problem("is not a database URL")]) from error
    if backend == "sqlite":
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
        _prepare_sqlite(engine)
        return engine
    if backend == "postgresql":
        driver = parsed.set(drivername="postgresql+psycopg2")
        return create_engine(
            driver,
            pool_pre_ping=ping,
            pool_size=8,
            # A delivery decides by what it read: whoever changed it meanwhile makes it start again.
            isolation_level="REPEATABLE READ",
            connect_args={
                "connect_timeout": BUSY_SECONDS,
                "options": f"-c lock_timeout={BUSY_SECONDS}s -c statement_timeout={STATEMENT_SECONDS}s",
            },
        )
    raise ConfigurationError([_url_problem(f"{backend!r} is not supported")])


def _url_problem(what: str) -> Problem:
    remedy = "write sqlite:////path/incidents.db or postgresql+psycopg2://user@host/database"
    return Problem(".env", what, remedy, where="RENTESEG_DATABASE_URL")


def _prepare_sqlite(engine: Engine) -> None:
    """Write-ahead log, full durability, and transactions that take the write lock when they begin."""

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        read_only = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def reading(engine: Engine) -> Engine:
    """The same engine for transactions that only read: on SQLite they do not wait for writers."""
    return engine.execution_options(read_only=True)


@contextmanager
def read_store(url: str) -> Iterator[Connection]:
    """A connection for reading the store at this URL; raises StoreUnavailable when it does not answer."""
    engine = open_store(url)
    try:
        with reading(engine).connect() as connection:
            yield connection
    except DBAPIError as error:
        raise StoreUnavailable(f"the store cannot be read: {_reason(error)}; `renteseg db check` says more") from error
    finally:
        engine.dispose()


def _reason(error: DBAPIError) -> str:
    return str(error.orig).strip().split("\n", 1)[0]


def alembic_config(url: str) -> Config:
    """Alembic's configuration, made here so that no second file has to agree with this one."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url
    return config


def upgrade(url: str) -> None:
    """Bring the store's tables to this program's version; raises StoreUnavailable when it cannot be reached."""
    open_store(url).dispose()
    try:
        command.upgrade(alembic_config(url), "head")
    except DBAPIError as error:
        raise StoreUnavailable(f"the store cannot be reached: {_reason(error)}") from error


def schema_lag(engine: Engine) -> str | None:
    """What is wrong with the store for this program, None when it can be used."""
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    try:
        with reading(engine).connect() as connection:
            connection.execute(text("SELECT 1"))
            current = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError as error:
        return f"the store cannot be reached: {str(error).splitlines()[0]}"
    return (
        None
        if current == head
        else f"the store is at version {current}, this program needs {head}: renteseg db upgrade"
    )
