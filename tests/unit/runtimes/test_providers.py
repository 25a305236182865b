"""LLMs of providers behind the interface of back ends, against a server that plays the three of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest

from components.llm_stub import KEY, LlmStub
from modelyard.errors import (
    InvalidInput,
    NotDeployable,
    NotServing,
    Overloaded,
    PredictionFailed,
    TimedOut,
)
from modelyard.runtimes.backend import CHAT, INFER, BackendLost, Call, Runnable, Sizing
from modelyard.runtimes.providers import open_provider

KINDS = ("openai", "anthropic", "gemini")
ASKED = {"messages": [{"role": "user", "content": "good morning"}]}
SAID = "You said: good morning"
PATIENCE = 20.0


@pytest.fixture
def stub():
    with LlmStub() as stub:
        yield stub


def ask(
    stub: LlmStub,
    provider: dict[str, Any],
    act: Callable[[Any], Awaitable[Any]],
    *,
    environ: dict[str, str] | None = None,
    example: Any = None,
) -> Any:
    """Start a version with this provider, do something with it, and close it."""
    given = {"model": "some-model", **provider}
    runnable = Runnable(version_id="mv_1", name="helper", version="1.0.0", provider=given, input_example=example)

    async def whole() -> Any:
        backend = open_provider(runnable, Sizing(), environ=stub.environ if environ is None else environ)
        await backend.start()
        try:
            return await act(backend)
        finally:
            await backend.close()

    return asyncio.run(asyncio.wait_for(whole(), PATIENCE))


def predicting(body: Any, protocol: str = "predict", timeout_s: float = 10.0) -> Callable[[Any], Awaitable[Any]]:
    """What asks for one answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda backend: backend.predict(Call(body=data, protocol=protocol, timeout_s=timeout_s))


def streaming(
    body: Any, protocol: str = "predict", timeout_s: float = 10.0, told: list[bytes] | None = None
) -> Callable[[Any], Awaitable[Any]]:
    """What asks for a stream: its pieces, which are kept in `told` too, and what it took."""

    async def act(backend: Any) -> Any:
        pieces = [] if told is None else told
        stream = backend.stream(Call(body=json.dumps(body).encode(), protocol=protocol, timeout_s=timeout_s))
        async with aclosing(stream):
            async for piece in stream:
                pieces.append(piece)
        return pieces, stream.usage

    return act


def events(pieces: list[bytes]) -> list[Any]:
    """The data of server-sent events; `[DONE]` as text."""
    found = [part.removeprefix("data: ") for part in b"".join(pieces).decode().split("\n\n") if part]
    return [part if part == "[DONE]" else json.loads(part) for part in found]


@pytest.mark.feature("REG-25")
@pytest.mark.parametrize("kind", KINDS)
def test_a_prediction_is_the_text_that_the_model_says(stub, kind):
    answer = ask(stub, {"kind": kind}, predicting({"input": "good morning"}))
    assert json.loads(answer.output) == SAID
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.cost) == (2, 4, None)
    assert stub.last.kind == kind
    assert stub.last.key == KEY


@pytest.mark.feature("REG-25")
@pytest.mark.parametrize("kind", KINDS)
def test_a_version_is_its_prompt_its_parameters_and_its_prices(stub, kind):
    provider = {
        "kind": kind,
        "prompt": [
            {"role": "system", "content": "Speak {language}."},
            {"role": "user", "content": "Greet {{politely}}: {who}"},
        ],
        "parameters": {"temperature": 0.5, "max_tokens": 7, "stop": "END", "system": "Be brief."},
        "pricing": {"input_per_million": 1_000_000, "output_per_million": 2_000_000},
    }
    answer = ask(stub, provider, predicting({"input": {"language": "Latin", "who": {"name": "{who}"}, "more": 1}}))
    assert json.loads(answer.output) == 'You said: Greet {politely}: {"name": "{who}"}'
    assert answer.usage.cost == answer.usage.input_tokens + 2 * answer.usage.output_tokens
    body = stub.last.body
    if kind == "openai":
        assert [one["content"] for one in body["messages"][:2]] == ["Be brief.", "Speak Latin."]
        assert (body["temperature"], body["max_completion_tokens"], body["stop"]) == (0.5, 7, ["END"])
    elif kind == "anthropic":
        assert body["system"] == "Be brief.\n\nSpeak Latin."
        assert (body["temperature"], body["max_tokens"], body["stop_sequences"]) == (0.5, 7, ["END"])
    else:
        assert body["systemInstruction"] == {"parts": [{"text": "Be brief.\n\nSpeak Latin."}]}
        assert body["generationConfig"] == {"temperature": 0.5, "maxOutputTokens": 7, "stopSequences": ["END"]}


