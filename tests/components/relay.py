"""A TCP relay in front of a real server, which can be shut, and opened again on the same port."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Self

from modelyard.runtimes.loop import LoopThread


class Relay:
    """Hands connections on to a server as long as it is open; connections to a shut one are refused.

    Attributes:
        url: where it listens, on a port that it keeps.
    """

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._target = host, int(port)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self._port}"
        self._loop = LoopThread("relay")
        self._server: asyncio.Server | None = None

    def open(self) -> None:
        """Take connections from now on."""
        self._server = self._loop.run(asyncio.start_server(self._connected, "127.0.0.1", self._port))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        self._loop.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(*self._target)
        except BaseException:
            writer.close()
            raise
        await asyncio.gather(_copy(reader, back), _copy(there, writer))


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        with suppress(ConnectionError):
            while piece := await source.read(1 << 16):
                sink.write(piece)
                await sink.drain()
    finally:
        sink.close()
