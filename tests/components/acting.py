"""A model that does what its input says, run in real worker processes: it answers, sleeps, leaks, prints, crashes.

Its input is a mapping of orders, carried out in this order: `leak_mb`, `print` (a text), `start` (a program),
`scribble` (into the worker's connection, unless this file exists; then it does), `mark` (make this file), `until` (wait
for this file), `sleep` (seconds), `fail` (raise), `end` (`segv`, `exit`, `kill`), `fault` (`input` or `model`). It
answers with what it was given, its process and how many calls came together.

What happens while it is loaded stands in `script.json` of its folder: `print`, `fail`, `refuse`, `end`, `until`,
`leak_mb`, `batchable`, and `cost_s`, which each batch takes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelyard.domain.wire import FileRecord
from modelyard.errors import MissingExtra
from modelyard.runtimes.backend import Call, Runnable
from modelyard.runtimes.predictor import Fault
from modelyard.runtimes.supervision import WorkerPolicy

OPENER = "components.acting:open_actor"

_leaked: list[bytearray] = []
_children: list[subprocess.Popen[bytes]] = []


def open_actor(folder: Path, facts: Mapping[str, Any]) -> Actor:
    """Load the actor, as its script says."""
    script = json.loads((folder / "script.json").read_text())
    if script.get("refuse"):
        raise MissingExtra("the actor needs a stage", hint="pip install stage", details={"package": "stage"})
    _act(script)
    return Actor(batchable=script.get("batchable", True), cost_s=script.get("cost_s", 0.0))


class Actor:
    """Carries out orders."""

    def __init__(self, *, batchable: bool, cost_s: float) -> None:
        self.batchable, self._cost_s = batchable, cost_s

    def predict(self, calls: Sequence[tuple[str, bytes]]) -> list[bytes | Fault]:
        """Answer each call."""
        time.sleep(self._cost_s)
        return [self._one(json.loads(body)["input"], len(calls)) for _protocol, body in calls]

    def _one(self, orders: dict[str, Any], together: int) -> bytes | Fault:
        _act(orders)
        if "fault" in orders:
            return Fault(orders["fault"], "as it was asked for")
        return json.dumps({"given": orders, "pid": os.getpid(), "together": together}).encode()


def _act(orders: Mapping[str, Any]) -> None:
    if "leak_mb" in orders:
        _leaked.append(bytearray(os.urandom(1 << 20)) * int(orders["leak_mb"]))
    if "print" in orders:
        print(orders["print"])  # noqa: T201 - what a worker prints is what the test looks at
    if "start" in orders:
        _children.append(subprocess.Popen(orders["start"]))
    if "scribble" in orders and not Path(orders["scribble"]).exists():
        Path(orders["scribble"]).touch()
        os.write(int(sys.argv[1]), b"\xff" * 8)
    if "mark" in orders:
        Path(orders["mark"]).touch()
    while "until" in orders and not Path(orders["until"]).exists():
        time.sleep(0.002)
    time.sleep(orders.get("sleep", 0))
    if "fail" in orders:
        raise RuntimeError(orders["fail"])
    _ENDS[orders.get("end", "")]()


def _exit() -> None:
    os._exit(3)


_ENDS: dict[str, Callable[[], None]] = {
    "": lambda: None,
    "exit": _exit,
    "segv": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
}


@dataclass
class ActorFolder:
    """The folder of an actor, which notes that it was released."""

    path: Path
    released: list[bool] = field(default_factory=list)

    def release(self) -> None:
        """Note it."""
        self.released.append(True)


def actor(folder: Path, example: Any = None, **script: Any) -> Runnable:
    """Write the script of an actor into a folder, and return the version."""
    (folder / "script.json").write_text(json.dumps(script))
    record = FileRecord(path="script.json", size=1, blake3="0" * 64, sha256="0" * 64)
    return Runnable(version_id="vn_1", name="actor", version="1.0.0", files=(record,), input_example=example)


def policy(**changes: Any) -> WorkerPolicy:
    """Return short times for tests."""
    times: dict[str, Any] = {"hang_grace_s": 0.2, "end_grace_s": 5.0, "first_pause_s": 0.02, "memory_poll_s": 0.05}
    return WorkerPolicy(**{"opener": OPENER, "start_timeout_s": 30.0, **times, **changes})


def order(*, timeout_s: float = 20.0, **orders: Any) -> Call:
    """Return a call with orders for the actor."""
    return Call(body=json.dumps({"input": orders}).encode(), timeout_s=timeout_s)
