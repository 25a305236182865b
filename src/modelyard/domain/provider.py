"""What runs a version elsewhere: an LLM of a provider, or a server over HTTP, as it is recorded with the version.

    {"kind": "gemini" | "openai" | "anthropic", "model": "…", "parameters": {…}, "prompt": "Summarise: {input}",
     "pricing": {"input_per_million": 0.3, "output_per_million": 2.5, "currency": "USD"},
     "api_key_env": "TEAM_API_KEY", "base_url": "https://…"}
    {"kind": "http", "url": "https://…", "protocol": "predict" | "v2", "model": "…", "health": "/ready",
     "headers_env": {"Authorization": "BACKEND_API_KEY"}}

Rules
1. Unknown members are refused, with the nearest known one. `claude` stands for anthropic, `google` for gemini.
2. No key is ever recorded. What looks like one is refused wherever it stands; versions name variables of the server's
   environment instead, and only such as end in `_API_KEY` or `_API_TOKEN`: whoever may register a version must not be
   able to have the server's other secrets sent to an address of his own.
3. For the same reason the key of a provider's usual variable goes only to the provider's usual address, or to the one
   that the server's environment names. A version with a `base_url` of its own names a variable of its own too.
4. Parameters bear one name for all providers; one that the provider does not have is refused. `extra` is passed on as
   it is, and cannot say again what the record says.
5. Addresses are http or https, with no user, query or fragment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from modelyard.domain.checks import check_json, check_text
from modelyard.domain.clear_keys import refuse_keys
from modelyard.domain.names import shown
from modelyard.domain.parameters import (
    ANTHROPIC,
    GEMINI,
    LLMS,
    OPENAI,
    check_members,
    check_parameters,
    number_in,
)
from modelyard.domain.prompt import Prompt, prompt_of
from modelyard.errors import InvalidMetadata

HTTP = "http"
ALIASES: Final[Mapping[str, str]] = {
    **{kind: kind for kind in (*LLMS, HTTP)},
    "claude": ANTHROPIC,
    "google": GEMINI,
    "gpt": OPENAI,
}
NAMED: Final[Mapping[str, str]] = {GEMINI: GEMINI, OPENAI: OPENAI, ANTHROPIC: ANTHROPIC, "claude": ANTHROPIC}
"""Names of models that tell their provider by themselves."""
KEY_VARIABLES: Final[Mapping[str, str]] = {
    OPENAI: "OPENAI_API_KEY",
    ANTHROPIC: "ANTHROPIC_API_KEY",
    GEMINI: "GEMINI_API_KEY",
}
ADDRESS_VARIABLES: Final[Mapping[str, str]] = {
    OPENAI: "OPENAI_BASE_URL",
    ANTHROPIC: "ANTHROPIC_BASE_URL",
    GEMINI: "GEMINI_BASE_URL",
}
ADDRESSES: Final[Mapping[str, str]] = {
    OPENAI: "https://api.openai.com/v1",
    ANTHROPIC: "https://api.anthropic.com",
    GEMINI: "https://generativelanguage.googleapis.com",
}
"""Where the providers are, if neither the version nor the environment says otherwise."""
PROTOCOLS: Final = ("predict", "v2")

_LLM_MEMBERS = ("kind", "model", "parameters", "prompt", "pricing", "api_key_env", "base_url")
_HTTP_MEMBERS = ("kind", "url", "protocol", "model", "health", "headers_env")
_NAMED_AT = frozenset({"provider", "provider.parameters", "provider.parameters.extra"})

_MODEL = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._:/@-]{0,249}")
_VARIABLE = re.compile(r"(?!MODELYARD_)[A-Z][A-Z0-9_]{0,200}_API_(KEY|TOKEN)")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_URL = re.compile(r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?")
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]{0,500}")
_LONGEST_URL = 2_000
_HIGHEST_PORT = 65_535
_MOST_HEADERS = 20
_FRAMED_BY_CLIENT = frozenset({"host", "content-length", "transfer-encoding", "connection", "content-type", "te"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Pricing:
    """What a million tokens cost, in `currency`."""

    input_per_million: float = 0.0
    output_per_million: float = 0.0
    currency: str = "USD"

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """What so many tokens cost."""
        return (input_tokens * self.input_per_million + output_tokens * self.output_per_million) / 1e6


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """A checked record of an LLM of a provider, ready to be asked."""

    kind: str
    model: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """By their common names, without `system` and `extra`."""
    system: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    prompt: Prompt | None = None
    pricing: Pricing | None = None
    api_key_env: str = ""
    base_url: str = ""
    """Empty for the usual address."""

    @property
    def key_variable(self) -> str:
        """The variable that holds the key."""
        return self.api_key_env or KEY_VARIABLES[self.kind]


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpTarget:
    """A checked record of a back end over HTTP."""

    url: str
    protocol: str = "predict"
    model: str = ""
    health: str = ""
    """A path on the same host; empty for the protocol's own."""
    headers_env: Mapping[str, str] = field(default_factory=dict)
    """Header → the variable that holds its value."""


