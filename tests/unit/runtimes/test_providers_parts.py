"""The parts behind providers: server-sent events in any pieces, refusals in any words, and answers of any form."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import anthropic.types.message_create_params as anthropic_request
import openai.types.chat.completion_create_params as openai_request
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.chat import chat_of, prepared
from modelyard.domain.provider import provider_of
from modelyard.errors import InvalidInput, Overloaded, PredictionFailed, TimedOut
from modelyard.runtimes.backend import BackendLost
from modelyard.runtimes.providers import DIALECTS
from modelyard.runtimes.providers import client as client_module
from modelyard.runtimes.providers.anthropic import SAMPLING
from modelyard.runtimes.providers.client import Client, Reply
from modelyard.runtimes.providers.events import LARGEST_EVENT, Event, EventReader, event
from modelyard.runtimes.providers.faults import Source, fault_of, told_fault
from modelyard.runtimes.providers.reading import readable

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SOURCE = Source(where="gemini", variables=("GEMINI_API_KEY",), recorded=("temperature", "top_k"))
TEXT = (
    "\ufeffdata: a\n\nevent: x\r\ndata:b\r\ndata: c\r\n\r\n: comment\rdata\rid: 7\r\r"
    "event: lost\n\ndata: é\n\ndata: half"
)
EVENTS = [Event("", b"a"), Event("x", b"b\nc"), Event("", b""), Event("", "é".encode())]


@given(st.lists(st.integers(0, len(TEXT.encode())), max_size=30))
def test_events_are_the_same_however_they_are_cut(cuts):
    data, reader = TEXT.encode(), EventReader()
    found: list[Event] = []
    places = [0, *sorted(cuts), len(data)]
    for start, end in pairwise(places):
        found += reader.feed(data[start:end])
    assert found == EVENTS


def test_what_is_written_is_read_again():
    assert list(EventReader().feed(event(b"{}") + event(b"1", "x"))) == [Event("", b"{}"), Event("x", b"1")]


def test_an_event_that_never_ends_is_given_up():
    reader, line = EventReader(), b"data: " + b"x" * (LARGEST_EVENT // 2) + b"\n"
    assert len(list(reader.feed(line + b"\n"))) == 1
    assert list(reader.feed(line)) == []
    with pytest.raises(PredictionFailed, match="more than"):
        list(reader.feed(line + b"data: x\n"))


@pytest.mark.parametrize(
    ("status", "document", "error", "words"),
    [
        (400, {"error": {"message": "no such thing"}}, InvalidInput, "no such thing"),
        (413, {"message": "too long"}, InvalidInput, "too long"),
        (422, {"detail": "bad"}, InvalidInput, "bad"),
        (400, {"error": "plain"}, InvalidInput, "plain"),
        (400, "text", InvalidInput, "text"),
        (400, {"error": {"message": "generation_config.temperature is wrong"}}, PredictionFailed, "temperature"),
        (400, {"error": {"message": "topK is wrong"}}, PredictionFailed, "topK"),
        (400, {"error": {"message": "x", "param": "model"}}, PredictionFailed, "x"),
        (400, {"error": {"message": "x", "param": "messages"}}, InvalidInput, "x"),
        (400, {"error": {"message": "the prompt has a temperature"}}, InvalidInput, "prompt"),
        (400, {"error": {"details": [{"reason": "API_KEY_INVALID"}, 3]}}, PredictionFailed, "the key"),
        (401, "", PredictionFailed, "the key"),
        (403, {"error": {"message": "key abc"}}, PredictionFailed, "the key"),
        (404, {"error": {"message": "no model"}}, PredictionFailed, "404: no model"),
        (304, "", PredictionFailed, "redirect"),
        (408, "", TimedOut, "time"),
        (504, "", TimedOut, "time"),
        (500, "", BackendLost, "500"),
        (503, "", BackendLost, "no words"),
        (529, {"error": {"message": "full"}}, Overloaded, "full"),
    ],
)
def test_statuses_are_errors(status, document, error, words):
    body = (
        b"" if document is None else document.encode() if isinstance(document, str) else json.dumps(document).encode()
    )
    fault = fault_of(SOURCE, Reply(status=status, headers={}, body=body))
    assert type(fault) is error
    assert words in fault.message
    assert "abc" not in str(fault)


@pytest.mark.parametrize(
    ("headers", "document", "seconds"),
    [
        ({"retry-after": "7"}, None, 7.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, None, 1.5),
        ({"retry-after": "Sun, 01 Mar 2026 12:00:30 GMT"}, None, 30.0),
        ({"retry-after": "Sun, 01 Mar 2026 12:00:30 -0000"}, None, 30.0),
        ({"retry-after": "Sun, 01 Mar 2026 11:00:00 GMT"}, None, 0.0),
        ({"retry-after": "99999999"}, None, 86_400.0),
        ({"retry-after": "-1"}, None, 0.0),
        ({"retry-after": "soon"}, None, None),
        ({"retry-after": "inf"}, None, None),
        ({}, {"error": {"details": [{"x": 1}, {"retryDelay": "31s"}]}}, 31.0),
        ({}, {"error": {"details": "none"}}, None),
        ({}, None, None),
    ],
)
def test_the_wait_is_taken_from_wherever_it_stands(headers, document, seconds):
    body = document.encode() if isinstance(document, str) else json.dumps(document).encode()
    fault = fault_of(SOURCE, Reply(status=429, headers=headers, body=body), NOW)
    assert fault.details == ({} if seconds is None else {"retry_after": seconds})


def test_errors_inside_streams_are_the_same_errors():
    for mark, error in [
        ("overloaded_error", Overloaded),
        ("authentication_error", PredictionFailed),
        ("invalid_request_error", InvalidInput),
        ("api_error", BackendLost),
    ]:
        assert type(told_fault(SOURCE, {"error": {"type": mark, "message": "x"}})) is error
    assert type(told_fault(SOURCE, None)) is BackendLost


@pytest.mark.parametrize("kind", ["openai", "anthropic", "gemini"])
@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"choices": []},
        {"choices": [{"message": {"content": 3}}]},
        {"content": 3},
        {"content": [{"type": "text"}]},
        {"candidates": [1]},
        {"candidates": [{"content": {"parts": [{"text": 1}]}}]},
        {"usageMetadata": 3},
    ],
)
def test_answers_of_another_form_are_failures_of_the_provider(kind, document):
    with pytest.raises(PredictionFailed, match="not an answer"), readable(kind):
        DIALECTS[kind].completion(document)


def test_thoughts_and_caches_count_and_are_not_told():
    parts = [{"text": "hm", "thought": True}, {"text": "yes"}]
    usage = {"promptTokenCount": 2, "candidatesTokenCount": 1, "thoughtsTokenCount": 5}
    candidate = {"content": {"parts": parts}, "finishReason": "SAFETY"}
    gemini = DIALECTS["gemini"].completion({"candidates": [candidate], "usageMetadata": usage})
    assert (gemini.text, gemini.finish_reason, gemini.output_tokens) == ("yes", "content_filter", 6)
    blocks = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "yes"}]
    told = {"input_tokens": 2, "cache_read_input_tokens": 3, "cache_creation_input_tokens": None, "output_tokens": -1}
    claude = DIALECTS["anthropic"].completion({"content": blocks, "usage": told, "stop_reason": "max_tokens"})
    assert (claude.text, claude.finish_reason, claude.input_tokens, claude.output_tokens) == ("yes", "length", 5, 0)


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("openai", set(openai_request.CompletionCreateParamsBase.__annotations__) | {"stream"}),
        ("anthropic", set(anthropic_request.MessageCreateParamsBase.__annotations__) | {"stream"} | SAMPLING),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_requests_have_members_that_the_providers_own_libraries_know(kind, known, stream):
    body: dict[str, Any] = {"messages": [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]}
    body |= {"temperature": 1, "top_p": 1, "max_tokens": 1, "stop": "x"}
    provider = provider_of({"kind": kind, "model": "m"})
    asked = DIALECTS[kind].body(provider, prepared(provider, chat_of(body), templated=False), stream=stream)
    assert set(asked) <= known


def test_an_answer_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr(client_module, "LARGEST_ANSWER", 10)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + b"x" * 11)
        await writer.drain()
        writer.close()

    async def act() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        client = Client("the server", {})
        client.open()
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        try:
            with pytest.raises(PredictionFailed, match="more than 10 bytes"):
                await client.ask("GET", url, None, timeout_s=10)
        finally:
            await client.close()
            server.close()

    asyncio.run(act())
