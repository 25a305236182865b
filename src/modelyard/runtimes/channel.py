"""The server's end of the connection to a worker, on an event loop; and the pipe that brings what the worker prints.

Rules
- One question at a time: `ask` gives a future for its reply.
- Whatever is not a reply to a question ends the connection; who listens is told, once.
- Lines of the log are cut at `LONGEST_LINE` bytes, and more than `LINES_PER_SECOND` are counted instead of told. The
  pipe is always read, so that a talkative model never waits for its log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import msgspec

from modelyard.runtimes.frames import FrameTooLarge, Question, Reply, Splitter, encoded, reply_of

LONGEST_LINE = 2_000
LINES_PER_SECOND = 100


class Channel(asyncio.Protocol):
    """Asks one worker.

    Args:
        ended: called once when the connection has ended, whoever ended it.
    """

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended
        self._splitter = Splitter()
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Reply] | None = None

    def ask(self, question: Question) -> asyncio.Future[Reply]:
        """Send a question; gives the future of its reply, which `fail` ends when the worker is gone.

        Raises:
            FrameTooLarge: the question does not fit into a frame; nothing was sent.
        """
        if self._waiting is not None:
            raise RuntimeError("a worker is asked one question at a time")
        frame = encoded(question)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting = future
        if self._transport is not None:
            self._transport.write(frame)
        return future

    def fail(self, error: Exception) -> None:
        """End the question under way with an error."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)

    def close(self) -> None:
        """Tell the worker to end."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # uvloop's transports have all that asyncio's have, and are no instances of its classes.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take a piece of a reply."""
        try:
            for body in self._splitter.feed(data):
                self._take(reply_of(body))
        except (FrameTooLarge, msgspec.MsgspecError, UnicodeDecodeError):
            self._abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the reason does not matter
        """Tell who listens."""
        self._transport = None
        self._ended()

    def _take(self, reply: Reply) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            self._abort()
        elif not waiting.done():
            waiting.set_result(reply)

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class LogPipe(asyncio.Protocol):
    """Reads what a worker prints, line by line.

    Args:
        tell: called with each line, without its end, and with a note where lines were left out.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._rest = b""
        self._cut = False
        self._second = 0
        self._told = 0
        self._left_out = 0
        self._transport: asyncio.BaseTransport | None = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def close(self) -> None:
        """Stop reading."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Tell the lines that are complete now, and the first part of one that is too long."""
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)
            self._cut = False
        if len(rest) > LONGEST_LINE:
            self._line(rest)
            self._cut, rest = True, b""
        self._rest = rest

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the reason does not matter
        """Tell what is left."""
        if self._rest:
            self._line(self._rest)
        self._note()
        if not self.closed.done():
            self.closed.set_result(None)

    def _line(self, line: bytes) -> None:
        # What follows the first part of a line that was too long is left out.
        if self._cut:
            return
        second = int(asyncio.get_running_loop().time())
        if second != self._second:
            self._note()
            self._second, self._told = second, 0
        if self._told >= LINES_PER_SECOND:
            self._left_out += 1
            return
        self._told += 1
        self._tell(line[:LONGEST_LINE].decode("utf-8", "replace").rstrip("\r"))

    def _note(self) -> None:
        if self._left_out:
            self._tell(f"({self._left_out} more lines were left out)")
            self._left_out = 0
