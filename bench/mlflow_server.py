"""Times modelyard's server against a real MLflow server, by MLflow's own routes on both, by turns in one run.

    python bench/mlflow_server.py [--quick] [--versions N] [--size MIB] [--rounds N] [--seconds S] [--folder DIR]

    program    `modelyard --version`                            against  `mlflow --version`
    start      from the start of the program to an answer       against  the same
    idle       memory of all processes before any request       against  the same
    alias      get by alias, 16 connections                     against  the same
    resolve    our own route for it                             against  get by alias
    create     create a version, 16 connections                 against  the same
    search     first page of all versions, each page anew       against  the same
    of model   first page of one model's versions, newest first against  the same
    upload     PUT of a file to the artifact proxy, new bytes   against  the same
    download   GET of it                                        against  the same
    stored     bytes on disk of the same file under two names   (goal: once)

The yardstick of each row is the better one of two servers: `mlflow server --workers 4` as it is, by uvicorn, and by
gunicorn's synchronous workers; both without jobs, and with SQLite, as ours. All hold the same versions, which are
written straight into the tables. Behind the ratio of a rate stands that of the servers' CPU for the same work, which
says more where the machine is busy: four processes get more of it than one. Everything lies below one folder that is
removed, and stays on 127.0.0.1. Ends with 1 if a goal is missed. Needs the packages of the test group, and two free
cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import Request, urlopen

import psutil
import uvloop

from modelyard.domain.versions import SemVer, precedence_key

MIB = 1 << 20
MS = 1e3
HOST = "127.0.0.1"
PROGRAMS = Path(sys.executable).parent
CONNECTIONS = 16
MODELS = 100
PATIENCE_S = 120.0
REGISTRY = "/api/2.0/mlflow"
ALIAS = f"{REGISTRY}/registered-models/alias?name=model-0&alias=champion"
PROXY = "/api/2.0/mlflow-artifacts/artifacts"
SOURCE = "s3://models/here"
JOBS_OFF = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
GUNICORN = ("--gunicorn-opts", "--timeout 120 --keep-alive 5")


# ------------------------------------------------------------------------------------------------------------ servers


@dataclass
class Yard:
    """A server that is measured.

    Attributes:
        name: what the rows call it.
        folder: all that it keeps.
        command: starts it.
        port: where it listens.
        process: runs while it is measured.
    """

    name: str
    folder: Path
    command: list[str]
    port: int
    is_ours: bool = False
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> float:
        """Start it; gives the seconds until it answers.

        Raises:
            TimeoutError: it does not.
        """
        begun = time.perf_counter()
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=os.environ | JOBS_OFF,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while not self._answers():
            if time.perf_counter() - begun > PATIENCE_S or self.process.poll() is not None:
                raise TimeoutError(f"{self.name} does not answer: {(self.folder / 'log.txt').read_text()[-2000:]}")
            time.sleep(0.005)
        return time.perf_counter() - begun

    def stop(self) -> None:
        """End it, with all of its processes."""
        if self.process is not None:
            every = self._processes()
            self.process.send_signal(signal.SIGTERM)
            _, left = psutil.wait_procs(every, timeout=20)
            for one in left:
                one.kill()
            self.process.wait()
            self.process = None

    def memory(self) -> int:
        """Bytes of all of its processes; what these share counts once."""
        return sum(int(one.memory_full_info().pss) for one in self._processes())

    def cpu(self) -> float:
        """Seconds of CPU that all of its processes have used."""
        if self.process is None or self.process.poll() is not None:
            return 0.0
        times = [one.cpu_times() for one in self._processes()]
        return sum(float(one.user + one.system) for one in times)

    def on_disk(self) -> int:
        """Bytes of its files."""
        return sum(path.stat().st_blocks * 512 for path in self.folder.rglob("*") if path.is_file())

    def _processes(self) -> list[psutil.Process]:
        assert self.process is not None  # noqa: S101 - it was started
        first = psutil.Process(self.process.pid)
        return [first, *first.children(recursive=True)]

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.url}/health", timeout=5) as answer:  # noqa: S310 - our own address
                return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's number
        except OSError:
            return False


def free_port() -> int:
    """A port where nobody listens."""
    with socket.create_server((HOST, 0)) as taken:
        return int(taken.getsockname()[1])


def ours(folder: Path) -> Yard:
    """A registry of ours, with its schema, not running."""
    command = [str(PROGRAMS / "modelyard"), "serve", "--home", str(folder / "registry"), "--quiet"]
    port = free_port()
    return Yard("modelyard", folder, [*command, "--host", HOST, "--port", str(port)], port, is_ours=True)


def theirs(name: str, folder: Path, *options: str) -> Yard:
    """A server of MLflow, with its schema, not running."""
    port, store = free_port(), f"sqlite:///{folder}/mlflow.db"
    command = [str(PROGRAMS / "mlflow"), "server", "--backend-store-uri", store, "--workers", "4", "--host", HOST]
    files = ["--artifacts-destination", str(folder / "artifacts"), "--port", str(port)]
    return Yard(name, folder, [*command, *files, *options], port)


def call(server: Yard, path: str, **fields: object) -> dict[str, Any]:
    """POST to a server's registry."""
    body = json.dumps(fields).encode()
    request = Request(f"{server.url}{REGISTRY}/{path}", body, {"Content-Type": "application/json"})  # noqa: S310 - ours
    with urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310 - our own address
        return dict(json.load(answer))


