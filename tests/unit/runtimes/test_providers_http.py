"""Servers elsewhere behind the interface of back ends, against a real one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest

from components.http_stub import HttpStub
from modelyard.errors import InvalidInput, NotDeployable, Overloaded, PredictionFailed, TimedOut
from modelyard.runtimes.backend import CHAT, INFER, BackendLost, Call, Runnable, Sizing
from modelyard.runtimes.providers import open_provider

TENSORS = {"id": "a", "inputs": [{"name": "x", "datatype": "FP32", "shape": [2], "data": [1, 2]}]}


@pytest.fixture
def stub():
    with HttpStub() as stub:
        yield stub


def ask(
    provider: dict[str, Any],
    act: Callable[[Any], Awaitable[Any]],
    *,
    environ: dict[str, str] | None = None,
    example: Any = None,
) -> Any:
    """Start a version that is a server, do something with it, and close it."""
    given = {"kind": "http", **provider}
    runnable = Runnable(version_id="mv_1", name="doubler", version="1.0.0", provider=given, input_example=example)

    async def whole() -> Any:
        backend = open_provider(runnable, Sizing(), environ=environ or {})
        await backend.start()
        try:
            return await act(backend)
        finally:
            await backend.close()

    return asyncio.run(asyncio.wait_for(whole(), 20))


def calling(body: Any, protocol: str = "predict", **more: Any) -> Callable[[Any], Awaitable[Any]]:
    """What asks for one answer."""
    return lambda backend: backend.predict(Call(body=json.dumps(body).encode(), protocol=protocol, **more))


@pytest.mark.feature("REG-25")
def test_a_prediction_goes_on_as_it_is_and_so_does_its_answer(stub):
    answer = ask(
        {"url": f"{stub.origin}/predict"}, calling({"input": 21}, headers={"x-request-id": "r", "cookie": "c"})
    )
    assert (json.loads(answer.output), answer.usage) == ({"doubled": 42}, None)
    ((method, path, headers, body),) = stub.heard
    assert (method, path, json.loads(body)) == ("POST", "/predict", {"input": 21})
    assert (headers["x-request-id"], "cookie" in headers) == ("r", False)


@pytest.mark.feature("REG-25", "EXP-24")
@pytest.mark.parametrize("protocol", [INFER, "predict"])
def test_an_inference_goes_to_the_models_own_address(stub, protocol):
    provider = {"url": stub.origin, "protocol": "v2", "model": "doubler"}
    answer = json.loads(ask(provider, calling(TENSORS, protocol)).output)
    assert answer["outputs"][0]["data"] == [2, 4]
    assert ("model_name" in answer) is (protocol == "predict")
    assert stub.heard[0][1] == "/v2/models/doubler/infer"


def test_headers_come_from_the_environment(stub):
    provider = {"url": f"{stub.origin}/predict", "headers_env": {"Authorization": "BACKEND_API_KEY"}}
    ask(provider, calling({"input": 1}), environ={"BACKEND_API_KEY": "Bearer abc"})
    assert stub.heard[0][2]["authorization"] == "Bearer abc"
    with pytest.raises(NotDeployable, match="BACKEND_API_KEY"):
        ask(provider, calling({"input": 1}))
    stub.mood = "denying"
    with pytest.raises(PredictionFailed) as caught:
        ask(provider, calling({"input": 1}), environ={"BACKEND_API_KEY": "Bearer abc"})
    assert "BACKEND_API_KEY" in caught.value.hint


@pytest.mark.parametrize(
    ("mood", "error", "words"),
    [
        ("busy", Overloaded, "it is busy"),
        ("failing", PredictionFailed, "it is failing"),
        ("starting", BackendLost, "it is starting"),
        ("refusing", InvalidInput, "it is refusing"),
        ("denying", PredictionFailed, "does not accept the key"),
        ("garbage", PredictionFailed, "no JSON"),
        ("slow", TimedOut, "in time"),
    ],
)
def test_what_a_server_refuses_is_told(stub, mood, error, words):
    stub.mood = mood
    with pytest.raises(error, match=words) as caught:
        ask({"url": f"{stub.origin}/predict"}, calling({"input": 1}, timeout_s=0.3 if mood == "slow" else 10.0))
    assert type(caught.value) is error
    if mood == "busy":
        assert caught.value.details == {"retry_after": 3.0}


def test_other_protocols_are_the_callers_mistake(stub):
    for provider, body, protocol in [
        ({"url": stub.origin}, TENSORS, INFER),
        ({"url": stub.origin, "protocol": "v2"}, {"input": 1}, "predict"),
        ({"url": stub.origin}, {"messages": []}, CHAT),
    ]:
        with pytest.raises(InvalidInput, match="takes"):
            ask(provider, calling(body, protocol))
    assert stub.heard == []


def test_streams_pass_through(stub):
    stub.mood = "streaming"

    async def act(backend: Any) -> bytes:
        async with aclosing(backend.stream(Call(body=b"{}"))) as stream:
            return b"".join([piece async for piece in stream])

    assert ask({"url": f"{stub.origin}/predict"}, act) == b"data: 1\n\ndata: 2\n\n"
    for mood, error, words in [
        ("busy", Overloaded, "busy"),
        ("garbage", PredictionFailed, "no stream"),
        ("whole", InvalidInput, "does not stream"),
    ]:
        stub.mood = mood
        with pytest.raises(error, match=words):
            ask({"url": f"{stub.origin}/predict"}, act)


@pytest.mark.parametrize(
    ("provider", "ok"),
    [
        ({"url": "{}/predict"}, True),
        ({"url": "{}/predict", "health": "/ready"}, True),
        ({"url": "{}/predict", "health": "/elsewhere"}, False),
        ({"url": "{}", "protocol": "v2", "model": "doubler"}, True),
        ({"url": "{}", "protocol": "v2", "model": "another"}, False),
    ],
)
def test_a_probe_asks_for_a_sign_of_life(stub, provider, ok):
    given = {**provider, "url": provider["url"].format(stub.origin)}
    probe = ask(given, lambda backend: backend.probe())
    assert probe.ok is ok
    stub.mood = "starting"
    assert not ask(given, lambda backend: backend.probe()).ok


def test_a_probe_with_an_example_asks_for_a_prediction(stub):
    url = f"{stub.origin}/predict"
    assert ask({"url": url}, lambda backend: backend.probe(), example=21).ok
    assert json.loads(stub.heard[-1][3]) == {"input": 21}
    stub.mood = "failing"
    assert not ask({"url": url}, lambda backend: backend.probe(), example={"input": 21}).ok


def test_a_server_tells_what_it_is_and_takes_nothing_when_closed(stub):
    async def act(backend: Any) -> Any:
        await backend.resize(Sizing(replicas=2))
        assert backend.healthy
        return backend

    backend = ask({"url": stub.origin, "protocol": "v2", "model": "doubler"}, act)
    assert not backend.healthy
    assert backend.runnable.reference == "doubler/1.0.0"
    assert backend.describe()["address"] == f"{stub.origin}/v2/models/doubler/infer"
