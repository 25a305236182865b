"""A real MLflow server for the tests: the program of the package, on SQLite, in a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from components.deadlines import until
from components.needs import need

START_S = 120.0
"""The package takes seconds to import, and its first start makes the database."""


@contextmanager
def mlflow_server(
    folder: Path, *options: str, environment: Mapping[str, str] | None = None, port: int = 0
) -> Iterator[str]:
    """Serve tracking, registry and artifacts from a folder, on one worker process; yield the server's URL.

    Started again on the same folder, it has what it had.
    """
    need("mlflow")
    folder.mkdir(parents=True, exist_ok=True)
    place = f"http://127.0.0.1:{port or _free_port()}"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1"),
            *("--port", place.rpartition(":")[2], "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
            *(options or ("--artifacts-destination", str(folder / "artifacts"))),
        ],
        cwd=folder,
        env={**os.environ, **QUIET, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=(log := (folder / "server.log").open("ab")),
        # It starts processes of its own, which end with it as one group.
        start_new_session=True,
    )
    try:
        until(lambda: process.poll() is not None or _answers(place), "the MLflow server answers", START_S)
        assert process.poll() is None, (folder / "server.log").read_text()[-2000:]
        yield place
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)
        log.close()


QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "true",
}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(place: str) -> bool:
    try:
        with urllib.request.urlopen(f"{place}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
