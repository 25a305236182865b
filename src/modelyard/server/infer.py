"""The Open Inference Protocol, version 2, over HTTP (EXP-24): `/v2`, for clients of KServe, Triton and others.

    GET  /v2, /v2/health/live, /v2/health/ready
    GET  /v2/models/{name}[/versions/{version}], …/ready
    POST /v2/models/{name}[/versions/{version}]/infer

Rules
- A model without a version is whatever is due, as for `/predict`; a version that is named has to be one that the route
  serves. `?environment=` chooses another environment than production.
- Errors are told in the protocol's form, `{"error": "…"}`, with the status that they have elsewhere.
- Data in binary form is refused: tensors are sent as JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from modelyard._version import __version__
from modelyard.delivery.book import ServedEndpoint
from modelyard.domain.permissions import PUBLIC
from modelyard.domain.tensors import tensors_of
from modelyard.errors import InvalidRequest, ModelyardError, NotFound, NotServing, VersionNotFound
from modelyard.runtimes.backend import INFER, Runnable
from modelyard.server.attention import Attention
from modelyard.server.auth import authorise
from modelyard.server.inference import PERMISSION, Inference, environment_of, send_json, told
from modelyard.server.messages import Receive, Scope, Send
from modelyard.server.refusing import headers_of_error

ROOT = "/v2"
_MODELS = "/v2/models/"
_BINARY = b"inference-header-content-length"
_encode = msgspec.json.Encoder(enc_hook=str).encode


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a path of a model names: the model, a version or none, and what of it: `""`, `ready` or `infer`."""

    name: str
    version: str = ""
    what: str = ""


def target_of(path: str) -> Target | None:
    """Return what a path below `/v2/models/` names; None where it is no such path."""
    name, *rest = path[len(_MODELS) :].split("/")
    version = ""
    if len(rest) >= 2 and rest[0] == "versions":  # noqa: PLR2004 - the word and the version
        version, rest = rest[1], rest[2:]
        if not version:
            return None
    if not name or len(rest) > 1 or (rest and rest[0] not in {"ready", "infer"}):
        return None
    return Target(name=name, version=version, what=rest[0] if rest else "")


class OpenInference:
    """Answers the protocol's requests.

    Args:
        inference: what predictions go through.
    """

    def __init__(self, inference: Inference) -> None:
        self._inference = inference

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request below `/v2`."""
        try:
            await self._answer(scope, receive, send)
        except ModelyardError as error:
            text = f"{error.message}; {error.hint}" if error.hint else error.message
            await send_json(send, _encode({"error": text}), headers_of_error(error), error.status)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"].rstrip("/"), scope["method"]
        target = target_of(path) if path.startswith(_MODELS) else None
        if target is not None:
            if method != ("POST" if target.what == "infer" else "GET"):
                raise NotFound(f"there is nothing at {method} {path[:200]}", hint="infer is a POST, all else a GET")
            await self._of_model(target, scope, receive, send)
            return
        document = _about(path) if method == "GET" else None
        authorise(scope, PUBLIC)
        if document is None:
            raise NotFound(f"there is nothing at {method} {path[:200]}", hint="see /docs")
        await send_json(send, _encode(document), [])

    async def _of_model(self, target: Target, scope: Scope, receive: Receive, send: Send) -> None:
        authorise(scope, PERMISSION).require(PERMISSION, target.name)
        environment = environment_of(scope)
        if target.what == "infer":
            await self._infer(target, environment, scope, receive, send)
            return
        gateway = await self._inference.ready(target.name, environment)
        if target.what == "ready":
            found = gateway.book.get(target.name, environment)
            is_ready = found is not None and _is_ready(found, target.version)
            await send_json(send, _encode({"name": target.name, "ready": is_ready}), [], 200 if is_ready else 404)
            return
        served = gateway.book.find(target.name, environment)
        await send_json(send, _encode(_metadata(served, target)), [])

    async def _infer(self, target: Target, environment: str, scope: Scope, receive: Receive, send: Send) -> None:
        if any(name == _BINARY for name, _ in scope["headers"]):
            raise InvalidRequest("tensors in binary form are not understood", hint="send the data as JSON")
        call = await self._inference.call(scope, receive, INFER)
        gateway = await self._inference.ready(target.name, environment)
        async with Attention(receive):
            prediction = await gateway.predict(target.name, environment, call, version=target.version)
        facts = prediction.facts
        head = _encode({"model_name": facts.name, "model_version": facts.version})[:-1]
        rest = prediction.answer.output.lstrip()[1:]
        body = head + (b"," if rest.lstrip() != b"}" else b"") + rest
        await send_json(send, body, told(prediction))


def _about(path: str) -> dict[str, Any] | None:
    """What is told of the server itself."""
    if path == ROOT:
        return {"name": "modelyard", "version": __version__, "extensions": []}
    return {"/v2/health/live": {"live": True}, "/v2/health/ready": {"ready": True}}.get(path)


def _is_ready(served: ServedEndpoint, version: str) -> bool:
    wanted = served.answering()
    if version:
        wanted = {version: wanted[version]} if version in wanted else {}
    lanes = [served.lanes.get(version_id) for version_id in wanted.values()]
    return bool(lanes) and all(lane is not None and lane.backend.healthy for lane in lanes)


def _metadata(served: ServedEndpoint, target: Target) -> dict[str, Any]:
    """What is told of a model: its versions, and the tensors of the one that is named, or answers most requests."""
    runnable = _runnable(served, target)
    return {
        "name": served.model,
        "versions": sorted(served.answering()),
        "platform": runnable.flavour or str(runnable.provider.get("kind", "")),
        "inputs": tensors_of(runnable.input_schema),
        "outputs": tensors_of(runnable.output_schema),
    }


def _runnable(served: ServedEndpoint, target: Target) -> Runnable:
    answering = served.answering()
    if target.version:
        version_id = answering.get(target.version)
        if version_id is None:
            raise VersionNotFound(
                f"{served.model} does not serve the version {target.version} in {served.environment}",
                hint=f"it serves {', '.join(sorted(answering)) or 'none'}",
            )
    else:
        version_id = max(answering.values(), key=served.route.weight_of, default=None)
    lane = served.lanes.get(version_id) if version_id is not None else None
    if lane is None:
        raise NotServing(f"{served.model} serves nothing in {served.environment}")
    return lane.backend.runnable
