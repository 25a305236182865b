"""The tokens that a streamed answer tells of: the usage that stands in one of its server-sent events."""

from __future__ import annotations

import msgspec

_MARK = b'"usage"'
_PREFIX = b"data:"


class _Usage(msgspec.Struct):
    """What providers and modelyard itself call the two counts."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class _Event(msgspec.Struct):
    usage: _Usage | None = None


_decode = msgspec.json.Decoder(_Event).decode


def tokens_in(piece: bytes) -> int:
    """Return the tokens that a piece of a stream tells of; 0 where it tells of none."""
    if _MARK not in piece:
        return 0
    total = 0
    for line in piece.splitlines():
        if line.startswith(_PREFIX) and _MARK in line:
            total = _tokens(line[len(_PREFIX) :]) or total
    return total


def _tokens(text: bytes) -> int:
    try:
        usage = _decode(text).usage
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return 0
    if usage is None:
        return 0
    return usage.prompt_tokens + usage.completion_tokens + usage.input_tokens + usage.output_tokens