@pytest.mark.parametrize("kind", KINDS)
def test_a_chat_is_answered_in_openais_form(stub, kind):
    messages = [{"role": "developer", "content": "Be kind."}, *ASKED["messages"]]
    body = {"model": "helper", "messages": messages, "temperature": 0.2, "max_tokens": 9, "user": "u1"}
    answer = ask(stub, {"kind": kind, "parameters": {"temperature": 1}}, predicting(body, CHAT))
    document = json.loads(answer.output)
    assert document["object"] == "chat.completion"
    assert document["choices"][0]["message"]["content"] == SAID
    assert document["choices"][0]["finish_reason"] == "stop"
    assert document["usage"] == {"prompt_tokens": 2, "completion_tokens": 4, "total_tokens": 6}
    assert document["id"]
    assert document["model"]
    sent = stub.last.body.get("generationConfig", stub.last.body)
    assert sent["temperature"] == 0.2
    assert stub.last.body.get("model", "some-model") == "some-model"


@pytest.mark.parametrize("kind", KINDS)
def test_a_prompt_takes_the_place_of_the_last_question_of_a_chat(stub, kind):
    messages = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "yes"},
        {"role": "user", "content": [{"type": "text", "text": "good "}, {"type": "text", "text": "morning"}]},
    ]
    answer = ask(stub, {"kind": kind, "prompt": "Shout: {input}"}, predicting({"messages": messages}, CHAT))
    assert json.loads(answer.output)["choices"][0]["message"]["content"] == "You said: Shout: good morning"
    assert "first" in json.dumps(stub.last.body)


@pytest.mark.parametrize("kind", KINDS)
def test_a_prediction_streams_its_text_and_then_what_it_took(stub, kind):
    pieces, usage = ask(stub, {"kind": kind}, streaming({"input": "good morning"}))
    told = events(pieces)
    assert "".join(one["delta"] for one in told[:-1]) == SAID
    assert len(told) > 3
    assert told[-1] == {"done": True, "finish_reason": "stop", "usage": {"input_tokens": 2, "output_tokens": 4}}
    assert (usage.input_tokens, usage.output_tokens) == (2, 4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("asks_usage", [True, False])
def test_a_chat_streams_openais_chunks(stub, kind, asks_usage):
    body = {**ASKED, "stream": True, "stream_options": {"include_usage": asks_usage}}
    pieces, usage = ask(stub, {"kind": kind}, streaming(body, CHAT))
    told = events(pieces)
    assert told.pop() == "[DONE]"
    assert ("usage" in told[-1] and bool(told[-1]["usage"])) is asks_usage
    chunks = [one for one in told if one["choices"]]
    assert "".join(one["choices"][0]["delta"].get("content", "") for one in chunks) == SAID
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert len({one["id"] for one in told}) == 1
    assert (usage.input_tokens, usage.output_tokens) == (2, 4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("mood", "error", "words"),
    [
        ("busy", Overloaded, "slow down"),
        ("overloaded", Overloaded, "overloaded"),
        ("failing", BackendLost, "something broke"),
        ("refusing", InvalidInput, "the request is wrong"),
        ("denying", PredictionFailed, "does not accept the key"),
        ("redirecting", PredictionFailed, "redirect"),
        ("hanging up", BackendLost, "broke off"),
        ("garbage", PredictionFailed, "answer"),
    ],
)
def test_what_a_provider_refuses_is_told(stub, kind, mood, error, words):
    stub.mood = mood
    for act in (predicting(ASKED), streaming(ASKED, CHAT)):
        with pytest.raises(error, match=words) as caught:
            ask(stub, {"kind": kind}, act)
        assert type(caught.value) is error
        assert KEY not in str(caught.value)
        if mood == "busy":
            assert caught.value.details["retry_after"] == 7.0
        if mood == "denying":
            assert f"{kind.upper()}_API_KEY" in caught.value.hint
    assert all(asked.path != "/elsewhere" for asked in stub.asked)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("mood", "error"), [("truncating", BackendLost), ("odd", PredictionFailed)])
