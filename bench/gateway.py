"""Times the gateway against what it stands in front of or beside, in the same run; prints medians.

    python bench/gateway.py [--rounds N] [--requests N] [--quick]

    routing    CPU of finding the key, choosing and recording        against  CPU of an answer that never changes
    gateway    CPU of all that the gateway does for a request        against  the same
    proxy      wall time of a request through to an HTTP back end    against  the same request to it by a bare socket
    mlflow     a logistic regression, 64 connections, wall time      against  MLflow's scoring server, the same model
    tail       its 99th percentile                                   against  that of MLflow's scoring server
    batching   wall time at 64 connections with batches              against  without (max_batch 1)
    switching  the longest request while 200 endpoints get routes    against  the median request then

Goals are ratios: what ours takes, divided by what the other takes. CPU is that of the process, so that what else the
machine does hardly counts. Everything stays on 127.0.0.1 and below one folder that is removed. Ends with 1 if a goal is
missed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np
import uvloop
from sklearn.linear_model import LogisticRegression

from modelyard import ModelRegistry
from modelyard.bootstrap import open_yard
from modelyard.config import load
from modelyard.delivery.book import Entry
from modelyard.delivery.gateway import Gateway
from modelyard.delivery.keys import key_of
from modelyard.domain.routing import CompiledRoute
from modelyard.domain.wire.delivery import Arm, EndpointConfiguration, Route
from modelyard.metadata import endpoints, models
from modelyard.metadata.database import Database, known
from modelyard.runtimes.backend import Answer, Call, Runnable
from modelyard.server.app import create_app
from modelyard.server.serve import Server, bind, configuration, url_of
from modelyard.telemetry.recorder import Recorder

CONNECTIONS = 64
ENDPOINTS = 200
AT = "2026-03-01T12:00:00.000000Z"
ROW = b'{"input": [[5.1, 3.5, 1.4, 0.2]]}'
MLFLOW_ROW = b'{"inputs": [[5.1, 3.5, 1.4, 0.2]]}'
PLAIN_ANSWER = b'{"output":[0]}'
PLAIN_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 14\r\n\r\n"


async def say(send: Any) -> None:
    """Send the answer that never changes."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(PLAIN_ANSWER))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": PLAIN_ANSWER})


async def plain(scope: Any, receive: Any, send: Any) -> None:
    """The yardstick: the least that an ASGI application can do with a body."""
    if scope["type"] == "lifespan":
        for kind in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{kind}.complete"})
        return
    while (await receive()).get("more_body"):
        pass
    await say(send)


class Instant:
    """A back end that has answered before it is asked: what is left is the gateway's own work."""

    healthy = True

    def __init__(self) -> None:
        self.runnable = Runnable(version_id="mv_1", name="fraud", version="1.0.0")
        self._answer = Answer(output=b"[0]")

    async def predict(self, _call: Call) -> Answer:
        """Answer."""
        return self._answer


class NoFleet:
    """Nothing to look after."""

    def hold(self, version_ids: Any) -> None:
        """Take note of nothing."""

    async def retire(self, version_id: str) -> None:
        """End nothing."""


def split() -> CompiledRoute:
    """A route of two versions."""
    arms = [Arm(version_id=f"mv_{n}", version=f"{n}.0.0", weight=0.5) for n in (1, 2)]
    return CompiledRoute(Route(epoch=1, salt="dp_1", arms=arms))


def calls_of() -> list[Call]:
    """Calls with keys."""
    return [Call(body=ROW, headers={"x-modelyard-key": f"user-{number}"}) for number in range(1_000)]


def routed(requests: int, folder: Path) -> float:
    """Seconds of CPU that a request's key, its version and the record of it take."""
    recorder = Recorder(Database(f"sqlite:///{folder}/none.db"), "wr_1")
    route, asked, configured = split(), calls_of(), EndpointConfiguration()
    before = time.process_time()
    for number in range(requests):
        call = asked[number % 1_000]
        header = call.headers.get
        version_id = route.choose(key_of(configured, header, call.body) or b"", header) or ""
        recorder.record(("ep_1", 1, version_id, "live"), 0.001)
    return (time.process_time() - before) / requests


