"""Tells a process cheaply that the database may have changed, so that what was computed from it can be thrown away.

`ChangeWatch.count()` gives a number. As long as it stays the same, nothing was committed: neither by this process
(`Database.local_changes`) nor by another one.

- SQLite: `PRAGMA data_version` on a connection of the watch's own, which no transaction ever uses.
- PostgreSQL: a thread that listens for the NOTIFY of each write. While it is not connected, each call gives a new
  number, so that nothing computed meanwhile is ever taken for fresh. A change of *another* process is seen when its
  NOTIFY arrives, a moment after its commit; a change of this process is seen at once.
"""

from __future__ import annotations

import logging
import sqlite3
from threading import Event, Lock, Thread
from typing import Any, Protocol

from sqlalchemy.exc import SQLAlchemyError

from modelyard.metadata.database import NOTIFY_CHANNEL, Database

_LISTEN_SECONDS = 0.5
_RETRY_SECONDS = 1.0

_log = logging.getLogger("modelyard.metadata")


class _Source(Protocol):
    def version(self) -> object:
        """Something that differs from the last answer if others may have committed since."""

    def close(self) -> None:
        """Release what is held."""


class ChangeWatch:
    """Counts the changes of a database; safe for use by several threads.

    Args:
        database: the database to watch; it must have been opened once before.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._source: _Source = _SqliteVersion(database) if database.is_sqlite else _Listener(database)
        self._lock = Lock()
        self._last: object = None
        self._count = 0

    def count(self) -> int:
        """A number that is the same as at an earlier call only if nothing was committed in between."""
        with self._lock:
            now = (self._source.version(), self._database.local_changes)
            if now != self._last:
                self._last = now
                self._count += 1
            return self._count

    def close(self) -> None:
        """Release the watch's connection."""
        with self._lock:
            self._source.close()


class _SqliteVersion:
    def __init__(self, database: Database) -> None:
        self._path = str(database.path)
        self._connection: sqlite3.Connection | None = None
        self._cursor: sqlite3.Cursor | None = None

    def version(self) -> object:
        try:
            if self._cursor is None:
                # The counter is compared under the watch's lock, whichever thread asks.
                self._connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
                self._cursor = self._connection.cursor()
            return self._cursor.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error:
            # A database that cannot be asked may have changed; `object()` equals nothing that was there before.
            return object()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._cursor = None


class _Listener:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._notified = 0
        self._connected = False
        self._closed = Event()
        self._thread: Thread | None = None

    def version(self) -> object:
        if self._thread is None:
            self._thread = Thread(target=self._run, name="modelyard-changes", daemon=True)
            self._thread.start()
        return self._notified if self._connected else object()

    def close(self) -> None:
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        driver = self._database.engine.dialect.dbapi
        faults = (SQLAlchemyError, OSError, driver.Error) if driver else (SQLAlchemyError, OSError)
        while not self._closed.is_set():
            try:
                self._listen()
            except faults as error:
                _log.warning("not listening for changes of the database: %s", str(error).partition("\n")[0])
            finally:
                self._connected = False
            self._closed.wait(_RETRY_SECONDS)

    def _listen(self) -> None:
        pooled = self._database.engine.raw_connection()
        connection: Any = pooled.driver_connection
        pooled.detach()
        try:
            connection.rollback()
            connection.autocommit = True
            connection.execute(f"LISTEN {NOTIFY_CHANNEL}")
            # What was committed before LISTEN took effect was not announced to us.
            self._notified += 1
            self._connected = True
            while not self._closed.is_set():
                for _note in connection.notifies(timeout=_LISTEN_SECONDS, stop_after=1):
                    self._notified += 1
        finally:
            connection.close()