def test_half_an_answer_is_none(stub, kind, mood, error):
    stub.mood = mood
    with pytest.raises(error):
        ask(stub, {"kind": kind}, predicting(ASKED))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("protocol", ["predict", CHAT])
@pytest.mark.parametrize("mood", ["cutting", "ending early", "faltering"])
def test_a_stream_that_breaks_is_an_error_and_never_done(stub, kind, protocol, mood):
    stub.mood = mood
    told: list[bytes] = []
    with pytest.raises(PredictionFailed, match="broke off"):
        ask(stub, {"kind": kind}, streaming(ASKED, protocol, told=told))
    assert told
    assert b"DONE" not in b"".join(told)
    assert b'"done"' not in b"".join(told)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mood", ["slow", "stalling"])
def test_a_provider_that_takes_too_long_is_timed_out(stub, kind, mood):
    stub.mood = mood
    act = predicting(ASKED, timeout_s=0.3) if mood == "slow" else streaming(ASKED, timeout_s=0.3)
    with pytest.raises(TimedOut):
        ask(stub, {"kind": kind}, act)


@pytest.mark.parametrize("kind", KINDS)
def test_a_blocked_answer_is_no_empty_success(stub, kind):
    stub.mood = "blocked"
    for act in (predicting(ASKED), streaming(ASKED)):
        with pytest.raises(PredictionFailed, match="no answer"):
            ask(stub, {"kind": kind}, act)
    answer = ask(stub, {"kind": kind}, predicting(ASKED, CHAT))
    assert json.loads(answer.output)["choices"][0]["finish_reason"] == "content_filter"
    pieces, _usage = ask(stub, {"kind": kind}, streaming(ASKED, CHAT))
    assert events(pieces)[-2]["choices"][0]["finish_reason"] == "content_filter"


@pytest.mark.parametrize("kind", KINDS)
def test_a_parameter_of_the_version_that_is_refused_is_no_mistake_of_the_caller(stub, kind):
    with pytest.raises(PredictionFailed, match="temperature"):
        ask(stub, {"kind": kind, "parameters": {"temperature": 1.9}}, predicting(ASKED))
    with pytest.raises(InvalidInput, match="temperature"):
        ask(stub, {"kind": kind}, predicting({**ASKED, "temperature": 1.9}, CHAT))


@pytest.mark.parametrize("kind", KINDS)
def test_without_its_key_a_version_does_not_start(stub, kind):
    for environ in ({}, {f"{kind.upper()}_API_KEY": "two words"}):
        with pytest.raises(NotDeployable, match=f"{kind.upper()}_API_KEY") as caught:
            ask(stub, {"kind": kind}, predicting(ASKED), environ=environ)
        assert caught.value.details["variable"] == f"{kind.upper()}_API_KEY"
    with pytest.raises(NotDeployable, match="BASE_URL"):
        ask(stub, {"kind": kind}, predicting(ASKED), environ={**stub.environ, f"{kind.upper()}_BASE_URL": "nowhere"})


def test_a_version_may_name_its_own_variable_and_address(stub):
    provider = {"kind": "openai", "base_url": f"{stub.origin}/openai/v1", "api_key_env": "TEAM_API_KEY"}
    answer = ask(stub, provider, predicting(ASKED), environ={"TEAM_API_KEY": KEY})
    assert json.loads(answer.output) == SAID


@pytest.mark.parametrize("kind", KINDS)
def test_a_probe_looks_the_model_up_and_asks_for_nothing_that_costs(stub, kind):
    probe = ask(stub, {"kind": kind}, lambda backend: backend.probe())
    assert probe.ok
    assert [asked.method for asked in stub.asked] == ["GET"]
    stub.mood = "denying"
    probe = ask(stub, {"kind": kind}, lambda backend: backend.probe())
    assert not probe.ok
    assert "does not accept the key" in probe.detail


def test_a_server_that_looks_up_no_models_is_alive_all_the_same(stub):
    probe = ask(stub, {"kind": "openai", "model": "unknown-model"}, lambda backend: backend.probe())
    assert (probe.ok, "looks up no models" in probe.detail) == (True, True)


