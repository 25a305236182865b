"""What can be wrong with a database, and what modelyard says: the right error, the next step, and nothing changed."""

from __future__ import annotations

import random
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from components.postgres import PostgresServer
from components.yards import open_caller, register
from modelyard.bootstrap import EmbeddedCaller
from modelyard.errors import (
    DatabaseUnavailable,
    InvalidConfig,
    MissingExtra,
    ModelyardError,
    RegistryCorrupt,
    RegistryReadOnly,
)
from modelyard.metadata.database import Database
from modelyard.operations import (
    CREATE_MODEL,
    LIST_ALL_VERSIONS,
    LIST_EVENTS,
    SEARCH,
    STATS,
    CreateModel,
    Empty,
    ListAllVersions,
    ListEvents,
    Search,
)

PAGE = 4096


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder; readers of a SQLite file come and go with its index of the log."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


@pytest.fixture
def healthy(tmp_path: Path) -> Path:
    """The folder of a registry with some versions, closed."""
    folder = tmp_path / "registry"
    with open_caller(folder) as caller:
        for number in range(12):
            register(caller, "fraud", bytes([number]), description=f"words number{number} " * 400)
    return folder


def garbage(size: int) -> bytes:
    return random.Random(7).randbytes(size)


FOREIGN: dict[str, Callable[[bytes], bytes]] = {
    "random bytes": lambda good: garbage(len(good)),
    "a text": lambda good: b"Dear diary, today I trained a model.\n" * 300,
    "a short text": lambda good: b"hello",
    "a damaged header": lambda good: garbage(100) + good[100:],
    "half of it": lambda good: good[: len(good) // 2 // PAGE * PAGE],
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_file_that_is_no_registry_is_refused_and_left_alone(healthy: Path, kind: str):
    file = healthy / "registry.db"
    file.write_bytes(FOREIGN[kind](file.read_bytes()))
    before = contents(healthy)
    with pytest.raises(RegistryCorrupt) as refusal:
        open_caller(healthy)
    assert (refusal.value.code, refusal.value.status) == ("registry_corrupt", 503)
    assert "backup" in refusal.value.hint
    assert contents(healthy) == before


def test_an_empty_file_is_a_new_registry(tmp_path: Path):
    (tmp_path / "registry").mkdir()
    (tmp_path / "registry" / "registry.db").touch()
    with open_caller(tmp_path / "registry") as caller:
        assert register(caller, "fraud").number == 1


def use(caller: EmbeddedCaller) -> None:
    """Read everything and write something."""
    caller.call(LIST_ALL_VERSIONS, ListAllVersions())
    caller.call(LIST_EVENTS, ListEvents())
    caller.call(SEARCH, Search(q="words"))
    caller.call(STATS, Empty())
    register(caller, "fraud", b"new")


def opened_and_used(folder: Path) -> type[ModelyardError] | None:
    """Return the kind of error that using a registry ends with, if any."""
    try:
        with open_caller(folder) as caller:
            use(caller)
    except ModelyardError as error:
        return type(error)
    return None


def test_a_damaged_page_anywhere_is_reported_as_damage(healthy: Path):
    file = healthy / "registry.db"
    good = file.read_bytes()
    seen = Counter[type[ModelyardError] | None]()
    for page in range(1, len(good) // PAGE):
        file.write_bytes(good[: page * PAGE] + garbage(PAGE) + good[(page + 1) * PAGE :])
        (healthy / "registry.db-wal").unlink(missing_ok=True)
        (healthy / "registry.db-shm").unlink(missing_ok=True)
        seen[opened_and_used(healthy)] += 1
    # The rest of the pages is free, or holds what none of these requests needs.
    assert set(seen) == {RegistryCorrupt, None}
    assert seen[RegistryCorrupt] > seen[None] / 2


def test_a_damaged_document_is_reported_as_damage(healthy: Path):
    with sqlite3.connect(healthy / "registry.db") as connection:
        connection.execute("UPDATE versions SET document = substr(document, 1, 40) WHERE number = 3")
    connection.close()
    with open_caller(healthy) as caller, pytest.raises(RegistryCorrupt, match="document"):
        caller.call(LIST_ALL_VERSIONS, ListAllVersions())


@pytest.mark.parametrize("place", ["file", "file/registry", "file/deep/registry"])
def test_a_path_that_is_a_file_is_refused(tmp_path: Path, place: str):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(RegistryReadOnly, match=r"file is a file, not a folder") as refusal:
        open_caller(tmp_path / place)
    assert refusal.value.hint == "choose another registry path"
    assert contents(tmp_path) == {"file": b"mine"}


def test_a_folder_in_the_place_of_the_database_is_refused(tmp_path: Path):
    (tmp_path / "registry" / "registry.db").mkdir(parents=True)
    with pytest.raises(RegistryReadOnly, match="cannot be opened"):
        open_caller(tmp_path / "registry")


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("nonsense", "not an address"),
        ("postgresql://ada:s3cret@host:port/name", "port .* is not a number"),
        ("mongodb://ada:s3cret@host/name", "'mongodb' are not supported"),
        ("postgresql+psycopg2://ada:s3cret@host/name", r"'postgresql\+psycopg2' are not supported"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
    ],
)
def test_a_wrong_address_is_refused_without_repeating_it(tmp_path: Path, address: str, says: str):
    with pytest.raises(InvalidConfig, match=says) as refusal:
        open_caller(tmp_path / "registry", address)
    assert "sqlite:///FILE or postgresql://USER@HOST/NAME" in refusal.value.hint
    assert "s3cret" not in str(refusal.value)
    assert not (tmp_path / "registry").exists()


@pytest.mark.parametrize(
    "address", ["postgresql://ada:s3cret@127.0.0.1:1/name", "postgres://ada:s3cret@127.0.0.1:99999/name"]
)
def test_a_server_that_is_not_there_is_reported(tmp_path: Path, address: str):
    with pytest.raises(DatabaseUnavailable, match="does not answer") as refusal:
        open_caller(tmp_path / "registry", address)
    assert (refusal.value.code, refusal.value.status) == ("database_unavailable", 503)
    assert "URL" in refusal.value.hint
    assert "s3cret" not in str(refusal.value)


def test_a_database_that_is_not_there_is_reported(tmp_path: Path, postgres_url: str):
    with pytest.raises(DatabaseUnavailable, match='"nowhere" does not exist'):
        open_caller(tmp_path / "registry", postgres_url.rpartition("/")[0] + "/nowhere")


def test_a_missing_driver_names_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra) as refusal:
        Database("postgresql://127.0.0.1/name")
    assert refusal.value.hint == "pip install 'modelyard[postgres]'"


def test_a_server_may_go_away_and_come_back_between_requests(
    tmp_path: Path, postgres_url: str, postgres_server: PostgresServer
):
    name = postgres_url.rpartition("/")[2]
    admin = Database(postgres_server.url("postgres"))

    def allow(*, yes: bool) -> None:
        with admin.write() as tx:
            tx.connection.execute(text(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS {yes}"))
        with admin.write() as tx:
            end = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = :name"
            tx.run(text(end), {"name": name})

    with open_caller(tmp_path / "registry", postgres_url) as caller:
        register(caller, "fraud", b"1")
        allow(yes=True)
        assert register(caller, "fraud", b"2").number == 2
        allow(yes=False)
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable, match="not currently accepting connections"):
                register(caller, "fraud", b"3")
        allow(yes=True)
        assert register(caller, "fraud", b"3").number == 3
    admin.close()


def change_and_lose_the_connection(database: Database) -> None:
    with database.write() as tx:
        tx.connection.execute(text("UPDATE alembic_version SET version_num = '7'"))
        own = tx.scalar(text("SELECT pg_backend_pid()"))
        with database.write() as other:
            other.run(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": own})


def test_a_server_that_dies_in_the_middle_of_a_change_changes_nothing(tmp_path: Path, postgres_url: str):
    with open_caller(tmp_path / "registry", postgres_url) as caller:
        with pytest.raises(DatabaseUnavailable):
            change_and_lose_the_connection(caller.yard.database)
        assert caller.call(CREATE_MODEL, CreateModel(name="fraud")).name == "fraud"
        with caller.yard.database.read() as tx:
            assert tx.scalar(text("SELECT version_num FROM alembic_version")) != "7"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path):
    # A name that no file system holds fails for root as well, unlike a folder without permission.
    with pytest.raises(RegistryReadOnly, match="cannot be made"):
        Database(f"sqlite:///{tmp_path}/{'x' * 300}/registry.db")