async def passed(requests: int, folder: Path) -> float:
    """Seconds of CPU that the gateway's own work takes for one request, on a split of two versions with keys."""
    recorder = Recorder(Database(f"sqlite:///{folder}/none.db"), "wr_1")
    gateway = Gateway(NoFleet(), recorder)
    route = split()
    backends: Any = {"mv_1": Instant(), "mv_2": Instant()}
    gateway.install(
        Entry(
            endpoint_id="ep_1",
            model="fraud",
            environment="production",
            route=route,
            configuration=EndpointConfiguration(),
            backends=backends,
        )
    )
    calls = calls_of()
    before = time.process_time()
    for number in range(requests):
        await gateway.predict("fraud", "production", calls[number % 1_000])
    return (time.process_time() - before) / requests


@dataclass
class Running:
    """A server in a process of its own."""

    url: str
    process: subprocess.Popen[str]

    def cpu(self) -> float:
        """Seconds of CPU that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def child(command: Sequence[str], **how: Any) -> Iterator[Running]:
    """A program that prints its address first, and ends with the block."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **how) as process:
        try:
            yield Running(process.stdout.readline().strip() if process.stdout else "", process)
        finally:
            process.terminate()
            process.wait(60)


def served(kind: str, folder: Path) -> Any:
    """One of our servers: `plain`, or `yard` for the registry."""
    return child([sys.executable, __file__, "--serve", kind, "--folder", str(folder)])


@contextmanager
def mlflow_server(folder: Path) -> Iterator[Running]:
    """MLflow's scoring server for the model in `folder/mlflow`, in its default form."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["-m", str(folder / "mlflow"), "-p", str(port), "-h", "127.0.0.1", "--env-manager", "local"]
    command = [sys.executable, "-m", "mlflow", "models", "serve", *options]
    # MLflow starts its server by the name of a program, which lies beside this interpreter.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    how: dict[str, Any] = {"env": {**os.environ, "PATH": path}, "text": True, "start_new_session": True}
    with (folder / "mlflow.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, **how)
    try:
        await_port(port, process)
        yield Running(f"http://127.0.0.1:{port}", process)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def await_port(port: int, process: subprocess.Popen[str]) -> None:
    """Wait until a process listens."""
    end = time.monotonic() + 180
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > end or process.poll() is not None:
                raise
            time.sleep(0.1)
        else:
            return


def request(path: str, body: bytes, headers: str = "") -> bytes:
    """A request in bytes."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{headers}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Client(asyncio.Protocol):
    """One connection, with one request under way after the other; a leaner one than streams, or it would be measured.

    Args:
        load: what all connections share.
    """

    def __init__(self, load: Load) -> None:
        self._load, self._parts = load, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport: Any = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        """Take an answer, and ask again."""
        self._parts += data
        head, found, body = self._parts.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.lower().partition(b"content-length:")[2].split()[0]):
            return
        self._load.times.append(time.perf_counter() - self._start)
        if not head.startswith(b"HTTP/1.1 200"):
            self._load.failure = f"{head.decode()}{body.decode()}"
        self._parts = b""
        self._next()

    def connection_lost(self, _error: Exception | None) -> None:
        """Note the end; before its time it is a failure."""
        self._load.end()

    def _next(self) -> None:
        if self._load.left <= 0 or self._load.failure:
            self._transport.close()
            return
        self._load.left -= 1
        self._start = time.perf_counter()
        self._transport.write(self._load.message)


class Load:
    """So many requests over some connections.

    Args:
        message: the request in bytes.
        requests: how many.
    """

    def __init__(self, message: bytes, requests: int) -> None:
        self.message, self.left = message, requests
        self.times: list[float] = []
        self.failure = ""
        self._open = 0
        self._over = asyncio.Event()

    async def run(self, url: str, connections: int) -> float:
        """Send all, and return the seconds that it took."""
        host, _, port = url.removeprefix("http://").partition(":")
        loop, start = asyncio.get_running_loop(), time.perf_counter()
        self._open = connections
        for _ in range(connections):
            await loop.create_connection(lambda: Client(self), host, int(port))
        await self._over.wait()
        if self.failure or self.left > 0:
            raise ConnectionError(self.failure or "a connection was cut")
        return time.perf_counter() - start

    def end(self) -> None:
        """Note that a connection has ended."""
        self._open -= 1
        if not self._open:
            self._over.set()