def check_provider(value: object) -> dict[str, Any]:
    """A provider's record as it will be stored.

    Raises:
        InvalidMetadata: a member is unknown, wrong or missing, or something looks like a key.
    """
    if not isinstance(value, Mapping):
        raise InvalidMetadata(
            f"provider is {shown(value)}", hint='give an object such as {"kind": "gemini", "model": "…"}'
        )
    document: dict[str, Any] = check_json("provider", value)
    refuse_keys(document, "provider", named_at=_NAMED_AT)
    kind = _kind(document.get("kind"))
    checked = {**document, "kind": kind}
    check_members("provider", checked, _HTTP_MEMBERS if kind == HTTP else _LLM_MEMBERS)
    if kind == HTTP:
        _check_http(checked)
    else:
        _check_llm(checked)
    return {name: item for name, item in checked.items() if item not in (None, "", {}, [])}


def provider_of(document: Mapping[str, Any]) -> Provider:
    """The LLM that a stored record stands for.

    Raises:
        InvalidMetadata: it is no sound record of an LLM.
    """
    checked = check_provider(document)
    if checked["kind"] == HTTP:
        raise InvalidMetadata("the provider is a back end over HTTP, not an LLM")
    parameters = dict(checked.get("parameters", {}))
    return Provider(
        kind=checked["kind"],
        model=checked["model"],
        system=parameters.pop("system", ""),
        extra=parameters.pop("extra", {}),
        parameters=parameters,
        prompt=prompt_of(checked["prompt"]) if "prompt" in checked else None,
        pricing=Pricing(**checked["pricing"]) if "pricing" in checked else None,
        api_key_env=checked.get("api_key_env", ""),
        base_url=checked.get("base_url", ""),
    )


def target_of(document: Mapping[str, Any]) -> HttpTarget:
    """The back end over HTTP that a stored record stands for.

    Raises:
        InvalidMetadata: it is no sound record of one.
    """
    checked = check_provider(document)
    if checked.pop("kind") != HTTP:
        raise InvalidMetadata("the provider is an LLM, not a back end over HTTP")
    return HttpTarget(**checked)


def implied(name: str, models: Mapping[str, str]) -> dict[str, Any]:
    """The provider that a model's name tells by itself, with the usual model; empty where it tells none.

    Args:
        name: the name of the model in the registry.
        models: kind → the usual model of that provider.
    """
    kind = NAMED.get(name.lower(), "")
    return {"kind": kind, "model": models[kind]} if kind in models else {}


def check_address(where: str, value: object) -> str:
    """An address without the slash at its end.

    Raises:
        InvalidMetadata: rule 5 is broken.
    """
    text = check_text(where, value, _LONGEST_URL)
    found = _URL.fullmatch(text)
    if found is None or int((found[2] or ":0")[1:]) > _HIGHEST_PORT:
        raise InvalidMetadata(
            f"{where} is {shown(text)}", hint="write http(s)://host[:port][/path], without user, query or fragment"
        )
    return text.rstrip("/")


def _kind(value: object) -> str:
    kind = ALIASES.get(value.strip().lower()) if isinstance(value, str) else None
    if kind is None:
        what = "is missing" if value is None else f"is {shown(value)}"
        raise InvalidMetadata(f"provider.kind {what}", hint=f"the kinds are {', '.join((*LLMS, HTTP))}")
    return kind


