"""Load on many endpoints from another process: some requests a second for each, whatever comes back.

Run as a program it asks until its input ends, and prints how often which status came back, as one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

PATIENCE_S = 60.0
BODY = b'{"input": 1}'
CONNECTIONS = 4
"""Of each endpoint; each waits for its turn, so that the rate stays what it is."""


class Ask:
    """What the program does.

    Args:
        url: the server.
        rates: path → requests a second.
    """

    def __init__(self, url: str, rates: dict[str, float]) -> None:
        parts = urlsplit(url)
        self._place = (str(parts.hostname), int(parts.port or 0))
        self._rates = rates
        self._is_over = asyncio.Event()
        self.seen: Counter[str] = Counter()

    async def run(self) -> None:
        """Ask until the input ends."""
        loop = asyncio.get_running_loop()
        over = loop.run_in_executor(None, sys.stdin.readline)
        tasks = [
            asyncio.create_task(self._connected(path, rate / CONNECTIONS, place / CONNECTIONS))
            for path, rate in self._rates.items()
            for place in range(CONNECTIONS)
        ]
        say("asking")
        await over
        self._is_over.set()
        await asyncio.gather(*tasks)
        say(json.dumps(self.seen))

    async def _connected(self, path: str, rate: float, shift: float) -> None:
        loop = asyncio.get_running_loop()
        reader, writer = await asyncio.open_connection(*self._place)
        request = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(BODY)}\r\n\r\n".encode() + BODY
        due = loop.time() + shift / rate
        while not self._is_over.is_set():
            await asyncio.sleep(max(0.0, due - loop.time()))
            due = max(due, loop.time() - 1.0) + 1 / rate
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().partition(b"content-length:")[2].split()[0])
            await reader.readexactly(length)
            self.seen[answer.split()[1].decode()] += 1
        writer.close()


class Load:
    """Asks for predictions from another process while a block lasts.

    Args:
        url: the server.
        names: the models that are asked.
        rate: requests a second, of each.

    Attributes:
        seen: status → how often it came back; known once the block is over.
    """

    def __init__(self, url: str, names: Sequence[str], rate: float) -> None:
        rates = {f"/api/models/{name}/predict": rate for name in names}
        self._command: list[str] = [sys.executable, __file__, url, json.dumps(rates)]
        self.seen: dict[str, int] = {}

    def __enter__(self) -> Self:
        environment = {"PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src")}
        self._process: subprocess.Popen[str] = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "asking\n"
        return self

    def __exit__(self, *_: object) -> None:
        said: Any = self._process.communicate("over\n", timeout=PATIENCE_S)[0]
        self.seen = json.loads(said)


def say(line: str) -> None:
    """Tell the parent process."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(Ask(sys.argv[1], json.loads(sys.argv[2])).run())
