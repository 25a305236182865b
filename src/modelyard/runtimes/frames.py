"""What a server and its worker processes say to each other, and how it lies on the wire.

Rules
- A frame is four bytes with the length of its body, most significant byte first, and the body, a message as
  MessagePack.
- The server speaks first: `Load`, answered by `Loaded` or `Refused`; then each `Batch` is answered by `Answers`.
- One question is under way at a time, so that answers need no number.
- Bodies of calls and answers are bytes that neither side looks into here.
- The end of the connection is the order to end.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec

LARGEST_FRAME = 1 << 30
"""Bytes; the calls of a batch are bounded far below, so that only an answer can come near."""

PING = "ping"
"""Protocol of a call that only asks for a sign of life; the model does not see it."""

_HEADER = struct.Struct(">I")

AnswerPart: TypeAlias = bytes | tuple[str, str]
"""A JSON text, or the kind (`input` or `model`) and the message of a fault."""


class FrameTooLarge(ValueError):
    """A message does not fit into a frame, or a header announces what nobody sends."""


class Load(msgspec.Struct, tag="load", frozen=True):
    """Load a version.

    Attributes:
        opener: module and function that make the predictor, as `module:function`.
        folder: where the version's files are.
        facts: what else the opener is told.
        paths: where modules are looked for, after the worker's own places.
    """

    opener: str
    folder: str
    facts: dict[str, Any]
    paths: list[str]


class Batch(msgspec.Struct, tag="batch", frozen=True):
    """Predict; each call is its protocol and its body."""

    calls: list[tuple[str, bytes]]


class Loaded(msgspec.Struct, tag="loaded", frozen=True):
    """The version is ready; `batchable` tells whether several calls at once cost less than one by one."""

    batchable: bool


class Refused(msgspec.Struct, tag="refused", frozen=True):
    """The version cannot be loaded; the parts are those of an error of our tree."""

    code: str
    message: str
    hint: str
    details: dict[str, Any]


class Answers(msgspec.Struct, tag="answers", frozen=True):
    """One answer for each call, in their order."""

    answers: list[AnswerPart]


Question: TypeAlias = Load | Batch
Reply: TypeAlias = Loaded | Refused | Answers

# What details of errors and examples hold beside JSON values is told as text rather than refused.
_encoder = msgspec.msgpack.Encoder(enc_hook=repr)
_questions: msgspec.msgpack.Decoder[Question] = msgspec.msgpack.Decoder(Load | Batch)
_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Loaded | Refused | Answers)


def encoded(message: Question | Reply) -> bytearray:
    """A message as one frame.

    Raises:
        FrameTooLarge: it does not fit.
    """
    frame = bytearray(_HEADER.size)
    _encoder.encode_into(message, frame, _HEADER.size)
    size = len(frame) - _HEADER.size
    if size > LARGEST_FRAME:
        raise FrameTooLarge(f"a message of {size} bytes is larger than {LARGEST_FRAME}")
    _HEADER.pack_into(frame, 0, size)
    return frame


def reply_of(body: bytes | bytearray | memoryview) -> Reply:
    """What a worker said; msgspec.MsgspecError for anything else."""
    return _replies.decode(body)


class Splitter:
    """Cuts a stream of bytes, which comes in pieces of any size, into the bodies of frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the bodies that are complete now.

        Raises:
            FrameTooLarge: a header announces more than `LARGEST_FRAME`.
        """
        self._buffer += data
        start = 0
        while len(self._buffer) - start >= _HEADER.size:
            (size,) = _HEADER.unpack_from(self._buffer, start)
            if size > LARGEST_FRAME:
                raise FrameTooLarge(f"a frame of {size} bytes is announced")
            end = start + _HEADER.size + size
            if len(self._buffer) < end:
                break
            yield bytes(memoryview(self._buffer)[start + _HEADER.size : end])
            start = end
        del self._buffer[:start]


class BlockingChannel:
    """The worker's end: asks for the next question, and answers it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def receive(self) -> Question | None:
        """Wait for the next question; None when the other side has ended.

        Raises:
            msgspec.MsgspecError: what came is no question.
        """
        header = self._exactly(_HEADER.size)
        if header is None:
            return None
        body = self._exactly(_HEADER.unpack(header)[0])
        return None if body is None else _questions.decode(body)

    def send(self, message: Reply) -> None:
        """Answer; FrameTooLarge if the answer does not fit."""
        self._connection.sendall(encoded(message))

    def _exactly(self, size: int) -> bytearray | None:
        buffer = bytearray(size)
        view = memoryview(buffer)
        while view:
            count = self._connection.recv_into(view)
            if count == 0:
                return None
            view = view[count:]
        return buffer
