"""Back ends that fail and dawdle by chance, each as its path says.

`/RATE/SECONDS` fails for that share of its requests, and takes a lognormal time with that median. All draws are
independent of who asks.
"""

from __future__ import annotations

import asyncio
import random
from typing import Self

from modelyard.runtimes.loop import LoopThread
from modelyard.server.serve import bind, url_of

HOST = "127.0.0.1"
SPREAD = 0.5
"""Standard deviation of the logarithm of the times."""


class Flaky:
    """A server of such back ends, in a thread of its own.

    Attributes:
        outage: share of all requests that fail besides, whichever version they are for.
        url: where it listens.
    """

    def __init__(self, seed: int = 1) -> None:
        self.outage = 0.0
        self._chance = random.Random(seed)
        self._socket = bind(HOST, 0)
        self.url = url_of(HOST, self._socket)
        self._loop = LoopThread("flaky")

    def version(self, rate: float, seconds: float) -> dict[str, str]:
        """The provider of a version that fails at a rate, and takes some seconds in the middle."""
        return {"kind": "http", "url": f"{self.url}/{rate}/{seconds}"}

    def __enter__(self) -> Self:
        self._server = self._loop.run(asyncio.start_server(self._connected, sock=self._socket))
        return self

    def __exit__(self, *_: object) -> None:
        self._server.get_loop().call_soon_threadsafe(self._server.close)
        self._loop.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                sized = head.lower().partition(b"content-length:")[2].split()
                await reader.readexactly(int(sized[0]) if sized else 0)
                _, rate, seconds = head.split()[1].decode().split("/")
                if head.startswith(b"POST"):
                    await self._answer(writer, float(rate), float(seconds))
                else:
                    await self._send(writer, b"200 OK", b"{}")
        # At the end of the block; asyncio's streams log a task that ends as cancelled.
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, rate: float, seconds: float) -> None:
        await asyncio.sleep(seconds * self._chance.lognormvariate(0, SPREAD))
        is_failed = self._chance.random() < rate or self._chance.random() < self.outage
        status, body = (b"500 Oops", b'{"error": "bad luck"}') if is_failed else (b"200 OK", b'{"score": 1}')
        await self._send(writer, status, body)

    async def _send(self, writer: asyncio.StreamWriter, status: bytes, body: bytes) -> None:
        head = b"HTTP/1.1 " + status + b"\r\nContent-Type: application/json\r\nContent-Length: "
        writer.write(head + str(len(body)).encode() + b"\r\n\r\n" + body)
        await writer.drain()
