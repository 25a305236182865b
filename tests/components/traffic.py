"""Steady traffic from another process: many connections that are kept open, each with one request under way.

Run as a program it asks until its input ends, and prints what it saw as one line of JSON. `Traffic` runs it, and judges
every single answer: it has to be a 200, its output has to come from the version that the answer names, and that has to
be the version that the route of the answer's epoch gives to the request's key.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from modelyard.domain.routing import CompiledRoute

PATIENCE_S = 150.0
BODY = b'{"input": [[1.0]]}'


def say(line: str) -> None:
    """Tell the parent process."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Ask:
    """What the program does.

    Args:
        url: the server.
        path: where predictions are made.
        connections: how many are open at once.
        pause_s: seconds that each connection rests after an answer.
    """

    def __init__(self, url: str, path: str, connections: int, pause_s: float) -> None:
        parts = urlsplit(url)
        self._place = (str(parts.hostname), int(parts.port or 0))
        self._path, self._connections, self._pause_s = path, connections, pause_s
        self._is_over = False
        self._number = 0
        self.failures: list[str] = []
        self.seen: list[tuple[int, str, str, str]] = []

    async def run(self) -> None:
        """Ask until the input ends."""
        loop = asyncio.get_running_loop()
        over = loop.run_in_executor(None, sys.stdin.readline)
        workers = [asyncio.create_task(self._connected()) for _ in range(self._connections)]
        say("asking")
        await over
        self._is_over = True
        await asyncio.gather(*workers)
        say(json.dumps({"failures": self.failures, "seen": self.seen}))

    async def _connected(self) -> None:
        reader, writer = await asyncio.open_connection(*self._place)
        try:
            while not self._is_over:
                self._number += 1
                await self._ask(reader, writer, f"user-{self._number % 5_000}")
                if self._pause_s:
                    await asyncio.sleep(self._pause_s)
        except (OSError, asyncio.IncompleteReadError, ValueError) as error:
            self.failures.append(repr(error))
        finally:
            writer.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str) -> None:
        head = f"POST {self._path} HTTP/1.1\r\nHost: localhost\r\nx-modelyard-key: {key}\r\n"
        writer.write(f"{head}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().partition(b"content-length:")[2].split()[0])
        body = await reader.readexactly(length)
        if not answer.startswith(b"HTTP/1.1 200"):
            self.failures.append(f"{answer.split()[1]!r} {body[:200]!r}")
            return
        document = json.loads(body)
        output = document["output"]
        said = output[0] if isinstance(output, list) else output
        self.seen.append((document["epoch"], key, document["version"], said))


class Traffic:
    """Asks for predictions from another process while a block lasts.

    Args:
        url: the server.
        connections: how many are open at once.
        path: where predictions are made.
        pause_s: seconds that each connection rests after an answer; without, they take all that the machine has, and
            what happens meanwhile takes long.
    """

    def __init__(
        self, url: str, *, connections: int = 200, path: str = "/api/models/fraud/predict", pause_s: float = 0.0
    ) -> None:
        self._command: list[str] = [sys.executable, __file__, url, path, str(connections), str(pause_s)]
        self.result: dict[str, Any] = {}

    def __enter__(self) -> Self:
        environment = {"PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src")}
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "asking\n"
        return self

    def __exit__(self, *_: object) -> None:
        told = self._process.communicate("over\n", timeout=PATIENCE_S)[0]
        self.result = json.loads(told)

    def judge(self, routes: Mapping[int, CompiledRoute]) -> Counter[tuple[int, str]]:
        """Check every answer against the route of its epoch; gives how often each epoch and version answered."""
        assert self.result["failures"] == []
        found: Counter[tuple[int, str]] = Counter()
        for epoch, key, version, said in self.result["seen"]:
            assert said == version, f"{said} answered for {version}"
            arms = {arm.version_id: arm.version for arm in routes[epoch].route.arms}
            chosen = routes[epoch].choose(key.encode(), lambda _name: None)
            assert chosen is not None
            assert arms[chosen] == version, f"{key} went to {version} in epoch {epoch}"
            found[epoch, version] += 1
        return found


if __name__ == "__main__":
    asyncio.run(Ask(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])).run())