async def load_of(url: str, message: bytes, requests: int, connections: int = CONNECTIONS) -> tuple[float, list[float]]:
    """Seconds that so many requests take over some connections, and how long each took."""
    load = Load(message, requests)
    return await load.run(url, connections), load.times


def wall(url: str, message: bytes, requests: int, connections: int = CONNECTIONS) -> float:
    """Seconds of one of many requests."""
    return uvloop.run(load_of(url, message, requests, connections))[0] / requests


def tail(url: str, message: bytes, requests: int) -> float:
    """The 99th percentile, in seconds."""
    return quantiles(uvloop.run(load_of(url, message, requests))[1], n=100)[98]


def cpu_of(running: Running, message: bytes, requests: int) -> float:
    """Seconds of a server's CPU for one request."""
    before = running.cpu()
    uvloop.run(load_of(running.url, message, requests, 8))
    return (running.cpu() - before) / requests


def settings_of(folder: Path) -> Any:
    """The settings of the registry that is measured."""
    places = {"registry.path": str(folder / "registry"), "cache.path": str(folder / "cache")}
    return load(environ={}, working_folder=folder, overrides=places)


def prepare(folder: Path, backend_url: str) -> None:
    """A registry whose endpoints predict by a worker with batches, one without, and by an HTTP back end."""
    import mlflow.sklearn  # noqa: PLC0415 - it takes seconds, and the child processes do without

    rng = np.random.default_rng(7)
    rows = rng.normal(size=(500, 4))
    model = LogisticRegression().fit(rows, (rows.sum(axis=1) > 0).astype(int))
    mlflow.sklearn.save_model(model, str(folder / "mlflow"), pip_requirements=["scikit-learn"])
    with ModelRegistry(folder / "registry") as registry:
        for name in ("batched", "single"):
            registry.register_model(model, name, "1.0.0", input_example=rows[:2])
        provider = {"kind": "http", "url": backend_url, "protocol": "predict"}
        registry.register_version("proxied", "1.0.0", create=True, provider=provider)
        for number in range(ENDPOINTS):
            registry.register_version(f"many-{number}", "1.0.0", create=True, provider=provider)
    route_all(folder, 1)


def route_all(folder: Path, epoch: int) -> None:
    """Give every endpoint its next route, in one transaction."""
    yard = open_yard(settings_of(folder))
    with yard.database.write() as tx:
        for model in models.page(tx, after="", limit=1_000):
            route(tx, model, epoch)
    yard.database.close()


def route(tx: Any, model: Any, epoch: int) -> None:
    """Write an endpoint's route: its only version gets everything."""
    row = endpoints.by_name(tx, model.name, "production")
    if row is None:
        made = {"id": f"ep_{model.name}", "model_id": model.id, "environment": "production", "kind": "cloud", "at": AT}
        endpoints.add(tx, made, EndpointConfiguration(max_batch=1 if model.name == "single" else 64))
        row = known(endpoints.by_name(tx, model.name, "production"))
    version = tx.connection.exec_driver_sql(f"SELECT id FROM versions WHERE model_id = '{model.id}'").scalar()  # noqa: S608 - an id of our own
    arms = [Arm(version_id=version, version="1.0.0", weight=1.0)]
    endpoints.reroute(tx, row, Route(epoch=epoch, salt=f"dp_{epoch}", arms=arms), cause="bench", at=AT)


def run_server(kind: str, folder: Path) -> None:
    """Serve in this process until a signal comes; prints the address."""
    app: Any = plain
    if kind == "yard":
        settings = settings_of(folder)
        app = create_app(open_yard(settings, expose_paths=False), settings)
    listener = bind("127.0.0.1", 0)
    Server(configuration(app), on_ready=lambda: print(url_of("127.0.0.1", listener), flush=True)).run([listener])


