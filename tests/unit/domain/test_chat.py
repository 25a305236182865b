"""Chats: read from callers, completed by the version, and told in OpenAI's form."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.domain.chat import (
    MOST_MESSAGES,
    Chat,
    Completion,
    Message,
    chat_of,
    chunk_body,
    completion_body,
    prepared,
    question_of,
    split_system,
    usage_chunk,
)
from modelyard.domain.prompt import prompt_of
from modelyard.domain.provider import Provider, provider_of
from modelyard.errors import InvalidInput

USER = {"role": "user", "content": "hello"}


def asked(**more: Any) -> dict[str, Any]:
    """OpenAI's request."""
    return {"model": "any", "messages": [USER], **more}


def provider(kind: str = "gemini", **more: Any) -> Provider:
    """A version's provider."""
    return provider_of({"kind": kind, "model": "m", **more})


def test_openais_request_is_read():
    chat = chat_of(
        asked(
            temperature=1,
            max_tokens=5,
            stop="a",
            top_p=None,
            stream=True,
            stream_options={"include_usage": True},
            tools=[],
        )
    )
    assert chat.messages == (Message(role="user", text="hello", raw=USER),)
    assert chat.parameters == {"temperature": 1.0, "max_tokens": 5, "stop": ["a"]}
    assert (chat.options, chat.stream, chat.include_usage) == ({"tools": []}, True, True)
    assert chat_of(asked(max_tokens=5, max_completion_tokens=7)).parameters == {"max_tokens": 7}


@pytest.mark.parametrize(
    ("message", "role", "text"),
    [
        ({"role": "developer", "content": "a"}, "system", "a"),
        ({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "user", "ab"),
        ({"role": "user", "content": [{"type": "image_url"}]}, "user", None),
        ({"role": "user", "content": [{"type": "text", "text": 1}]}, "user", None),
        ({"role": "assistant", "content": None, "tool_calls": [{}]}, "assistant", None),
        ({"role": "assistant", "content": "a", "tool_calls": [{}]}, "assistant", None),
        (
            {"role": "assistant", "content": [{"type": "text", "text": "a"}], "function_call": {"a": 1}},
            "assistant",
            None,
        ),
        ({"role": "tool", "content": "4"}, "tool", "4"),
    ],
)
def test_messages_are_text_or_only_openais(message, role, text):
    (read,) = chat_of({"messages": [message]}).messages
    assert (read.role, read.text, read.raw) == (role, text, message)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"messages": "hello"},
        {"messages": []},
        {"messages": [USER] * (MOST_MESSAGES + 1)},
        {"messages": ["hello"]},
        {"messages": [{"role": ["user"], "content": "a"}]},
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "user", "content": []}]},
        {"messages": [{"role": "user", "content": ["a"]}]},
        asked(stream="yes"),
        asked(stream_options={"include_usage": 1}),
        asked(temperature=9),
        asked(max_completion_tokens="many"),
    ],
)
def test_what_is_no_request_is_the_callers_mistake(body):
    with pytest.raises(InvalidInput):
        chat_of(body)


def test_stream_options_of_another_form_ask_for_nothing():
    assert not chat_of(asked(stream_options="all")).include_usage


def test_a_prediction_is_a_text_fields_or_messages():
    prompt = prompt_of("Say {input}")
    assert question_of({"input": "x"}, None).messages == (Message(role="user", text="x"),)
    assert question_of({"input": "x", "stream": True}, prompt) == Chat(
        messages=(Message(role="user", text="Say x"),), stream=True
    )
    assert question_of({"input": {"input": "x", "other": 1}}, prompt).messages[0].text == "Say x"
    assert question_of({"messages": [USER]}, prompt).messages == (Message(role="user", text="Say hello"),)


@pytest.mark.parametrize(
    "body", [None, {}, {"input": "a", "messages": [USER]}, {"input": 1}, {"input": "  "}, {"input": {"a": 1}}]
)
def test_what_is_no_question_is_the_callers_mistake(body):
    for prompt in (None, prompt_of("Say {input}")):
        with pytest.raises(InvalidInput):
            question_of(body, prompt)


