"""OpenAI's chat completions in front of endpoints: an unmodified OpenAI client talks to whatever version is served.

    POST /v1/chat/completions
    GET  /v1/models, /v1/models/{name}[/{environment}]

Rules
- The request's `model` names the endpoint: `NAME` for the environment production, or `NAME/ENVIRONMENT`; `models:/` may
  stand in front. Which model of which provider answers, the endpoint's route says.
- The client's API key is a token of modelyard, where the server asks for one.
- Errors are told in OpenAI's form, with the status that they have elsewhere, so that its clients raise what they know.
- Only endpoints that an LLM serves are listed, and only to those who may ask them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from modelyard.delivery.book import ServedEndpoint
from modelyard.domain.names import shown
from modelyard.domain.parameters import LLMS
from modelyard.domain.references import PREFIX
from modelyard.errors import (
    EndpointNotFound,
    InvalidInput,
    InvalidRequest,
    ModelyardError,
    NotFound,
    Overloaded,
    PermissionDenied,
    Unauthenticated,
)
from modelyard.operations.delivery import PREDICT as PERMISSION
from modelyard.runtimes.backend import CHAT
from modelyard.server.attention import Attention
from modelyard.server.auth import authorise
from modelyard.server.inference import DEFAULT_ENVIRONMENT, Inference, send_json, told
from modelyard.server.messages import Receive, Scope, Send
from modelyard.server.refusing import headers_of_error

COMPLETIONS = "/v1/chat/completions"
MODELS = "/v1/models"
_TYPES: tuple[tuple[type[ModelyardError], str], ...] = (
    (Unauthenticated, "authentication_error"),
    (PermissionDenied, "permission_error"),
    (NotFound, "not_found_error"),
    (Overloaded, "rate_limit_error"),
    (InvalidRequest, "invalid_request_error"),
)
_encode = msgspec.json.encode


class Asked(msgspec.Struct):
    """What has to be known of a request before its endpoint is found."""

    model: str
    stream: bool | None = None


_asked = msgspec.json.Decoder(Asked).decode


def is_chat(path: str) -> bool:
    """Whether a path is one of these."""
    return path in {COMPLETIONS, MODELS} or path.startswith(f"{MODELS}/")


def asked_of(body: bytes) -> Asked:
    """What a request's body asks for.

    Raises:
        InvalidInput: it is no JSON object with a text `model`.
    """
    try:
        return _asked(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(
            f"the request cannot be read: {error}",
            hint='send {"model": "NAME", "messages": [{"role": "user", "content": "…"}]}',
        ) from None


def model_of(text: str) -> tuple[str, str]:
    """Model and environment that the name of a model in OpenAI's form stands for.

    Raises:
        InvalidInput: it names no model.
    """
    name, _slash, environment = text.removeprefix(PREFIX).partition("/")
    if not name or "/" in environment:
        raise InvalidInput(f"model is {shown(text)}", hint="name an endpoint as NAME or NAME/ENVIRONMENT")
    return name, environment or DEFAULT_ENVIRONMENT


def name_of(model: str, environment: str) -> str:
    """The name of an endpoint in OpenAI's form."""
    return model if environment == DEFAULT_ENVIRONMENT else f"{model}/{environment}"


def error_body(error: ModelyardError) -> bytes:
    """An error in OpenAI's form."""
    kind = next((name for found, name in _TYPES if isinstance(error, found)), "api_error")
    text = f"{error.message}; {error.hint}" if error.hint else error.message
    return _encode({"error": {"message": text, "type": kind, "param": None, "code": error.code}})


def models_body(endpoints: Iterable[tuple[str, str]]) -> bytes:
    """OpenAI's list of models, of endpoints by model and environment."""
    data = [model_facts(model, environment) for model, environment in sorted(endpoints)]
    return _encode({"object": "list", "data": data})


def model_facts(model: str, environment: str) -> dict[str, Any]:
    """OpenAI's record of a model, of an endpoint."""
    return {"id": name_of(model, environment), "object": "model", "created": 0, "owned_by": "modelyard"}


class ChatCompletions:
    """Answers the requests of OpenAI's clients.

    Args:
        inference: what predictions go through.
    """

    def __init__(self, inference: Inference) -> None:
        self._inference = inference

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of a path of which `is_chat` holds."""
        try:
            await self._answer(scope, receive, send)
        except ModelyardError as error:
            await send_json(send, error_body(error), headers_of_error(error), error.status)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if path == COMPLETIONS and method == "POST":
            await self._complete(scope, receive, send)
        elif path == MODELS and method == "GET":
            await send_json(send, models_body(await self._listed(scope)), [])
        elif path != COMPLETIONS and method == "GET":
            await self._look_up(path.removeprefix(f"{MODELS}/"), scope, send)
        else:
            authorise(scope, PERMISSION)
            raise NotFound(f"there is nothing at {method} {path[:200]}", hint="completions are a POST, models a GET")

    async def _complete(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal = authorise(scope, PERMISSION)
        call = await self._inference.call(scope, receive, CHAT)
        asked = asked_of(call.body)
        name, environment = model_of(asked.model)
        principal.require(PERMISSION, name)
        gateway = await self._inference.ready(name, environment)
        if asked.stream:
            await self._inference.stream(gateway, (name, environment), call, receive, send)
            return
        async with Attention(receive):
            prediction = await gateway.predict(name, environment, call)
        await send_json(send, prediction.answer.output, told(prediction))

    async def _listed(self, scope: Scope) -> list[tuple[str, str]]:
        principal = authorise(scope, PERMISSION)
        gateway = await self._inference.ready("", DEFAULT_ENVIRONMENT)
        return [one.key for one in gateway.book.endpoints if is_llm(one) and principal.allows(PERMISSION, one.model)]

    async def _look_up(self, text: str, scope: Scope, send: Send) -> None:
        name, environment = model_of(text)
        authorise(scope, PERMISSION).require(PERMISSION, name)
        gateway = await self._inference.ready(name, environment)
        if not is_llm(gateway.book.find(name, environment)):
            raise EndpointNotFound(f"{text} is served by no LLM", hint="GET /v1/models lists those that are")
        await send_json(send, _encode(model_facts(name, environment)), [])


def is_llm(served: ServedEndpoint) -> bool:
    """Whether a version that answers for an endpoint is an LLM of a provider."""
    found = (served.lanes.get(version_id) for version_id in served.answering().values())
    return any(lane is not None and lane.backend.runnable.provider.get("kind") in LLMS for lane in found)
