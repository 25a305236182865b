"""OpenAI's chat completions, which many other servers speak too.

`POST {base}/chat/completions`; a stream is chunks as server-sent events and ends with `data: [DONE]`. Its usage comes
in a chunk without choices, if `stream_options.include_usage` asks for it: it always does here, and the chunk is left
out where the caller did not ask. `max_tokens` is sent as `max_completion_tokens`, the name that present models take.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from modelyard.domain.chat import STOP, Chat, Completion, Message, Piece
from modelyard.domain.provider import Provider
from modelyard.runtimes.providers.reading import count, first, mapping, sequence, text


class OpenAI:
    """How OpenAI is asked, and what its answers mean."""

    kind = "openai"

    def headers(self, key: str) -> dict[str, str]:
        """The headers of every request."""
        return {"Authorization": f"Bearer {key}"}

    def version(self, _body: Mapping[str, Any]) -> dict[str, str]:
        """The headers that tell the version of the interface that a request is in."""
        return {}

    def path(self, _model: str, *, stream: bool) -> str:  # noqa: ARG002 - other providers have two addresses
        """Where a request goes, behind the address of the provider."""
        return "/chat/completions"

    def look_up(self, model: str) -> str:
        """Where the provider tells about a model, which costs nothing."""
        return f"/models/{quote(model, safe='')}"

    def body(self, provider: Provider, chat: Chat, *, stream: bool) -> dict[str, Any]:
        """The request of a chat."""
        given = dict(chat.parameters)
        if "max_tokens" in given:
            given["max_completion_tokens"] = given.pop("max_tokens")
        messages = [_message(message) for message in chat.messages]
        whole = {**provider.extra, **chat.options, **given, "model": provider.model, "messages": messages}
        return {**whole, "stream": True, "stream_options": {"include_usage": True}} if stream else whole

    def completion(self, document: Any) -> Completion:
        """What an answer says; raises Unreadable."""
        choice = mapping(first(mapping(document)["choices"]))
        usage = mapping(document.get("usage") or {})
        return Completion(
            text=text(mapping(choice["message"]).get("content") or ""),
            finish_reason=text(choice.get("finish_reason") or STOP),
            input_tokens=count(usage.get("prompt_tokens")),
            output_tokens=count(usage.get("completion_tokens")),
            id=text(document.get("id") or ""),
            model=text(document.get("model") or ""),
        )

    def piece(self, document: Mapping[str, Any]) -> Piece:
        """What an event of a stream says; raises Unreadable."""
        usage = document.get("usage")
        told = mapping(usage) if usage else {}
        choices = sequence(document.get("choices") or [])
        choice: Mapping[str, Any] = mapping(choices[0]) if choices else {}
        return Piece(
            text=text(mapping(choice.get("delta") or {}).get("content") or ""),
            finish_reason=text(choice.get("finish_reason") or ""),
            input_tokens=count(told.get("prompt_tokens")) if told else None,
            output_tokens=count(told.get("completion_tokens")) if told else None,
            is_usage_alone=bool(told) and not choices,
        )


def _message(message: Message) -> Mapping[str, Any]:
    return message.raw if message.raw is not None else {"role": message.role, "content": message.text}