def test_the_versions_system_and_prompt_come_first_and_its_parameters_give_way():
    record: dict[str, Any] = {
        "parameters": {"system": "Be kind", "temperature": 1, "max_tokens": 3},
        "prompt": [{"role": "system", "content": "Shout"}, {"role": "user", "content": "<{input}>"}],
    }
    messages = [{"role": "system", "content": "own"}, USER, {"role": "assistant", "content": "yes"}]
    chat = prepared(provider(**record), chat_of({"messages": messages, "temperature": 0}), templated=False)
    assert [(one.role, one.text) for one in chat.messages] == [
        ("system", "Be kind"),
        ("system", "Shout"),
        ("system", "own"),
        ("user", "<hello>"),
        ("assistant", "yes"),
    ]
    assert chat.parameters == {"temperature": 0.0, "max_tokens": 3}
    again = prepared(provider(**record), question_of({"input": "x"}, prompt_of(record["prompt"])), templated=True)
    assert [one.text for one in again.messages] == ["Be kind", "Shout", "<x>"]


@pytest.mark.parametrize(
    "messages",
    [[{"role": "system", "content": "a"}], [{"role": "user", "content": [{"type": "image_url"}]}]],
)
def test_a_prompt_needs_a_text_of_the_user(messages):
    with pytest.raises(InvalidInput, match="needs a text"):
        prepared(provider("openai", prompt="{input}"), chat_of({"messages": messages}), templated=False)


def test_a_prompt_with_other_fields_cannot_be_filled_by_a_chat():
    with pytest.raises(InvalidInput, match="'language'"):
        prepared(provider(prompt="{language}: {input}"), chat_of(asked()), templated=False)


@pytest.mark.parametrize(
    "body",
    [
        asked(tools=[{"type": "function"}]),
        asked(n=2),
        asked(logprobs=True),
        asked(response_format={"type": "json_object"}),
        {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
        {"messages": [USER, {"role": "tool", "content": "4"}]},
    ],
)
def test_what_only_openai_knows_is_refused_elsewhere(body):
    chat = chat_of(body)
    with pytest.raises(InvalidInput, match="gemini"):
        prepared(provider(), chat, templated=False)
    assert prepared(provider("openai"), chat, templated=False).messages == chat.messages


def test_what_changes_nothing_of_the_answer_is_let_through():
    harmless = asked(n=1, user="u", metadata={"a": "b"}, tools=[], logprobs=False, response_format={"type": "text"})
    assert prepared(provider(), chat_of(harmless), templated=False).messages[0].text == "hello"


def test_parameters_that_a_provider_does_not_have_are_refused():
    with pytest.raises(InvalidInput, match="anthropic, which has no seed"):
        prepared(provider("anthropic"), chat_of(asked(seed=1)), templated=False)


def test_system_texts_are_taken_apart():
    messages = [Message(role="system", text="a"), Message(role="user", text="u"), Message(role="system", text="b")]
    assert split_system(messages) == ("a\n\nb", [messages[1]])
    with pytest.raises(InvalidInput, match="of the user"):
        split_system(messages[:1])


def test_answers_are_told_in_openais_form():
    completion = Completion(text="hi", finish_reason="stop", input_tokens=1, output_tokens=2, id="x", model="m")
    whole = completion_body(completion, created=7)
    assert (whole["object"], whole["created"], whole["usage"]["total_tokens"]) == ("chat.completion", 7, 3)
    assert whole["choices"][0]["message"] == {"role": "assistant", "content": "hi", "refusal": None}
    head = {"id": "x", "created": 7, "model": "m"}
    assert chunk_body(head, {"content": "h"})["choices"][0]["finish_reason"] is None
    assert chunk_body(head, {}, "stop")["choices"][0] == {
        "index": 0,
        "delta": {},
        "logprobs": None,
        "finish_reason": "stop",
    }
    assert usage_chunk(head, 1, 2)["choices"] == []