def test_a_probe_with_an_example_asks_for_a_prediction(stub):
    for example in ("hi", {"input": "hi"}, {"messages": ASKED["messages"]}):
        assert ask(stub, {"kind": "gemini"}, lambda backend: backend.probe(), example=example).ok
        assert stub.last.method == "POST"
    probe = ask(stub, {"kind": "gemini", "prompt": "{who}"}, lambda backend: backend.probe(), example={"what": 1})
    assert (probe.ok, "'who'" in probe.detail) == (False, True)


def test_inputs_that_no_chat_can_be_made_of_are_the_callers_mistakes(stub):
    wrong: list[tuple[Any, str]] = [
        (b"{", "predict"),
        ([], "predict"),
        ({}, "predict"),
        ({"input": ""}, "predict"),
        ({"input": {"a": 1}}, "predict"),
        ({"input": "a", "messages": []}, "predict"),
        ({"messages": []}, CHAT),
        ({"messages": [{"role": "wizard", "content": "a"}]}, CHAT),
        ({"messages": [{"role": "user", "content": 1}]}, CHAT),
        ({"messages": [{"role": "system", "content": "a"}]}, CHAT),
        ({**ASKED, "tools": [{"type": "function"}]}, CHAT),
        ({**ASKED, "seed": 1}, CHAT),
        ({**ASKED, "temperature": "hot"}, CHAT),
        ({**ASKED, "n": 2}, CHAT),
        ({"inputs": []}, INFER),
    ]
    for body, protocol in wrong:
        with pytest.raises(InvalidInput):
            ask(stub, {"kind": "anthropic"}, predicting(body, protocol))
    assert stub.asked == []


def test_what_only_openai_can_be_asked_for_goes_to_openai(stub):
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    messages = [*ASKED["messages"], {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}]
    body = {"messages": [*messages, {"role": "tool", "content": "4", "tool_call_id": "1"}], "tools": tools, "seed": 1}
    provider = {"kind": "openai", "parameters": {"extra": {"reasoning_effort": "low"}}}
    ask(stub, provider, predicting(body, CHAT))
    assert stub.last.body["messages"] == body["messages"]
    assert (stub.last.body["tools"], stub.last.body["reasoning_effort"]) == (tools, "low")


def test_connections_are_used_again_also_after_streams(stub):
    async def several(backend: Any) -> None:
        for kind in ("predict", CHAT) * 3:
            await predicting(ASKED, kind)(backend)
            await streaming(ASKED, kind)(backend)

    for kind in KINDS:
        before = stub.connections
        ask(stub, {"kind": kind}, several)
        assert stub.connections == before + 1


def test_closing_waits_for_the_answer_that_is_under_way(stub):
    stub.mood = "slow"

    async def close_meanwhile(backend: Any) -> Any:
        asked = asyncio.ensure_future(predicting(ASKED)(backend))
        await asyncio.to_thread(stub.wait_for_requests, 1)
        closing = asyncio.create_task(backend.close())
        await asyncio.sleep(0)
        assert not backend.healthy
        with pytest.raises(NotServing):
            await predicting(ASKED)(backend)
        stub.release.set()
        answer = await asked
        await closing
        await backend.close()
        return answer, backend.describe()

    answer, facts = ask(stub, {"kind": "gemini"}, close_meanwhile)
    assert json.loads(answer.output) == SAID
    assert (facts["kind"], facts["model"], facts["under_way"], facts["answered"]) == ("gemini", "some-model", 0, 1)


def test_a_caller_that_leaves_a_stream_ends_its_connection(stub):
    stub.mood = "stalling"

    async def leave(backend: Any) -> int:
        stream = backend.stream(Call(body=json.dumps(ASKED).encode()))
        await anext(stream)
        await stream.aclose()
        return int(backend.describe()["under_way"])

    assert ask(stub, {"kind": "openai"}, leave) == 0


def test_a_place_where_nobody_listens_is_lost(stub):
    stub.stop()
    for act in (predicting(ASKED), streaming(ASKED)):
        with pytest.raises(BackendLost):
            ask(stub, {"kind": "openai"}, act)


def test_a_record_that_cannot_be_used_is_refused_before_the_start():
    runnable = Runnable(version_id="mv_1", name="helper", version="1.0.0", provider={"kind": "oracle"})
    with pytest.raises(NotDeployable, match="oracle"):
        open_provider(runnable, Sizing(), environ={})
