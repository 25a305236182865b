"""Anthropic's messages.

`POST {base}/v1/messages`. System texts stand apart from the messages, and `max_tokens` has to be given. The interface
has versions, and the present one has no sampling parameters any more; a request with one of them goes by the version
before, under which models that take them still do.

A stream is the events message_start, content_block_delta, message_delta and message_stop; its usage comes in the first
and is completed by message_delta. Tokens that were read from or written to a cache are told apart, and count as input
here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from modelyard.domain.chat import FILTERED, LENGTH, STOP, TOOLS, Chat, Completion, Piece, split_system
from modelyard.domain.provider import Provider
from modelyard.runtimes.providers.reading import count, mapping, sequence, text

VERSION = "2026-10-21"
VERSION_WITH_SAMPLING = "2023-06-01"
SAMPLING = frozenset({"temperature", "top_p", "top_k"})
USUAL_MAX_TOKENS = 4096
"""Sent where neither the version nor the caller limits the answer."""

_REASONS: Mapping[str, str] = {
    "end_turn": STOP,
    "stop_sequence": STOP,
    "pause_turn": STOP,
    "max_tokens": LENGTH,
    "model_context_window_exceeded": LENGTH,
    "tool_use": TOOLS,
    "refusal": FILTERED,
}
_NAMES: Mapping[str, str] = {"stop": "stop_sequences"}


class Anthropic:
    """How Anthropic is asked, and what its answers mean."""

    kind = "anthropic"

    def headers(self, key: str) -> dict[str, str]:
        """The headers of every request."""
        return {"x-api-key": key}

    def version(self, body: Mapping[str, Any]) -> dict[str, str]:
        """The headers that tell the version of the interface that a request is in."""
        return {"anthropic-version": VERSION_WITH_SAMPLING if SAMPLING & set(body) else VERSION}

    def path(self, _model: str, *, stream: bool) -> str:  # noqa: ARG002 - other providers have two addresses
        """Where a request goes, behind the address of the provider."""
        return "/v1/messages"

    def look_up(self, model: str) -> str:
        """Where the provider tells about a model, which costs nothing."""
        return f"/v1/models/{quote(model, safe='')}"

    def body(self, provider: Provider, chat: Chat, *, stream: bool) -> dict[str, Any]:
        """The request of a chat."""
        system, messages = split_system(chat.messages)
        given = {_NAMES.get(name, name): value for name, value in chat.parameters.items()}
        whole = {
            "max_tokens": USUAL_MAX_TOKENS,
            **provider.extra,
            **given,
            "model": provider.model,
            "messages": [{"role": message.role, "content": message.text} for message in messages],
        }
        if system:
            whole["system"] = system
        return {**whole, "stream": True} if stream else whole

    def completion(self, document: Any) -> Completion:
        """What an answer says; raises Unreadable."""
        blocks = [mapping(block) for block in sequence(mapping(document)["content"])]
        usage = mapping(document.get("usage") or {})
        return Completion(
            text="".join(text(block["text"]) for block in blocks if block.get("type") == "text"),
            finish_reason=_reason(document.get("stop_reason")),
            input_tokens=_input_tokens(usage),
            output_tokens=count(usage.get("output_tokens")),
            id=text(document.get("id") or ""),
            model=text(document.get("model") or ""),
        )

    def piece(self, document: Mapping[str, Any]) -> Piece:
        """What an event of a stream says; raises Unreadable."""
        kind = document.get("type")
        if kind == "message_start":
            usage = mapping(mapping(document["message"]).get("usage") or {})
            return Piece(input_tokens=_input_tokens(usage), output_tokens=count(usage.get("output_tokens")))
        if kind == "content_block_delta":
            delta = mapping(document["delta"])
            return Piece(text=text(delta["text"]) if delta.get("type") == "text_delta" else "")
        if kind == "message_delta":
            usage = mapping(document.get("usage") or {})
            return Piece(
                finish_reason=_reason(mapping(document["delta"]).get("stop_reason")),
                input_tokens=_input_tokens(usage) if usage.get("input_tokens") is not None else None,
                output_tokens=count(usage.get("output_tokens")),
            )
        return Piece(ended=kind == "message_stop")


def _input_tokens(usage: Mapping[str, Any]) -> int:
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return sum(count(usage.get(name)) for name in names)


def _reason(value: object) -> str:
    return _REASONS.get(value, STOP) if isinstance(value, str) else STOP
