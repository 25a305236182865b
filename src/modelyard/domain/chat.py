"""Chats in one form for all providers, and OpenAI's form of them, in which callers speak.

Rules
1. A chat comes as OpenAI's request of chat completions, as `{"input": …}`, or as `{"messages": […]}`. Its `model` is
   not read here: the endpoint has decided which version answers.
2. What the version records comes first: its `system` text, then the messages of its prompt before the last. The last
   message of the prompt takes the place of the caller's last message as a user, whose text fills the field `input`.
3. A parameter that the caller gives wins over the version's.
4. OpenAI's members that are not common to all providers are passed on to OpenAI, and refused for the others rather than
   left out in silence; those that change nothing of the answer are left out.
5. Answers have OpenAI's finish reasons: stop, length, content_filter, tool_calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from modelyard.domain.names import shown
from modelyard.domain.parameters import CHECKS, OPENAI, PARAMETERS
from modelyard.domain.prompt import INPUT, Prompt
from modelyard.domain.provider import Provider
from modelyard.errors import InvalidInput, InvalidMetadata

STOP, LENGTH, FILTERED, TOOLS = "stop", "length", "content_filter", "tool_calls"
MOST_MESSAGES = 10_000

_ROLES: Final = {"developer": "system", **{role: role for role in ("system", "user", "assistant", "tool", "function")}}
_COMMON: Final = ("temperature", "top_p", "max_tokens", "stop", "seed", "frequency_penalty", "presence_penalty")
_READ: Final = frozenset({"model", "messages", "stream", "stream_options", "max_completion_tokens", *_COMMON})
_HARMLESS: Final = frozenset(
    {"user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"}
)
"""Members that change nothing of the answer."""
_DEFAULTS: Final[Mapping[str, Any]] = {"n": 1, "response_format": {"type": "text"}, "tool_choice": "none"}
_HINT: Final = 'send {"messages": [{"role": "user", "content": "…"}]}'


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message; `text` is None where its content is not text alone, and `raw` is OpenAI's form, if it came so."""

    role: str
    text: str | None
    raw: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Chat:
    """What is asked of an LLM."""

    messages: tuple[Message, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """By their common names; see `modelyard.domain.parameters`."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Members of OpenAI's request that other providers do not share."""
    stream: bool = False
    include_usage: bool = False
    """Whether a stream of chunks ends with one that tells the usage."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """What an LLM answered."""

    text: str
    finish_reason: str
    input_tokens: int = 0
    output_tokens: int = 0
    id: str = ""
    model: str = ""
    """The model that answered, as the provider names it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Part of an answer that comes as a stream; what a part does not tell is None or empty."""

    text: str = ""
    finish_reason: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    ended: bool = False
    """Whether the provider says that the answer is whole."""
    is_usage_alone: bool = False
    """Whether it is OpenAI's chunk that has the usage and no choices."""


def chat_of(body: object) -> Chat:
    """The chat of OpenAI's request.

    Raises:
        InvalidInput: the request is not of that form.
    """
    if not isinstance(body, Mapping):
        raise InvalidInput(f"the request is {shown(body)}, not an object", hint=_HINT)
    options = body.get("stream_options") or {}
    rest = {name: item for name, item in body.items() if name not in _READ and item is not None}
    return Chat(
        messages=_messages(body.get("messages")),
        parameters=_parameters(body),
        options=rest,
        stream=_flag("stream", body.get("stream")),
        include_usage=isinstance(options, Mapping) and _flag("include_usage", options.get("include_usage")),
    )


def question_of(body: object, prompt: Prompt | None) -> Chat:
    """The chat of a prediction: `{"input": text}`, `{"input": {field: value}}` or `{"messages": […]}`.

    Raises:
        InvalidInput: it is none of these, or the fields of the prompt are not filled.
    """
    if not isinstance(body, Mapping) or (INPUT in body) == ("messages" in body):
        raise InvalidInput(
            "the body has neither input nor messages, or both", hint='send {"input": "…"} or {"messages": […]}'
        )
    stream = _flag("stream", body.get("stream"))
    if "messages" in body:
        return _with_prompt(Chat(messages=_messages(body["messages"]), stream=stream), prompt)
    given = body[INPUT]
    if prompt is not None:
        filled = prompt.fill(given if isinstance(given, Mapping) else {INPUT: _text_input(given)})
        return Chat(messages=tuple(Message(role=role, text=text) for role, text in filled), stream=stream)
    if isinstance(given, Mapping):
        raise InvalidInput(
            "the input is an object, and the version has no prompt whose fields it could fill",
            hint="send a text, or messages",
        )
    return Chat(messages=(Message(role="user", text=_text_input(given)),), stream=stream)


def prepared(provider: Provider, chat: Chat, *, templated: bool) -> Chat:
    """The chat as the provider is asked: with what the version records; see rules 2 and 3.

    Args:
        provider: what the version records.
        chat: what the caller asks.
        templated: whether the prompt is in the messages already.

    Raises:
        InvalidInput: the prompt needs fields or a text that a chat does not give, or the provider cannot be asked so.
    """
    whole = chat if templated else _with_prompt(chat, provider.prompt)
    system = (Message(role="system", text=provider.system),) if provider.system else ()
    whole = replace(whole, messages=(*system, *whole.messages), parameters={**provider.parameters, **whole.parameters})
    return whole if provider.kind == OPENAI else _plain(provider.kind, whole)


def split_system(messages: Sequence[Message]) -> tuple[str, list[Message]]:
    """The system texts as one, and the other messages, for providers that take them apart.

    Raises:
        InvalidInput: nothing but system texts is there.
    """
    system = "\n\n".join(message.text or "" for message in messages if message.role == "system")
    others = [message for message in messages if message.role != "system"]
    if not others:
        raise InvalidInput("no message is of the user", hint=_HINT)
    return system, others


def completion_body(completion: Completion, *, created: int) -> dict[str, Any]:
    """OpenAI's chat completion object of an answer; `created` is in seconds since 1970."""
    message = {"role": "assistant", "content": completion.text, "refusal": None}
    return {
        "id": completion.id,
        "object": "chat.completion",
        "created": created,
        "model": completion.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": completion.finish_reason}],
        "usage": usage_body(completion.input_tokens, completion.output_tokens),
    }


def chunk_body(head: Mapping[str, Any], delta: Mapping[str, Any], finish_reason: str = "") -> dict[str, Any]:
    """OpenAI's chunk of a stream; `head` has the members `id`, `created` and `model` that all chunks share."""
    choice = {"index": 0, "delta": dict(delta), "logprobs": None, "finish_reason": finish_reason or None}
    return {**head, "object": "chat.completion.chunk", "choices": [choice]}


def usage_chunk(head: Mapping[str, Any], input_tokens: int, output_tokens: int) -> dict[str, Any]:
    """OpenAI's last chunk, which tells the usage and has no choices."""
    usage = usage_body(input_tokens, output_tokens)
    return {**head, "object": "chat.completion.chunk", "choices": [], "usage": usage}


def usage_body(input_tokens: int, output_tokens: int) -> dict[str, int]:
    """Usage in OpenAI's words."""
    return {
        "prompt_tokens": input_tokens,
        "completion_tokens": output_tokens,
        "total_tokens": input_tokens + output_tokens,
    }


def _with_prompt(chat: Chat, prompt: Prompt | None) -> Chat:
    if prompt is None:
        return chat
    last = max((index for index, message in enumerate(chat.messages) if message.role == "user"), default=None)
    if last is None or chat.messages[last].text is None:
        raise InvalidInput("the version's prompt needs a text of the user, and no message has one", hint=_HINT)
    *front, (_role, asked) = prompt.fill({INPUT: chat.messages[last].text})
    before = tuple(Message(role=role, text=text) for role, text in front)
    replaced = (*chat.messages[:last], Message(role="user", text=asked), *chat.messages[last + 1 :])
    return replace(chat, messages=(*before, *replaced))


def _plain(kind: str, chat: Chat) -> Chat:
    """Refuse what only OpenAI's form can say."""
    for name, value in chat.options.items():
        if name not in _HARMLESS and value not in (False, [], {}, "") and _DEFAULTS.get(name) != value:
            raise InvalidInput(
                f"the version is served by {kind}, which cannot be asked for {shown(name)}",
                hint="leave it out, or ask a version that OpenAI serves",
            )
    for name in chat.parameters:
        if name not in PARAMETERS[kind]:
            raise InvalidInput(f"the version is served by {kind}, which has no {name}", hint="leave it out")
    for message in chat.messages:
        if message.text is None or message.role not in ("system", "user", "assistant"):
            raise InvalidInput(
                f"the version is served by {kind}, which takes texts only, and a message of the role "
                f"{message.role} has something else",
                hint="send texts of system, user and assistant, or ask a version that OpenAI serves",
            )
    return chat


def _messages(value: object) -> tuple[Message, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes) or not value:
        raise InvalidInput(f"messages is {shown(value)}", hint=_HINT)
    if len(value) > MOST_MESSAGES:
        raise InvalidInput(f"there are {len(value):,} messages", hint=f"send {MOST_MESSAGES:,} at most")
    return tuple(_message(index, item) for index, item in enumerate(value))


def _message(index: int, value: object) -> Message:
    if not isinstance(value, Mapping):
        raise InvalidInput(f"messages[{index}] is {shown(value)}", hint=_HINT)
    role = value.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise InvalidInput(f"messages[{index}] has the role {shown(role)}", hint=f"roles are {', '.join(_ROLES)}")
    return Message(role=_ROLES[role], text=_text_of(index, value), raw=value)


def _text_of(index: int, value: Mapping[str, Any]) -> str | None:
    """The text of a message, None where it is not text alone."""
    content = value.get("content")
    if value.get("tool_calls") or value.get("function_call"):
        return None
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not content or not all(isinstance(part, Mapping) for part in content):
        raise InvalidInput(f"messages[{index}] has the content {shown(content)}", hint=_HINT)
    texts = [part.get("text") if part.get("type") == "text" else None for part in content]
    plain = [text for text in texts if isinstance(text, str)]
    return "".join(plain) if len(plain) == len(content) else None


def _parameters(body: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: body[name] for name in _COMMON if body.get(name) is not None}
    if body.get("max_completion_tokens") is not None:
        given["max_tokens"] = body["max_completion_tokens"]
    try:
        return {name: CHECKS[name](name, value) for name, value in given.items()}
    except InvalidMetadata as error:
        raise InvalidInput(error.message, hint=error.hint) from None


def _flag(name: str, value: object) -> bool:
    if value is not None and not isinstance(value, bool):
        raise InvalidInput(f"{name} is {shown(value)}", hint="give true or false")
    return bool(value)


def _text_input(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"the input is {shown(value)}", hint="send a text that is not blank")
    return value
