"""Frames between a server and its workers, over real sockets and pipes, and the log of a worker."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from components.loops import eventually, in_loop
from modelyard.runtimes import frames
from modelyard.runtimes.channel import LINES_PER_SECOND, LONGEST_LINE, Channel, LogPipe
from modelyard.runtimes.frames import (
    Answers,
    Batch,
    BlockingChannel,
    FrameTooLarge,
    Load,
    Loaded,
    Question,
    Refused,
    Reply,
    Splitter,
    encoded,
    reply_of,
)

MESSAGES: list[Reply] = [
    Loaded(batchable=True),
    Refused(code="missing_extra", message="nö", hint="", details={"n": [1, None, 2.5]}),
    Answers(answers=[b'{"a":1}', ("input", "no"), b""]),
    Answers(answers=[]),
]


async def connected() -> tuple[Channel, socket.socket, list[str]]:
    """Return a channel, the other end of its connection, and what it tells of its end."""
    ours, theirs = socket.socketpair()
    told: list[str] = []
    loop = asyncio.get_running_loop()
    _, channel = await loop.create_unix_connection(lambda: Channel(lambda: told.append("ended")), sock=ours)
    return channel, theirs, told


class TestFrames:
    @pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
    def test_messages_come_out_of_pieces_of_any_size(self, size: int) -> None:
        stream = b"".join(bytes(encoded(message)) for message in MESSAGES)
        splitter = Splitter()
        found = []
        for start in range(0, len(stream), size):
            found += [reply_of(body) for body in splitter.feed(stream[start : start + size])]
        assert found == MESSAGES

    def test_a_header_that_announces_too_much_is_refused(self) -> None:
        with pytest.raises(FrameTooLarge):
            list(Splitter().feed(b"\xff\xff\xff\xff"))

    def test_a_message_that_does_not_fit_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(frames, "LARGEST_FRAME", 100)
        with pytest.raises(FrameTooLarge):
            encoded(Answers(answers=[b"x" * 100]))

    def test_what_is_no_json_value_is_told_as_text(self) -> None:
        body = bytes(encoded(Refused(code="c", message="m", hint="h", details={"path": Path("/a")})))[4:]
        reply = reply_of(body)
        assert isinstance(reply, Refused)
        assert "/a" in reply.details["path"]


class TestWorkersEnd:
    def test_questions_come_one_by_one_until_the_other_side_ends(self) -> None:
        ours, theirs = socket.socketpair()
        questions: list[Question] = [
            Load(opener="a:b", folder="/", facts={"x": None}, paths=["/p"]),
            Batch(calls=[("predict", b"x" * 100_000)]),
        ]
        with theirs:
            with ours:
                channel = BlockingChannel(theirs)
                for question in questions:
                    ours.sendall(encoded(question))
                    assert channel.receive() == question
                channel.send(Loaded(batchable=False))
                (body,) = Splitter().feed(ours.recv(1000))
                assert reply_of(body) == Loaded(batchable=False)
                ours.sendall(bytes(encoded(questions[1]))[:50])
            assert channel.receive() is None


class TestServersEnd:
    @in_loop
    async def test_a_question_gets_its_reply(self) -> None:
        channel, theirs, told = await connected()
        with theirs:
            future = channel.ask(Batch(calls=[("predict", b"1")]))
            assert await asyncio.to_thread(BlockingChannel(theirs).receive) == Batch(calls=[("predict", b"1")])
            theirs.sendall(encoded(MESSAGES[2]))
            assert await future == MESSAGES[2]
        await eventually(lambda: told == ["ended"])

    @in_loop
    async def test_two_questions_at_once_are_a_mistake_of_ours(self) -> None:
        channel, theirs, _told = await connected()
        with theirs:
            channel.ask(Batch(calls=[]))
            with pytest.raises(RuntimeError, match="one question"):
                channel.ask(Batch(calls=[]))
            channel.close()

    @pytest.mark.parametrize("garbage", [b"\xff\xff\xff\xff", b"\0\0\0\1x", bytes(encoded(MESSAGES[0])) * 2])
    @in_loop
    async def test_what_is_no_reply_ends_the_connection(self, garbage: bytes) -> None:
        channel, theirs, told = await connected()
        with theirs:
            channel.ask(Batch(calls=[]))
            theirs.sendall(garbage)
            await eventually(lambda: told == ["ended"])

    @in_loop
    async def test_a_reply_to_nothing_ends_the_connection(self) -> None:
        _channel, theirs, told = await connected()
        with theirs:
            theirs.sendall(encoded(MESSAGES[0]))
            await eventually(lambda: told == ["ended"])

    @in_loop
    async def test_a_question_fails_with_its_worker(self) -> None:
        channel, theirs, _told = await connected()
        with theirs:
            future = channel.ask(Batch(calls=[]))
            channel.fail(ConnectionError("gone"))
            channel.fail(ConnectionError("again"))
            with pytest.raises(ConnectionError, match="gone"):
                await future
            channel.close()


class TestLog:
    @in_loop
    async def test_lines_are_told_as_they_were_printed(self) -> None:
        lines = await printed([b"one\ntw", b"o\r\n\xff\xfe\nthree"])
        assert lines == ["one", "two", "\ufffd\ufffd", "three"]

    @in_loop
    async def test_long_lines_are_cut_once(self) -> None:
        lines = await printed([b"x" * 5000, b"y" * 5000 + b"\nafter\n"])
        assert lines == ["x" * LONGEST_LINE, "after"]

    @in_loop
    async def test_too_many_lines_are_counted(self) -> None:
        lines = await printed([b"line\n" * 10_000])
        told = sum(line == "line" for line in lines)
        left_out = sum(int(line[1:].split()[0]) for line in lines if line.startswith("("))
        assert told + left_out == 10_000
        assert told < 20 * LINES_PER_SECOND


async def printed(pieces: list[bytes]) -> list[str]:
    """Return the lines that a log pipe tells of what is written into it."""
    reading, writing = os.pipe()
    lines: list[str] = []
    pipe = os.fdopen(reading, "rb", buffering=0)
    _, log = await asyncio.get_running_loop().connect_read_pipe(lambda: LogPipe(lines.append), pipe)
    with os.fdopen(writing, "wb", buffering=0) as stream:
        for piece in pieces:
            stream.write(piece)
            await asyncio.sleep(0)
    await log.closed
    return lines
