"""Opens the store: SQLite (WAL) embedded, PostgreSQL in production, the same code for both."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from groundwork.problems import Away, ConfigurationError, Problem, Refused

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_SECONDS = 5
STATEMENT_SECONDS = 30
IDLE_SECONDS = 60
"""How long a transaction may wait for its own program; what is not committed soon is not committed."""
DRIVERS = frozenset({"sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg2"})


class StoreUnavailable(Away):
    """The store did not answer or was too busy."""


def open_store(url: str, *, ping: bool = True) -> Engine:
    """An engine for the store at this SQLAlchemy URL; raises ConfigurationError for a URL that is none of ours.

    `ping` asks PostgreSQL before each use of a connection whether it still lives; who tries again anyway saves that.
    No error of it shows the values of a statement: a hashed password may be among them.
    """
    parsed = _store_url(url)
    if parsed.get_backend_name() == "postgresql":
        driver = parsed.set(drivername="postgresql+psycopg2")
        return create_engine(
            driver,
            pool_pre_ping=ping,
            pool_size=8,
            hide_parameters=True,
            json_deserializer=_read_json,
            # A delivery decides by what it read: whoever changed it meanwhile makes it start again.
            isolation_level="REPEATABLE READ",
            connect_args={
                "connect_timeout": BUSY_SECONDS,
                "options": f"-c lock_timeout={BUSY_SECONDS}s -c statement_timeout={STATEMENT_SECONDS}s "
                f"-c idle_in_transaction_session_timeout={IDLE_SECONDS}s",
            },
        )
    _make_folder(Path(parsed.database or ""))
    engine = create_engine(
        parsed, hide_parameters=True, json_deserializer=_read_json, connect_args={"timeout": BUSY_SECONDS}
    )
    _prepare_sqlite(engine)
    return engine


def _read_json(document: str) -> Any:
    """A JSON column's value; the standard library reads what is no Unicode and yet was stored."""
    try:
        return orjson.loads(document)
    except orjson.JSONDecodeError:
        return json.loads(document)


def _store_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise ConfigurationError([_url_problem("is not a database URL")]) from None
    if parsed.drivername not in DRIVERS:
        raise ConfigurationError([_url_problem(f"{parsed.drivername!r} is not supported")])
    if parsed.get_backend_name() == "sqlite" and (parsed.host or parsed.query or not parsed.database):
        raise ConfigurationError([_url_problem("names no SQLite file, or more than a file")])
    if parsed.port is not None and not 1 <= parsed.port <= 65535:
        raise ConfigurationError([_url_problem(f"port {parsed.port} is not between 1 and 65535")])
    return parsed


def _make_folder(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a path"
        raise ConfigurationError([_url_problem(f"its folder {file.parent} cannot be made: {reason}")]) from error


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
def use_store(url: str) -> Iterator[Engine]:
    """The store at this URL for one command; raises StoreUnavailable when it does not answer or cannot be used."""
    engine = open_store(url)
    try:
        yield engine
    except DBAPIError as error:
        raise StoreUnavailable(f"the store cannot be used: {_reason(error)}; `renteseg db check` says more") from error
    finally:
        engine.dispose()


@contextmanager
def read_store(url: str) -> Iterator[Connection]:
    """A connection for reading the store at this URL; raises StoreUnavailable when it does not answer."""
    with use_store(url) as engine, reading(engine).connect() as connection:
        yield connection


def _reason(error: DBAPIError) -> str:
    return str(error.orig).strip().split("\n", 1)[0]


def alembic_config(url: str) -> "Config":
    """Alembic's configuration, made here so that no second file has to agree with this one.

    Alembic is imported here and not above: eight megabytes that no process needs once the tables are there.
    """
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url
    return config


def upgrade(url: str) -> None:
    """Bring the store's tables to this program's version.

    Raises StoreUnavailable when it cannot be reached, Refused when a newer program has had it already.
    """
    from alembic import command
    from alembic.util import CommandError

    open_store(url).dispose()
    try:
        command.upgrade(alembic_config(url), "head")
    except DBAPIError as error:
        raise StoreUnavailable(f"the store cannot be reached: {_reason(error)}") from error
    except CommandError as error:
        raise Refused(f"the store is not at a version that this program knows: {error}; use the newer one") from error


def schema_lag(engine: Engine) -> str | None:
    """What is wrong with the store for this program, None when it can be used."""
    head = newest_version()
    try:
        with reading(engine).connect() as connection:
            current = _version(connection)
    except SQLAlchemyError as error:
        return f"the store cannot be reached: {str(error).splitlines()[0]}"
    return (
        None
        if current == head
        else f"the store is at version {current}, this program needs {head}: renteseg db upgrade"
    )


def newest_version() -> str:
    """The version that this program needs: the last migration's, whose file bears its name."""
    return max(path.stem for path in (MIGRATIONS / "versions").glob("*.py"))


def _version(connection: Connection) -> str | None:
    """The version that the store's tables have; None when there are none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
