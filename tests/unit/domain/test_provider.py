"""Records of providers: what may be recorded, what is refused, and that no key gets in."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.domain.checks import check_json
from modelyard.domain.provider import (
    HttpTarget,
    Pricing,
    check_address,
    check_provider,
    implied,
    provider_of,
    target_of,
)
from modelyard.errors import InvalidMetadata

LLM = {"kind": "gemini", "model": "gemini-flash"}
SERVER = {"kind": "http", "url": "https://models.example/predict"}
KEY = "sk-abcdefghijklmnopqrst"


@pytest.mark.feature("REG-25")
def test_a_whole_record_is_stored_in_its_usual_form():
    given = {
        "kind": " Claude ",
        "model": "claude-x",
        "parameters": {
            "temperature": 1,
            "max_tokens": 5,
            "top_k": 3,
            "stop": "END",
            "system": "Be kind",
            "top_p": None,
        },
        "prompt": "Say {input}",
        "pricing": {"input_per_million": 3},
        "api_key_env": "TEAM_API_KEY",
        "base_url": "https://proxy.example:8443/claude/",
    }
    checked = check_provider(given)
    assert checked == {
        **given,
        "kind": "anthropic",
        "parameters": {"temperature": 1.0, "max_tokens": 5, "top_k": 3, "stop": ["END"], "system": "Be kind"},
        "pricing": {"input_per_million": 3.0, "currency": "USD"},
        "base_url": "https://proxy.example:8443/claude",
    }
    assert check_provider(checked) == checked
    provider = provider_of(checked)
    assert (provider.kind, provider.system, provider.key_variable) == ("anthropic", "Be kind", "TEAM_API_KEY")
    assert provider.parameters == {"temperature": 1.0, "max_tokens": 5, "top_k": 3, "stop": ["END"]}
    assert provider.prompt is not None
    assert provider.pricing == Pricing(input_per_million=3.0)
    assert provider.pricing.cost(2_000_000, 5) == 6.0


def test_a_short_record_has_the_usual_rest():
    provider = provider_of({"kind": "google", "model": "models/m"})
    assert (provider.kind, provider.key_variable, provider.base_url) == ("gemini", "GEMINI_API_KEY", "")
    assert (provider.prompt, provider.pricing, provider.extra) == (None, None, {})
    assert check_provider({**LLM, "prompt": None, "parameters": None, "api_key_env": "GEMINI_API_KEY"}) == {
        **LLM,
        "api_key_env": "GEMINI_API_KEY",
    }


def test_a_server_is_recorded_with_its_address():
    target = target_of(
        {**SERVER, "protocol": "v2", "model": "m", "health": "/ready", "headers_env": {"X": "A_API_KEY"}}
    )
    assert target == HttpTarget(
        url=SERVER["url"], protocol="v2", model="m", health="/ready", headers_env={"X": "A_API_KEY"}
    )
    assert check_provider(SERVER) == {**SERVER, "protocol": "predict"}


def test_what_passes_on_to_the_provider_is_kept():
    schema = {"type": "object", "properties": {"token": {"type": "string"}}}
    extra = {"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}}
    provider = provider_of({"kind": "openai", "model": "m", "parameters": {"extra": extra}})
    assert provider.extra == extra


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (None, "provider is None"),
        ({}, "kind is missing"),
        ({"kind": "oracle"}, "kind is 'oracle'"),
        ({"kind": 1}, "kind is 1"),
        ({"kind": "gemini"}, "model is missing"),
        ({**LLM, "model": "a b"}, "model is"),
        ({**LLM, "model": "../x"}, "model is"),
        ({**LLM, "model": 1}, "model is 1"),
        ({**LLM, "promt": "{input}"}, "did you mean prompt"),
        ({**LLM, "colour": "red"}, "it has kind"),
        ({**LLM, "prompt": "fixed"}, "no field"),
        ({**LLM, "parameters": []}, "parameters is"),
        ({**LLM, "parameters": {"temprature": 1}}, "did you mean temperature"),
        ({**LLM, "parameters": {"zzz": 1}}, "go into extra"),
        ({**LLM, "parameters": {"temperature": 3}}, "from 0 to 2"),
        ({**LLM, "parameters": {"temperature": "1"}}, "not a number"),
        ({**LLM, "parameters": {"max_tokens": 0}}, "from 1"),
        ({**LLM, "parameters": {"max_tokens": 1.5}}, "whole number"),
        ({**LLM, "parameters": {"stop": []}}, "1 to 16"),
        ({**LLM, "parameters": {"stop": ""}}, "1 to 16"),
        ({**LLM, "parameters": {"stop": [1]}}, "type int"),
        ({**LLM, "parameters": {"system": 1}}, "type int"),
        ({**LLM, "parameters": {"extra": []}}, "extra is"),
        ({**LLM, "parameters": {"extra": {"model": "x"}}}, "says itself"),
        ({**LLM, "kind": "openai", "parameters": {"top_k": 1}}, "openai has no parameter top_k"),
        ({**LLM, "kind": "claude", "parameters": {"seed": 1}}, "anthropic has no parameter seed"),
        ({**LLM, "pricing": 3}, "pricing is 3"),
        ({**LLM, "pricing": {"input": 3}}, "pricing has no 'input'"),
        ({**LLM, "pricing": {"input_per_million": -1}}, "from 0"),
        ({**LLM, "pricing": {"currency": 1}}, "type int"),
        ({**LLM, "base_url": "https://proxy.example"}, "not sent to other addresses"),
        ({**LLM, "base_url": "https://proxy.example", "api_key_env": "OPENAI_API_KEY"}, "not sent to other"),
        ({**LLM, "base_url": "ftp://x", "api_key_env": "A_API_KEY"}, "base_url is"),
        ({**LLM, "api_key_env": "OPENAI_API_KEY"}, "another provider's"),
        ({**LLM, "api_key_env": "AWS_SECRET_ACCESS_KEY"}, "_API_KEY"),
        ({**LLM, "api_key_env": "MODELYARD_API_TOKEN"}, "_API_KEY"),
        ({**LLM, "api_key_env": ""}, "_API_KEY"),
        ({"kind": "http"}, "url is missing"),
        ({**SERVER, "url": "models.example"}, "url is"),
        ({**SERVER, "protocol": "grpc"}, "protocol is"),
        ({**SERVER, "model": ""}, "model is missing"),
        ({**SERVER, "health": "http://elsewhere/"}, "health is"),
        ({**SERVER, "prompt": "{input}"}, "has no 'prompt'"),
        ({**SERVER, "headers_env": []}, "headers_env is"),
        ({**SERVER, "headers_env": {f"h{number}": "A_API_KEY" for number in range(21)}}, "headers_env is"),
        ({**SERVER, "headers_env": {"a b": "A_API_KEY"}}, "no header"),
        ({**SERVER, "headers_env": {"Host": "A_API_KEY"}}, "no header"),
        ({**SERVER, "headers_env": {"Authorization": "HOME"}}, "_API_KEY"),
        ({**SERVER, "headers_env": {"Authorization": "OPENAI_API_KEY"}}, "to its provider only"),
    ],
)
def test_what_is_no_record_is_refused(record, words):
    with pytest.raises(InvalidMetadata) as caught:
        check_provider(record)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "more",
    [
        {"api_key": "x"},
        {"api_key": KEY},
        {"api_key_env": KEY},
        {"Authorization": "x"},
        {"prompt": f"{{input}} {KEY}"},
        {"prompt": [{"role": "user", "content": f"{{input}} {KEY}"}]},
        {"parameters": {"extra": {"x-api-key": "x"}}},
        {"parameters": {"extra": {"headers": {"auth": "Bearer abcdefghijkl"}}}},
        {"parameters": {"system": "AIza" + "x" * 35}},
    ],
)
def test_what_looks_like_a_key_is_refused_and_not_repeated(more):
    with pytest.raises(InvalidMetadata, match="looks like a key") as caught:
        check_provider({**LLM, **more})
    assert KEY not in str(caught.value)
    assert "api_key_env" in caught.value.hint


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:8000", "https://a.example/v1/", "http://[::1]:80/x"),
    ],
)
def test_addresses_are_http_with_a_host(url):
    assert check_address("base_url", url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        *("", "a.example", "ftp://a.example", "https://", "https://u:p@a.example", "https://a.example?key=1"),
        *(
            "https://a.example#x",
            "https://a.example:99999",
            "https://a b",
            "https://a.example/ä",
            "https://a.example\n",
        ),
    ],
)
def test_other_addresses_are_refused(url):
    with pytest.raises(InvalidMetadata):
        check_address("base_url", url)


def test_the_name_of_a_provider_tells_it():
    models = {"gemini": "g", "anthropic": "c"}
    assert implied("Gemini", models) == {"kind": "gemini", "model": "g"}
    assert implied("claude", models) == {"kind": "anthropic", "model": "c"}
    assert implied("openai", models) == {}
    assert implied("fraud", models) == {}


def test_one_kind_is_not_read_as_the_other():
    with pytest.raises(InvalidMetadata, match="not an LLM"):
        provider_of(SERVER)
    with pytest.raises(InvalidMetadata, match="not a back end"):
        target_of(LLM)


def test_records_are_plain_json():
    checked: dict[str, Any] = check_provider({**LLM, "parameters": {"stop": ("a", "b")}})
    assert checked["parameters"] == {"stop": ["a", "b"]}
    assert check_json("provider", checked) == checked
