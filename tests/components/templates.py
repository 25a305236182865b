"""Databases that already have the newest schema, as copies of one that the real migrations made.

Running the migrations takes longer than most tests. What they do is a matter of tests/integration/metadata, and whoever
opens a registry on an empty folder or an empty database there, by the command line or by the facade still runs them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from components.postgres import PostgresServer
from modelyard.metadata import schema
from modelyard.metadata.database import Database

FILE = "registry.db"
"""The SQLite database in a registry's folder."""


def prepared(folder: Path, database_url: str = "") -> Path:
    """Make the folder of a registry with a database that has the newest schema; return the folder.

    Nothing is done where the folder is there already, or where the registry has its database elsewhere.
    """
    if not (database_url or folder.exists()):
        folder.mkdir(parents=True)
        (folder / FILE).write_bytes(_sqlite_file())
    return folder


def template_of(server: PostgresServer) -> str:
    """Make a database with the newest schema on a server, to create others from; return its name."""
    name = server.create_database()
    _migrate(server.url(name))
    return name


@cache
def _sqlite_file() -> bytes:
    """Return what a SQLite database with the newest schema consists of."""
    with TemporaryDirectory(prefix="modelyard-template-") as folder:
        _migrate(f"sqlite:///{folder}/{FILE}")
        # The last connection that closes leaves everything in the file and nothing beside it.
        assert [path.name for path in Path(folder).iterdir()] == [FILE]
        return (Path(folder) / FILE).read_bytes()


def _migrate(url: str) -> None:
    database = Database(url)
    try:
        schema.ensure(database)
    finally:
        database.close()
