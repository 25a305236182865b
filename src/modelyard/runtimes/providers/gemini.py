"""Google's Gemini.

`POST {base}/v1beta/models/MODEL:generateContent`, and `:streamGenerateContent?alt=sse` for a stream, whose events are
whole answers with a part of the text each; the last one has a finish reason, and the usage grows from one to the next.
Thoughts are no part of the text, and their tokens count as output. A prompt that is blocked gets no candidate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from modelyard.domain.chat import FILTERED, LENGTH, STOP, TOOLS, Chat, Completion, Piece, split_system
from modelyard.domain.provider import Provider
from modelyard.runtimes.providers.reading import Unreadable, count, mapping, sequence, text

_REASONS: Mapping[str, str] = {
    "STOP": STOP,
    "MAX_TOKENS": LENGTH,
    "MALFORMED_FUNCTION_CALL": TOOLS,
    "UNEXPECTED_TOOL_CALL": TOOLS,
    "TOO_MANY_TOOL_CALLS": TOOLS,
}
"""All others tell that the answer was stopped for what it says."""
_NAMES: Mapping[str, str] = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "max_tokens": "maxOutputTokens",
    "stop": "stopSequences",
    "seed": "seed",
    "frequency_penalty": "frequencyPenalty",
    "presence_penalty": "presencePenalty",
}
_ROLES = {"assistant": "model", "user": "user"}


class Gemini:
    """How Gemini is asked, and what its answers mean."""

    kind = "gemini"

    def headers(self, key: str) -> dict[str, str]:
        """The headers of every request."""
        return {"x-goog-api-key": key}

    def version(self, _body: Mapping[str, Any]) -> dict[str, str]:
        """The headers that tell the version of the interface that a request is in."""
        return {}

    def path(self, model: str, *, stream: bool) -> str:
        """Where a request goes, behind the address of the provider."""
        return f"{self.look_up(model)}:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}"

    def look_up(self, model: str) -> str:
        """Where the provider tells about a model, which costs nothing."""
        whole = model if model.startswith(("models/", "tunedModels/")) else f"models/{model}"
        return f"/v1beta/{quote(whole)}"

    def body(self, provider: Provider, chat: Chat, *, stream: bool) -> dict[str, Any]:  # noqa: ARG002 - the path tells
        """The request of a chat."""
        system, messages = split_system(chat.messages)
        extra = dict(provider.extra)
        configuration = {**extra.pop("generationConfig", {})}
        configuration |= {_NAMES[name]: value for name, value in chat.parameters.items()}
        contents = [{"role": _ROLES[message.role], "parts": [{"text": message.text}]} for message in messages]
        whole = {**extra, "contents": contents}
        if system:
            whole["systemInstruction"] = {"parts": [{"text": system}]}
        if configuration:
            whole["generationConfig"] = configuration
        return whole

    def completion(self, document: Any) -> Completion:
        """What an answer says; raises Unreadable."""
        said, reason = _candidate(mapping(document))
        usage = mapping(document.get("usageMetadata") or {})
        return Completion(
            text=said,
            finish_reason=reason or STOP,
            input_tokens=count(usage.get("promptTokenCount")),
            output_tokens=_output_tokens(usage),
            id=text(document.get("responseId") or ""),
            model=text(document.get("modelVersion") or ""),
        )

    def piece(self, document: Mapping[str, Any]) -> Piece:
        """What an event of a stream says; raises Unreadable."""
        said, reason = _candidate(document)
        usage = document.get("usageMetadata")
        told = mapping(usage) if usage else {}
        return Piece(
            text=said,
            finish_reason=reason,
            input_tokens=count(told.get("promptTokenCount")) if told else None,
            output_tokens=_output_tokens(told) if told else None,
            ended=bool(reason),
        )


def _candidate(document: Mapping[str, Any]) -> tuple[str, str]:
    """The text of the first candidate, and why it ends; the reason is empty while it does not."""
    candidates = sequence(document.get("candidates") or [])
    if not candidates:
        return "", _reason_for_none(document)
    candidate = mapping(candidates[0])
    content = mapping(candidate.get("content") or {})
    parts = [mapping(part) for part in sequence(content.get("parts") or [])]
    said = "".join(text(part.get("text") or "") for part in parts if not part.get("thought"))
    reason = text(candidate.get("finishReason") or "")
    return said, _REASONS.get(reason, FILTERED) if reason else ""


def _reason_for_none(document: Mapping[str, Any]) -> str:
    """Why there is no candidate: a prompt that is blocked, or an event of a stream that tells the usage only."""
    if mapping(document.get("promptFeedback") or {}).get("blockReason"):
        return FILTERED
    if "usageMetadata" in document:
        return ""
    raise Unreadable


def _output_tokens(usage: Mapping[str, Any]) -> int:
    return count(usage.get("candidatesTokenCount")) + count(usage.get("thoughtsTokenCount"))