def _check_llm(document: dict[str, Any]) -> None:
    kind = document["kind"]
    document["model"] = _model(document.get("model"))
    document["parameters"] = check_parameters(
        kind, "provider.parameters", {} if document.get("parameters") is None else document["parameters"]
    )
    if document.get("prompt") is not None:
        prompt_of(document["prompt"])
    if document.get("pricing") is not None:
        document["pricing"] = _pricing(document["pricing"])
    if document.get("api_key_env") is not None:
        _variable("provider.api_key_env", document["api_key_env"])
    if document.get("base_url") is not None:
        document["base_url"] = check_address("provider.base_url", document["base_url"])
        if document.get("api_key_env", "") in ("", *KEY_VARIABLES.values()):
            raise InvalidMetadata(
                f"provider.base_url is set, and {KEY_VARIABLES[kind]} is not sent to other addresses",
                hint="name a variable of its own in api_key_env, or set "
                f"{ADDRESS_VARIABLES[kind]} in the server's environment",
            )
    elif document.get("api_key_env") in set(KEY_VARIABLES.values()) - {KEY_VARIABLES[kind]}:
        raise InvalidMetadata(
            f"provider.api_key_env is {document['api_key_env']}, which is another provider's",
            hint=f"leave it out for {KEY_VARIABLES[kind]}",
        )


def _check_http(document: dict[str, Any]) -> None:
    if document.get("url") is None:
        raise InvalidMetadata("provider.url is missing", hint="name the address that predictions are posted to")
    document["url"] = check_address("provider.url", document["url"])
    document["protocol"] = "predict" if document.get("protocol") is None else document["protocol"]
    if document["protocol"] not in PROTOCOLS:
        raise InvalidMetadata(
            f"provider.protocol is {shown(document['protocol'])}", hint=f"protocols are {', '.join(PROTOCOLS)}"
        )
    if document.get("model") is not None:
        document["model"] = _model(document["model"])
    if document.get("health") is not None and not _PATH.fullmatch(check_text("provider.health", document["health"])):
        raise InvalidMetadata(
            f"provider.health is {shown(document['health'])}", hint="write a path on the same host, such as /ready"
        )
    if document.get("headers_env") is not None:
        _headers(document["headers_env"])


def _headers(value: object) -> None:
    if not isinstance(value, Mapping) or len(value) > _MOST_HEADERS:
        raise InvalidMetadata(
            f"provider.headers_env is {shown(value)}",
            hint='give at most 20 headers with variables, such as {"Authorization": "BACKEND_API_KEY"}',
        )
    for name, variable in value.items():
        if not _HEADER.fullmatch(name) or name.lower() in _FRAMED_BY_CLIENT:
            raise InvalidMetadata(f"provider.headers_env: {shown(name)} is no header that can be set")
        _variable(f"provider.headers_env.{name}", variable)
        if variable in KEY_VARIABLES.values():
            raise InvalidMetadata(
                f"provider.headers_env.{name} is {variable}, which goes to its provider only",
                hint="name a variable of its own",
            )


def _model(value: object) -> str:
    text = check_text("provider.model", value) if value is not None else ""
    if not _MODEL.fullmatch(text):
        what = f"is {shown(text)}" if text else "is missing"
        raise InvalidMetadata(f"provider.model {what}", hint="give the name by which the provider knows the model")
    return text


def _variable(where: str, value: object) -> None:
    if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
        raise InvalidMetadata(
            f"{where} is {shown(value)}",
            hint="name a variable of the server's environment that ends in _API_KEY or _API_TOKEN",
        )


def _pricing(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidMetadata(f"provider.pricing is {shown(value)}", hint='give {"input_per_million": 0.3, …}')
    check_members("provider.pricing", value, ("input_per_million", "output_per_million", "currency"))
    prices = {
        name: number_in(f"provider.pricing.{name}", price, 0, 1e9)
        for name, price in value.items()
        if name != "currency"
    }
    currency = check_text("provider.pricing.currency", value.get("currency", "USD"), 10)
    return {**prices, "currency": currency}
