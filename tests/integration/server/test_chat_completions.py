"""OpenAI's own client against `/v1`: providers are canaried behind it, played by a server that speaks their formats."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from components.llm_stub import LlmStub
from components.predicting import Predicting
from modelyard.operations import (
    CREATE_TOKEN,
    CREATE_USER,
    REGISTER_VERSION,
    CreateToken,
    CreateUser,
    RegisterVersion,
)

ASKED: Any = [{"role": "user", "content": "good morning"}]
SAID = "You said: good morning"
SECURED: dict[str, Any] = {"auth.enabled": True}
KINDS = ("openai", "anthropic", "gemini")


@pytest.fixture
def stub(monkeypatch) -> Iterator[LlmStub]:
    """A server that plays the providers, and the environment that leads there."""
    with LlmStub() as stub:
        for name, value in stub.environ.items():
            monkeypatch.setenv(name, value)
        yield stub


@pytest.fixture
def yard(tmp_path: Path, stub: LlmStub) -> Iterator[Predicting]:
    """A server with the model helper, whose versions 1.0.0 to 3.0.0 are LLMs of the three providers."""
    yard = Predicting(tmp_path / "registry", workers=True)
    for number, kind in enumerate(KINDS, 1):
        provide(yard, f"{number}.0.0", {"kind": kind, "model": f"{kind}-model"})
    yield yard
    yard.stop()


@pytest.fixture
def client(yard: Predicting) -> Iterator[openai.OpenAI]:
    """OpenAI's client, unmodified but for the address."""
    with openai.OpenAI(base_url=f"{yard.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def provide(yard: Predicting, version: str, provider: dict[str, object], name: str = "helper") -> None:
    """Register a version that a provider serves."""
    request = RegisterVersion(name=name, version=version, provider=provider, create=True)
    yard.ids[version] = yard.caller.call(REGISTER_VERSION, request).id


def told_of(error: openai.APIError) -> dict[str, Any]:
    """What an error says, as OpenAI's client read it."""
    assert isinstance(error.body, dict)
    return error.body


def read(client: openai.OpenAI, told: list[str]) -> None:
    """Ask for a stream, and keep what comes."""
    chunks: Any = client.chat.completions.create(model="helper", messages=ASKED, stream=True)
    for chunk in chunks:
        told.append(chunk.choices[0].delta.content or "")  # noqa: PERF401 - what came before an error has to stay


@pytest.mark.feature("REG-25", "DEP-14")
@pytest.mark.parametrize("version", ["1.0.0", "2.0.0", "3.0.0"])
def test_the_same_client_is_answered_by_every_provider(yard, client, stub, version):
    yard.serve({version: 1}, name="helper")
    answer = client.chat.completions.with_raw_response.create(model="helper", messages=ASKED, max_tokens=50)
    completion = answer.parse()
    assert completion.choices[0].message.content == SAID
    assert (completion.choices[0].finish_reason, completion.usage.total_tokens) == ("stop", 6)
    assert answer.headers["x-modelyard-version"] == version
    assert stub.last.kind == KINDS[int(version[0]) - 1]


@pytest.mark.feature("REG-25")
@pytest.mark.parametrize("version", ["1.0.0", "2.0.0", "3.0.0"])
def test_the_same_client_streams_from_every_provider(yard, client, version):
    yard.serve({version: 1}, name="helper")
    chunks = list(
        client.chat.completions.create(
            model="models:/helper/production", messages=ASKED, stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == SAID
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (2, 4)


@pytest.mark.feature("REG-25", "DEP-04")
def test_two_prompts_of_two_providers_share_the_traffic_and_keys_stick(yard, client):
    provide(yard, "4.0.0", {"kind": "gemini", "model": "new", "prompt": "Shout: {input}"})
    yard.serve({"1.0.0": 0.5, "4.0.0": 0.5}, name="helper")
    seen: dict[str, set[str]] = {}
    for _round in range(2):
        for number in range(20):
            key = f"user-{number}"
            completion = client.chat.completions.create(
                model="helper", messages=ASKED, extra_headers={"x-modelyard-key": key}
            )
            seen.setdefault(key, set()).add(completion.choices[0].message.content)
    assert set().union(*seen.values()) == {SAID, "You said: Shout: good morning"}
    assert all(len(texts) == 1 for texts in seen.values())


@pytest.mark.parametrize(
    ("mood", "error"),
    [
        ("busy", openai.RateLimitError),
        ("failing", openai.InternalServerError),
        ("refusing", openai.BadRequestError),
        ("denying", openai.InternalServerError),
        ("garbage", openai.InternalServerError),
    ],
)
def test_errors_of_the_provider_reach_the_client_as_openais(yard, client, stub, mood, error):
    yard.serve({"2.0.0": 1}, name="helper")
    stub.mood = mood
    for streams in (False, True):
        with pytest.raises(error) as caught:
            client.chat.completions.create(model="helper", messages=ASKED, stream=streams)
        assert told_of(caught.value)["message"]
        if mood == "busy":
            assert caught.value.response.headers["retry-after"] == "7"


def test_a_stream_that_breaks_is_an_error_of_the_connection(yard, client, stub):
    yard.serve({"3.0.0": 1}, name="helper")
    stub.mood = "cutting"
    told: list[str] = []
    with pytest.raises(openai.APIConnectionError):
        read(client, told)
    assert told
    assert SAID.startswith("".join(told))


def test_mistakes_are_told_in_openais_form(yard, client):
    yard.serve({"2.0.0": 1}, name="helper")
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="nobody", messages=ASKED)
    assert told_of(missing.value)["code"] == "endpoint_not_found"
    with pytest.raises(openai.BadRequestError, match="anthropic"):
        client.chat.completions.create(model="helper", messages=ASKED, seed=3)
    for content in (b"{", b"[]", b"{}", b'{"model": 3}', b'{"model": "a/b/c"}', b'{"model": ""}'):
        answer = yard.client.post("/v1/chat/completions", content=content)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert yard.client.get("/v1/chat/completions").status_code == 404
    assert yard.client.post("/v1/models").status_code == 404


def test_endpoints_that_an_llm_serves_are_listed(yard, client):
    yard.serve({"1.0.0": 1}, name="helper")
    yard.serve({"2.0.0": 1}, name="helper", environment="staging")
    assert [model.id for model in client.models.list()] == ["helper", "helper/staging"]
    assert client.models.retrieve("helper/staging").id == "helper/staging"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nobody")


@pytest.mark.feature("REG-25")
def test_a_prediction_of_an_llm_tells_its_tokens(yard, stub):
    yard.serve({"3.0.0": 1}, name="helper")
    answer = yard.predict({"input": "Explain AI in one sentence"}, name="helper")
    assert answer.json()["output"] == "You said: Explain AI in one sentence"
    assert answer.json()["usage"]["output_tokens"] == 7
    with yard.client.stream("POST", "/api/models/helper/predict", json={"input": "hi", "stream": True}) as streamed:
        assert streamed.headers["content-type"].startswith("text/event-stream")
        assert b'"done":true' in b"".join(streamed.iter_raw())


def test_who_may_not_predict_is_answered_by_nobody(tmp_path, stub):
    yard = Predicting(tmp_path / "registry", workers=True, overrides=SECURED)
    try:
        provide(yard, "1.0.0", {"kind": "openai", "model": "m"})
        yard.caller.call(CREATE_USER, CreateUser(name="app"))
        token = yard.caller.call(CREATE_TOKEN, CreateToken(principal="app")).token
        yard.serve({"1.0.0": 1}, name="helper")
        for key, error in ((token, openai.PermissionDeniedError), ("wrong", openai.AuthenticationError)):
            with (
                openai.OpenAI(base_url=f"{yard.url}/v1", api_key=key, max_retries=0) as client,
                pytest.raises(error),
            ):
                client.chat.completions.create(model="helper", messages=ASKED)
        assert stub.asked == []
    finally:
        yard.stop()
