"""How the pieces of an answer are told to the caller, as the server-sent events of its protocol.

- `predict`: `{"delta": "…"}` for each piece of text, then `{"done": true, "finish_reason": …, "usage": {…}}`.
- `chat`: OpenAI's chunks, the usage if it was asked for, then `[DONE]`. Chunks that come from OpenAI go on as they are.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from modelyard.domain.chat import STOP, Chat, Piece, chunk_body, usage_chunk
from modelyard.errors import PredictionFailed
from modelyard.runtimes.backend import PREDICT, Usage
from modelyard.runtimes.providers.events import event

DONE = b"[DONE]"
_encode = msgspec.json.encode


class Speaker(Protocol):
    """Tells one answer."""

    def piece(self, piece: Piece, data: bytes) -> bytes:
        """What follows from a piece that came as `data`; empty where nothing does."""
        ...

    def end(self, finish_reason: str, usage: Usage) -> bytes:
        """What closes a whole answer."""
        ...


def speaker_of(protocol: str, kind: str, chat: Chat, head: dict[str, Any]) -> Speaker:
    """Who tells an answer of a provider in a protocol; `head` is shared by all of OpenAI's chunks."""
    if protocol == PREDICT:
        return _Plain()
    return _Relay(chat) if kind == "openai" else _Chunks(chat, head)


def blocked(where: str) -> PredictionFailed:
    """The error of an answer that was stopped before it said anything."""
    return PredictionFailed(
        f"{where} gave no answer, because of what the input or the answer says",
        details={"finish_reason": "content_filter"},
    )


def usage_facts(usage: Usage) -> dict[str, Any]:
    """Usage as it is told with a prediction."""
    facts: dict[str, Any] = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    return facts if usage.cost is None else {**facts, "cost": usage.cost}


class _Plain:
    """The events of `predict`."""

    def piece(self, piece: Piece, data: bytes) -> bytes:  # noqa: ARG002 - others pass it on
        """An event for the text of a piece."""
        return event(_encode({"delta": piece.text})) if piece.text else b""

    def end(self, finish_reason: str, usage: Usage) -> bytes:
        """The event that tells the usage."""
        facts = {"done": True, "finish_reason": finish_reason or STOP, "usage": usage_facts(usage)}
        return event(_encode(facts))


class _Chunks:
    """OpenAI's chunks, of another provider's pieces."""

    def __init__(self, chat: Chat, head: dict[str, Any]) -> None:
        self._asked_usage, self._head = chat.include_usage, head
        self._begun = False

    def piece(self, piece: Piece, data: bytes) -> bytes:  # noqa: ARG002 - others pass it on
        """A chunk for the text of a piece; the first one names the role."""
        if not piece.text:
            return b""
        role = {} if self._begun else {"role": "assistant"}
        self._begun = True
        return event(_encode(chunk_body(self._head, {**role, "content": piece.text})))

    def end(self, finish_reason: str, usage: Usage) -> bytes:
        """The chunk with the finish reason, the usage if it was asked for, and the end."""
        role = {} if self._begun else {"role": "assistant", "content": ""}
        parts = [event(_encode(chunk_body(self._head, role, finish_reason or STOP)))]
        if self._asked_usage:
            parts.append(event(_encode(usage_chunk(self._head, usage.input_tokens, usage.output_tokens))))
        return b"".join((*parts, event(DONE)))


class _Relay:
    """OpenAI's own chunks; the one that tells the usage only where it was asked for."""

    def __init__(self, chat: Chat) -> None:
        self._asked_usage = chat.include_usage

    def piece(self, piece: Piece, data: bytes) -> bytes:
        """The chunk as it came; `[DONE]` waits for the end."""
        if piece.ended or not data or (not self._asked_usage and piece.is_usage_alone):
            return b""
        return event(data)

    def end(self, finish_reason: str, usage: Usage) -> bytes:  # noqa: ARG002 - the chunks told them
        """The end."""
        return event(DONE)
