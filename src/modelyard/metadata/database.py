"""The database: connections, and the two kinds of transaction.

- `read()` sees one consistent moment and cannot write.
- `write()` holds the right to write from its first statement. SQLite: BEGIN IMMEDIATE, because a deferred transaction
  that upgrades later loses against any other writer whatever the timeout. PostgreSQL: whoever changes a model locks
  its row.

Both commit on a normal exit and undo everything on an exception.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, Executable, Row, create_engine, event, exc, text
from sqlalchemy.engine import CursorResult, make_url

from modelyard.errors import InvalidConfig, MissingExtra, RegistryReadOnly
from modelyard.metadata.faults import translated

Value = TypeVar("Value")

READING = "BEGIN"
"""How a SQLite transaction begins that only reads."""
NOTIFY_CHANNEL = "modelyard"
SHARED, EXCLUSIVE = "pg_advisory_xact_lock_shared", "pg_advisory_xact_lock"
DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
"""The kinds of addresses that users may write, and the driver that serves each."""

_PLAN_EACH = text("SET LOCAL plan_cache_mode = force_custom_plan")
ARTIFACT_LOCK = 0x6D6F64656C  # "model", as a number of PostgreSQL's own lock space

_ADDRESSES = "use sqlite:///FILE or postgresql://USER@HOST/NAME"


class Transaction:
    """A connection inside a transaction, with the few calls that the rest of the code needs."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.dialect = connection.dialect.name
        self.wants_checkpoint = False
        """Whether an event was appended after which a checkpoint is due."""
        self.notes: dict[str, Any] = {}
        """What modules remember for the length of the transaction."""

    def run(
        self, statement: Executable, values: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any]:
        """Execute a statement with its values."""
        return self.connection.execute(statement, values or {})

    def all(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
        """Execute a query and return all its rows."""
        return self.connection.execute(statement, values or {}).fetchall()

    def first(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Row[Any] | None:
        """Execute a query and return its first row, if any."""
        return self.connection.execute(statement, values or {}).first()

    def scalar(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Any:
        """Execute a query and return the first column of its first row, or None."""
        return self.connection.execute(statement, values or {}).scalar()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo only what the block did if it raises, and let the exception out."""
        with self.connection.begin_nested():
            yield

    def plan_each(self) -> None:
        """Let PostgreSQL plan each query for its values until the transaction ends.

        A plan made once for all values takes a rare word, stage or name for an average one, and walks along everything.
        """
        if self.dialect == "postgresql":
            self.connection.execute(_PLAN_EACH)

    def guard_artifacts(self, *, alone: bool) -> None:
        """Keep registrations and garbage collection apart until the transaction ends.

        Writers of SQLite exclude each other anyway; on PostgreSQL many may register at once (`alone=False`), but nobody
        while a collector deletes (`alone=True`).
        """
        if self.dialect == "postgresql":
            self.connection.execute(text(f"SELECT {EXCLUSIVE if alone else SHARED}({ARTIFACT_LOCK})"))


def inserted_key(result: CursorResult[Any]) -> int:
    """Return the number that the database gave to the row just inserted."""
    return int(known(result.inserted_primary_key)[0])


def known(value: Value | None) -> Value:
    """Return what must be there by the transaction's own doing; None is a defect of ours.

    Raises:
        AssertionError: it is not there.
    """
    if value is None:
        raise AssertionError("a row that this transaction wrote or locked is gone")
    return value


class Database:
    """A database by its URL.

    Args:
        url: a SQLAlchemy URL, such as `sqlite:////srv/registry/registry.db` or `postgresql+psycopg://user@host/name`.
        pool_size: the most connections kept open.
        busy_timeout: seconds that a SQLite writer waits for another.
        untouched: open a SQLite file for reading only, and leave no trace beside it; for copies, which nobody else has
            open.

    Raises:
        InvalidConfig: the text is no address of a database that modelyard works with.
        MissingExtra: the database's driver is not installed.
        RegistryReadOnly: the folder of a SQLite file cannot be made.
    """

    def __init__(self, url: str, *, pool_size: int = 8, busy_timeout: float = 30.0, untouched: bool = False) -> None:
        self.url = _parsed(url)
        creator = {"creator": partial(_open_untouched, self.path)} if untouched and self.is_sqlite else {}
        try:
            self.engine = create_engine(
                self.url, pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=not self.is_sqlite, **creator
            )
        except ImportError as error:
            raise MissingExtra(
                f"the driver of this database cannot be used: {error}", hint="pip install 'modelyard[postgres]'"
            ) from error
        self.local_changes = 0
        self._turns, self._busy_timeout = threading.Lock(), busy_timeout
        if self.is_sqlite:
            if not untouched:
                _prepare_folder(self.path)
            _prepare_sqlite(self.engine, busy_timeout)
            self._reading = self.engine.execution_options(begin=READING)
            self._writing = self.engine.execution_options(begin="BEGIN IMMEDIATE")
        else:
            self._reading = self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            self._writing = self.engine.execution_options()

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def path(self) -> Path:
        """The file of a SQLite database."""
        return Path(self.url.database or "")

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Open a transaction that sees one moment and changes nothing."""
        with translated(), self._reading.begin() as connection:
            yield Transaction(connection)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Open a transaction that may change things, and commit it unless the block raises."""
        with translated():
            with self._turn(), self._writing.begin() as connection:
                yield Transaction(connection)
                if connection.dialect.name == "postgresql":
                    connection.execute(text(f"SELECT pg_notify('{NOTIFY_CHANNEL}', '')"))
            self.local_changes += 1

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Let the threads of this process write to SQLite one after another.

        SQLite would let them poll the file with growing pauses. Who does not get a turn in time polls as well, and is
        told by SQLite when that took too long.
        """
        held = self.is_sqlite and self._turns.acquire(timeout=self._busy_timeout)
        try:
            yield
        finally:
            if held:
                self._turns.release()

    def write_ahead(self) -> None:
        """Make a SQLite file keep a write-ahead log from now on: readers and a writer do not wait for each other then.

        Only for a file that is known to be ours: the switch is written into its header.
        """
        if not self.is_sqlite:
            return
        with translated(), self.engine.execution_options(begin="").connect() as connection:
            try:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            except exc.OperationalError as error:
                # SQLite does not wait here for another process that opens a new file at the same moment. That one
                # makes the switch, or the next to open the file will.
                if "locked" not in str(error.orig):
                    raise

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _parsed(url: str) -> URL:
    """Return an address with the driver that modelyard uses. No message repeats the address: it may hold a password."""
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        raise InvalidConfig("database.url is not an address", hint=_ADDRESSES) from None
    except ValueError:
        raise InvalidConfig("the port in database.url is not a number", hint=_ADDRESSES) from None
    driver = DRIVERS.get(parsed.drivername)
    if driver is None:
        raise InvalidConfig(f"databases of the kind {parsed.drivername!r} are not supported", hint=_ADDRESSES)
    if driver == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise InvalidConfig("database.url names no file, and a registry has to last", hint=_ADDRESSES)
    return parsed.set(drivername=driver)


def _open_untouched(path: Path) -> sqlite3.Connection:
    """Open a SQLite file for reading. What its log of writes holds counts too, where it was copied along."""
    has_log = Path(f"{path}-wal").exists()
    # Without "immutable" SQLite makes a new log beside the file, even where it may only read.
    mode = "mode=ro" if has_log else "mode=ro&immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, check_same_thread=False)


def _prepare_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        file = next(place for place in path.parents if place.exists())
        raise RegistryReadOnly(f"{file} is a file, not a folder", hint="choose another registry path") from error
    except OSError as error:
        raise RegistryReadOnly(f"the registry folder {path.parent} cannot be made: {error.strerror}") from error


def _prepare_sqlite(engine: Engine, busy_timeout: float) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        # The driver's own transactions begin deferred; ours begin as their kind says (on_begin).
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(busy_timeout * 1000)}")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        statement = connection.get_execution_options().get("begin", "BEGIN IMMEDIATE")
        if statement == READING:
            # This cannot fail, and the driver's own call is much cheaper: it counts where a read is short.
            connection.connection.driver_connection.execute(statement)  # type: ignore[union-attr]
        elif statement:
            connection.exec_driver_sql(statement)
