"""A real server in a process of its own, on a free port of the loopback address."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

READY_WITHIN = 60.0


@contextmanager
def serving(home: Path, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run `modelyard serve` on a registry; yield its address, and end it as an operator would."""
    server = subprocess.Popen(
        [sys.executable, "-m", "modelyard.cli.main", "serve", "--home", str(home), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **(environment or {})},
        text=True,
    )
    try:
        yield _address(server)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)
        assert server.stdout is not None
        server.stdout.close()


def _address(server: subprocess.Popen[str]) -> str:
    """Read what the server says until it names its address."""
    assert server.stdout is not None
    said: list[str] = []
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        if select.select([server.stdout], [], [], 0.5)[0]:
            line = server.stdout.readline()
            said.append(line)
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            if found:
                return found[0]
            if not line:
                break
    raise AssertionError(f"the server did not start: {''.join(said)}")