def switching(folder: Path, yard: Running, requests: int) -> tuple[float, float]:
    """The median and the longest request while the routes of all endpoints move several times."""

    async def both() -> list[float]:
        command = [sys.executable, __file__, "--serve", "moves", "--folder", str(folder)]
        moving = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert moving.stdin is not None  # noqa: S101 - both are pipes
        assert moving.stdout is not None  # noqa: S101 - both are pipes
        # It says when it has imported everything, which would take the processors from what is measured.
        await moving.stdout.readline()
        moving.stdin.write(b"\n")
        _, times = await load_of(yard.url, request("/api/models/batched/predict", ROW), requests, 8)
        while moving.returncode is None:
            times += (await load_of(yard.url, request("/api/models/batched/predict", ROW), 200, 8))[1]
        return times

    times = uvloop.run(both())
    return median(times), max(times)


def report(name: str, goal: float, ours: Callable[[], float], other: Callable[[], float], rounds: int) -> bool:
    """Measure in turns and print; says whether the goal is reached."""
    pairs = [(other(), ours()) for _ in range(rounds)]
    ratio = median(mine / yardstick for yardstick, mine in pairs)
    yardstick, mine = (median(values) * 1e6 for values in zip(*pairs, strict=True))
    verdict = "ok" if ratio <= goal else "MISSED"
    print(f"{name:10} {mine:11.1f} us against {yardstick:11.1f} us: {ratio:6.3f}x (goal {goal:g}x) {verdict}")
    return ratio <= goal


def measure(folder: Path, rounds: int, requests: int) -> bool:
    """All figures; says whether every goal is reached."""
    ours, theirs = request("/api/models/batched/predict", ROW), request("/invocations", MLFLOW_ROW)
    single, proxied = request("/api/models/single/predict", ROW), request("/api/models/proxied/predict", ROW)
    direct = request("/predict", ROW)
    few = max(256, requests // 20)
    with served("plain", folder) as bare:
        prepare(folder, f"{bare.url}/predict")
        with served("yard", folder) as yard, mlflow_server(folder) as mlflow:
            for message in (ours, single, proxied):
                wall(yard.url, message, 64)
            good = [
                report(
                    "routing", 0.15, lambda: routed(requests, folder), lambda: cpu_of(bare, direct, requests), rounds
                ),
                report(
                    "gateway",
                    0.5,
                    lambda: asyncio.run(passed(requests, folder)),
                    lambda: cpu_of(bare, direct, requests),
                    rounds,
                ),
                report(
                    "proxy",
                    3.5,
                    lambda: wall(yard.url, proxied, requests, 1),
                    lambda: wall(bare.url, direct, requests, 1),
                    rounds,
                ),
                report(
                    "mlflow",
                    1 / 20,
                    lambda: wall(yard.url, ours, requests),
                    lambda: wall(mlflow.url, theirs, few),
                    rounds,
                ),
                report(
                    "tail", 1.0, lambda: tail(yard.url, ours, requests), lambda: tail(mlflow.url, theirs, few), rounds
                ),
                report(
                    "batching",
                    1 / 3,
                    lambda: wall(yard.url, ours, requests),
                    lambda: wall(yard.url, single, requests),
                    rounds,
                ),
            ]
            usual, longest = switching(folder, yard, requests)
            good.append(report("switching", 3.0, lambda: longest, lambda: usual, 1))
    return all(good)


def main() -> int:
    """Measure everything; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--serve", choices=("plain", "yard", "moves"), help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="a thousand requests, one round")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.requests = 1, 1_000
    if options.serve == "moves":
        print(flush=True)
        sys.stdin.readline()
        for epoch in range(2, 7):
            route_all(options.folder, epoch)
        return 0
    if options.serve:
        run_server(options.serve, options.folder)
        return 0
    folder = Path(tempfile.mkdtemp(prefix="modelyard-bench-", dir=options.folder))
    try:
        return 0 if measure(folder, options.rounds, options.requests) else 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
