"""Times what it costs to record predictions and to read what they did, against yardsticks of the same run.

    python bench/telemetry.py [--rounds N] [--predictions N] [--quick]

    record     CPU of recording a prediction, and of writing it     against  CPU of a raw ASGI request
    judged     the same with lots drawn by a key, for the judge     against  the same
    track      CPU of `PerformanceTracker.track_prediction`         against  the same
    metrics    time of a day's metrics after a million predictions  against  after a tenth of them
    few        the same                                             against  after one a minute, with one latency each

What metrics cost depends on how many rows there are, and how many bins of latency a row has: at most 1,600, whatever
the number of predictions. Latencies here go from 20 to 60 ms, which are 55 bins.

Goals are ratios: what the first takes, divided by what the second takes; medians of the rounds. Everything stays on
127.0.0.1 and below one folder that is removed. Ends with 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from modelyard import ModelRegistry, PerformanceTracker
from modelyard.metadata.database import Database
from modelyard.telemetry.outcome import WELL, Lot, Outcome
from modelyard.telemetry.recorder import Recorder

MESSAGE = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
MINUTES = 1440
GOALS = {"record": 0.15, "judged": 0.15, "track": 0.3, "metrics": 1.25, "few": 2.0}
PROVIDER = {"kind": "http", "url": "http://127.0.0.1:9/predict"}


class Times:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@contextmanager
def raw_server(folder: Path) -> Iterator[tuple[str, int]]:
    """The yardstick of bench/gateway.py, a raw ASGI application, in a process of its own: its address and its pid."""
    gateway = str(Path(__file__).with_name("gateway.py"))
    command = [sys.executable, gateway, "--serve", "plain", "--folder", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip() if process.stdout else "", process.pid
        finally:
            process.terminate()


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def asked(url: str, pid: int, requests: int) -> float:
    """Seconds of a raw server's CPU for one request, over one connection."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as connection:
        before = cpu_of(pid)
        for _ in range(requests):
            connection.sendall(MESSAGE)
            connection.recv(65_536)
        return (cpu_of(pid) - before) / requests


def recorded(recorder: Recorder, version_id: str, requests: int, *, lots: bool) -> float:
    """Seconds of CPU for one prediction, with what it takes to write it."""
    subject, failed = ("ep_1", 1, version_id, "live"), Outcome(code="prediction_failed")
    lot = [Lot("dp_1", number + 1) for number in range(1000)] if lots else None
    before = time.process_time()
    for number in range(requests):
        outcome = WELL if number % 100 else failed
        recorder.record(subject, 0.01, outcome, lot[number % 1000] if lot else None)
        # A busy second's worth is written at a time.
        if number % 5000 == 0:
            recorder.flush()
    recorder.flush()
    return (time.process_time() - before) / requests


def tracked(registry: ModelRegistry, requests: int) -> float:
    """Seconds of CPU for one prediction that an application tells."""
    with PerformanceTracker(registry) as tracker:
        before = time.process_time()
        for _ in range(requests):
            tracker.track_prediction("fraud", "1.0.0", latency=0.01, tokens=10)
        return (time.process_time() - before) / requests


def fill(database: Database, version_id: str, predictions: int) -> None:
    """Record so many predictions of a version, spread over a day."""
    clock = Times()
    begin = clock.now - 60 * MINUTES + 60
    recorder = Recorder(database, f"wr_{version_id[-20:]}", clock=clock)
    for number in range(predictions):
        clock.now = begin + 60 * MINUTES * number / predictions
        recorder.record(("ep_1", 1, version_id, "live"), 0.0004 * (50 + number * 37 % 100))
    recorder.flush()


def read(registry: ModelRegistry, version: str) -> tuple[float, int, int]:
    """Seconds that a day's metrics take; how many predictions and rows they are made of."""
    start = time.perf_counter()
    found = registry.get_metrics("fraud", version, since="24h", points=48)
    return time.perf_counter() - start, found.versions[0].requests, found.windows


def measure(folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """Return what each line of the table found."""
    ratios: dict[str, list[float]] = {name: [] for name in GOALS}
    with ModelRegistry(folder / "registry") as registry, raw_server(folder) as (url, pid):
        registry.create_model("fraud")
        database = Database(f"sqlite:///{folder}/registry/registry.db")
        sizes = {"1.0.0": MINUTES, "2.0.0": options.predictions // 10, "3.0.0": options.predictions}
        for version, predictions in sizes.items():
            version_id = registry.register_version("fraud", version, provider=PROVIDER)
            fill(database, version_id, predictions)
        recorder = Recorder(database, "wr_bench")
        lines: dict[str, Callable[[], float]] = {
            "record": lambda: recorded(recorder, "mv_1", options.requests, lots=False),
            "judged": lambda: recorded(recorder, "mv_1", options.requests, lots=True),
            "track": lambda: tracked(registry, options.requests),
        }
        for _ in range(options.rounds):
            raw = asked(url, pid, options.requests // 5)
            for name, line in lines.items():
                ratios[name].append(line() / raw)
            (few, *_few), (tenth, *_tenth), (million, *told) = (read(registry, version) for version in sizes)
            ratios["metrics"].append(million / tenth)
            ratios["few"].append(million / few)
        print(f"a day's metrics of {told[0]:,} predictions are made of {told[1]:,} rows")
        database.close()
    return {name: median(found) for name, found in ratios.items()}


def main() -> int:
    """Measure, print, and tell whether every goal was met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--predictions", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=50_000)
    parser.add_argument("--quick", action="store_true", help="one round of few; its figures mean little")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.predictions, options.requests = 1, 50_000, 10_000
    with tempfile.TemporaryDirectory(prefix="modelyard-bench-") as folder:
        found = measure(Path(folder), options)
    for name, ratio in found.items():
        verdict = "met" if ratio <= GOALS[name] else "MISSED"
        print(f"{name:10} {ratio:7.3f}   goal at most {GOALS[name]:g}   {verdict}")
    return int(any(ratio > GOALS[name] for name, ratio in found.items()))


if __name__ == "__main__":
    sys.exit(main())