# ------------------------------------------------------------------------------------------------------------- filling


def fill(server: Yard, versions: int) -> None:
    """Make models with a version each, as clients do; then many of each, straight in the tables of the server at rest.

    Raises:
        FileNotFoundError: the server keeps no SQLite file.
    """
    server.start()
    for model in range(MODELS):
        call(server, "registered-models/create", name=f"model-{model}")
        call(server, "model-versions/create", name=f"model-{model}", source=SOURCE, description="one of many")
    call(server, "registered-models/alias", name="model-0", alias="champion", version="1")
    server.stop()
    found = next(server.folder.rglob("*.db"))
    with closing(sqlite3.connect(found)) as database:
        database.row_factory = sqlite3.Row
        multiply = multiply_ours if server.is_ours else multiply_theirs
        multiply(database, versions // MODELS)
        database.execute("ANALYZE")
        database.commit()


def multiply_theirs(database: sqlite3.Connection, each: int) -> None:
    """Give each model of MLflow's so many versions, each a millisecond newer than the one before."""
    for row in database.execute("SELECT * FROM model_versions").fetchall():
        at = row["creation_time"]
        insert(
            database,
            "model_versions",
            [
                {**row, "version": number, "creation_time": at + number, "last_updated_time": at + number}
                for number in range(2, each + 1)
            ],
        )


def multiply_ours(database: sqlite3.Connection, each: int) -> None:
    """Give each model of ours so many versions, each a millisecond newer than the one before, and index their words."""
    for row in database.execute("SELECT * FROM versions").fetchall():
        (words,) = database.execute("SELECT count(*) FROM versions_search WHERE rowid = ?", (row["seq"],)).fetchone()
        assert words == 1  # noqa: S101 - the index is filled as a registration fills it
        made = [copy_of(row, number) for number in range(2, each + 1)]
        insert(database, "versions", made)
        database.execute(
            "UPDATE models SET last_number = ?, live_versions = ? WHERE id = ?", (each, each, row["model_id"])
        )
        database.execute(
            "INSERT INTO versions_search(rowid, body) SELECT seq, 'model one of many' FROM versions"
            " WHERE model_id = ? AND number > 1",
            (row["model_id"],),
        )


def copy_of(row: sqlite3.Row, number: int) -> dict[str, Any]:
    """The row of a further version."""
    version = f"1.{number}.0"
    second, millisecond = divmod(number, 1_000)
    at = f"{row['created_at'][:17]}{second % 60:02}.{millisecond:03}000Z"
    fields = {key: row[key] for key in row.keys() if key != "seq"}  # noqa: SIM118 - a row is no mapping of its keys
    key = f"mv_{row['seq']:06}{number:020}"
    precedence = precedence_key(SemVer.parse(version))
    return {
        **fields, "id": key, "number": number, "version": version, "precedence": precedence, "created_at": at,
        "updated_at": at, "edited_at": at,
    }  # fmt: skip


def insert(database: sqlite3.Connection, table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows that all have the same columns."""
    if rows:
        columns = ", ".join(rows[0])
        places = ", ".join(f":{name}" for name in rows[0])
        database.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", rows)  # noqa: S608 - our own names


# ---------------------------------------------------------------------------------------------------------------- load


class Asking(asyncio.Protocol):
    """A connection with one request under way, opened again where the server closes it.

    Args:
        load: what it belongs to.
    """

    def __init__(self, load: Load) -> None:
        self._load = load
        self._seen = bytearray()
        self._wanted = 0
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Read an answer; when it is whole, ask again."""
        self._seen += data
        if not self._wanted:
            head, found, _ = self._seen.partition(b"\r\n\r\n")
            if not found:
                return
            length = head.lower().partition(b"content-length:")[2].split()
            self._wanted = len(head) + 4 + int(length[0])
        if len(self._seen) >= self._wanted:
            self._load.count(bytes(self._seen))
            if self._load.is_over:
                self._transport.close()
            elif b"connection: close" not in self._seen[:1_000].lower():
                self._ask()

    def connection_lost(self, _error: Exception | None) -> None:
        """Connect again."""
        self._load.lost()

    def _ask(self) -> None:
        self._seen.clear()
        self._wanted = 0
        self._transport.write(self._load.request())


class Load:
    """Requests over some connections for some seconds, the next one as soon as an answer is there.

    Args:
        port: the server's.
        request: gives the next request.
        seconds: how long.

    Attributes:
        answers: how many were 200.
        failures: the other ones.
        is_over: whether nothing more is asked.
    """

    def __init__(self, port: int, request: Callable[[], bytes], seconds: float) -> None:
        self.request = request
        self._port, self._seconds = port, seconds
        self._opening: set[asyncio.Task[None]] = set()
        self._open, self._closed, self._answered = 0, asyncio.Event(), asyncio.Event()
        self.answers = 0
        self.failures: list[bytes] = []
        self.is_over = False

    def count(self, answer: bytes) -> None:
        """Count an answer, unless it came too late."""
        if answer[9:12] != b"200":
            self.failures.append(answer)
        elif not self.is_over:
            self.answers += 1
            self._answered.set()

    def lost(self) -> None:
        """Open another connection in place of one that was closed."""
        self._open -= 1
        if self.is_over:
            if not self._open:
                self._closed.set()
        else:
            self._opening.add(asyncio.get_running_loop().create_task(self._connect()))

    async def run(self) -> float:
        """Ask for the time that was said, and wait for the last answers; gives answers a second."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for _ in range(CONNECTIONS):
            await self._connect()
        await asyncio.sleep(self._seconds)
        async with asyncio.timeout(PATIENCE_S):
            await self._answered.wait()
        self.is_over = True
        rate = self.answers / (loop.time() - begun)
        async with asyncio.timeout(PATIENCE_S):
            await self._closed.wait()
        return rate

    async def _connect(self) -> None:
        self._open += 1
        await asyncio.get_running_loop().create_connection(lambda: Asking(self), HOST, self._port)


def rate_of(server: Yard, request: Callable[[], bytes], seconds: float) -> float:
    """Answers a second, in the time that was said or until the first one; failures are told, and do not count.

    Raises:
        TimeoutError: there is none.
    """
    load = Load(server.port, request, seconds)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rate = runner.run(load.run())
    if load.failures:
        print(f"  {server.name}: {len(load.failures)} failures, such as {load.failures[0][-200:]!r}", flush=True)
    return rate


def get(path: str) -> Callable[[], bytes]:
    """The same request each time."""
    whole = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    return lambda: whole


def varied(path: str) -> Callable[[], bytes]:
    """A request that is another one each time, so that no answer can be kept: `{}` in the path becomes a number."""
    numbers = count()

    def request() -> bytes:
        return f"GET {path.format(next(numbers))} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()

    return request


def create() -> bytes:
    """A request for a further version."""
    body = json.dumps({"name": "model-1", "source": SOURCE}).encode()
    head = f"POST {REGISTRY}/model-versions/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


# ---------------------------------------------------------------------------------------------------------------- rows


@dataclass(frozen=True)
class Row:
    """One figure: how it is measured, and how many times as well we are to do.

    Attributes:
        measure: gives the figure of a server.
        goal: ours over theirs, or theirs over ours where less is better; None for a row that only tells.
        unit: of the figure.
        is_rate: whether more is better.
    """

    name: str
    measure: Callable[[Yard], float]
    goal: float | None
    unit: str = "/s"
    is_rate: bool = True


class Table:
    """Measures rows by turns and prints them.

    Args:
        yards: the servers, ours first.
        rounds: how often each row is measured; medians are told.
    """

    def __init__(self, yards: Sequence[Yard], rounds: int) -> None:
        self._yards, self._rounds = yards, rounds
        self.missed: list[str] = []

    def row(self, row: Row, rounds: int = 0) -> None:
        """Measure a row, and print what came of it."""
        figures: dict[str, list[float]] = {yard.name: [] for yard in self._yards}
        spent: dict[str, list[float]] = {yard.name: [] for yard in self._yards}
        for _ in range(rounds or self._rounds):
            for yard in self._yards:
                before = yard.cpu()
                figures[yard.name].append(row.measure(yard))
                # A rate is that of a fixed time; a transfer's is that of a fixed size.
                work = figures[yard.name][-1] if row.unit == "/s" else 1.0
                spent[yard.name].append((yard.cpu() - before) / work)
        mine, *others = (median(values) for values in spent.values())
        by_cpu = f", by CPU {min(others) / mine:,.1f}x" if row.is_rate and mine else ""
        self.told(row, {name: median(values) for name, values in figures.items()}, by_cpu)

    def told(self, row: Row, medians: dict[str, float], by_cpu: str = "") -> None:
        """Print a row, whose yardstick is the best of the others."""
        mine, *others = medians.values()
        best = max(others) if row.is_rate else min(others)
        ratio = mine / best if row.is_rate else best / mine
        verdict = "no goal"
        if row.goal is not None:
            verdict = f"goal {row.goal:g}x {'ok' if ratio >= row.goal else 'MISSED'}"
            self.missed += [] if ratio >= row.goal else [row.name]
        figures = ", ".join(f"{name} {value:,.4g}" for name, value in medians.items())
        print(f"{row.name:10} {ratio:8.2f}x{by_cpu} ({verdict}; {figures} {row.unit})", flush=True)


def started(server: Yard) -> float:
    """Seconds from start to answer; leaves it running."""
    server.stop()
    return server.start() * MS


def version_of(server: Yard) -> float:
    """Milliseconds that the program takes to tell its version."""
    begun = time.perf_counter()
    subprocess.run([server.command[0], "--version"], check=True, capture_output=True)
    return (time.perf_counter() - begun) * MS


def curl(*arguments: str) -> float:
    """Seconds that a curl takes."""
    begun = time.perf_counter()
    subprocess.run(["curl", "--fail", "--silent", "--show-error", "--output", "/dev/null", *arguments], check=True)
    return time.perf_counter() - begun


def renew(file: Path) -> None:
    """Make a file's content new to everybody."""
    with file.open("r+b") as opened:
        opened.write(os.urandom(64))
        opened.seek(-64, os.SEEK_END)
        opened.write(os.urandom(64))
    os.sync()


def registry_rows(table: Table, seconds: float) -> None:
    """The figures of the registry."""
    search = f"{REGISTRY}/model-versions/search?max_results=100"
    newest = "&order_by=version_number%20DESC"

    def answers(request: Callable[[], Callable[[], bytes]]) -> Callable[[Yard], float]:
        return lambda yard: rate_of(yard, request(), seconds)

    table.row(Row("alias", answers(lambda: get(ALIAS)), 50))
    native = get("/api/models/model-0@champion/resolve")
    table.row(Row("resolve", lambda yard: rate_of(yard, native if yard.is_ours else get(ALIAS), seconds), None))
    table.row(Row("search", answers(lambda: varied(f"{search}&page_token=&_={{}}")), 20))
    named = f"{search}&filter=name%3D%27model-7%27{newest}&_={{}}"
    table.row(Row("of model", answers(lambda: varied(named)), None))
    table.row(Row("create", answers(lambda: create), 10))


def file_rows(table: Table, yards: Sequence[Yard], source: Path) -> None:
    """The figures of files, and whether the same bytes are stored once."""
    size, numbers = source.stat().st_size, count()

    def upload(yard: Yard) -> float:
        renew(source)
        return size / MIB / curl("--upload-file", str(source), f"{yard.url}{PROXY}/{next(numbers)}/model.bin")

    def same(yard: Yard) -> float:
        before = yard.on_disk()
        for name in ("first", "second"):
            curl("--upload-file", str(source), f"{yard.url}{PROXY}/{name}/model.bin")
        return (yard.on_disk() - before) / size

    def download(yard: Yard) -> float:
        return size / MIB / curl(f"{yard.url}{PROXY}/first/model.bin")

    table.row(Row("upload", upload, 1.5, "MiB/s"), 2)
    renew(source)
    copies = {yard.name: same(yard) for yard in yards}
    table.told(Row("stored", same, 1.9, "copies", is_rate=False), copies)
    table.row(Row("download", download, 3, "MiB/s"))


@contextmanager
def filled(folder: Path, versions: int) -> Iterator[list[Yard]]:
    """Three servers that hold as many versions, ours first, not running; they end with the block."""
    for name in ("ours", "uvicorn", "gunicorn"):
        (folder / name).mkdir()
    yards = [ours(folder / "ours"), theirs("uvicorn", folder / "uvicorn")]
    yards.append(theirs("gunicorn", folder / "gunicorn", *GUNICORN))
    with ExitStack() as stack:
        for yard in yards:
            stack.callback(yard.stop)
        for yard in yards[:2]:
            fill(yard, versions)
        shutil.copy(yards[1].folder / "mlflow.db", yards[2].folder / "mlflow.db")
        yield yards


def main() -> int:
    """Measure everything; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--versions", type=int, default=100_000, help="how many each server holds")
    parser.add_argument("--size", type=int, default=1024, help="MiB of the file that is transferred")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each rate is measured in a round")
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--quick", action="store_true", help="10,000 versions, 64 MiB, one round of a second")
    options = parser.parse_args()
    if options.quick:
        options.versions, options.size, options.rounds, options.seconds = 10_000, 64, 1, 1.0
    folder = Path(tempfile.mkdtemp(prefix="modelyard-bench-", dir=options.folder))
    try:
        source = folder / "source.bin"
        with source.open("wb") as file:
            for _ in range(options.size // 8):
                file.write(os.urandom(8 * MIB))
        with filled(folder, options.versions) as yards:
            table = Table(yards, options.rounds)
            table.row(Row("program", version_of, 40, "ms", is_rate=False))
            table.row(Row("start", started, 10, "ms", is_rate=False))
            table.row(Row("idle", lambda yard: yard.memory() / MIB, 8, "MiB", is_rate=False), 1)
            registry_rows(table, options.seconds)
            file_rows(table, yards, source)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("missed: " + ", ".join(table.missed) if table.missed else "all goals reached")
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
