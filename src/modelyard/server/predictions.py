"""Which requests are predictions, and in which protocol: modelyard's own, Open Inference, OpenAI's chat completions."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from modelyard.delivery.serving import Serving
from modelyard.server.chat import ChatCompletions, is_chat
from modelyard.server.infer import ROOT, OpenInference
from modelyard.server.inference import AFTER, BEFORE, PERMISSION, Inference, name_in
from modelyard.server.openapi import parameter, problems
from modelyard.server.service import Service

_EXAMPLE = {"input": [[5.1, 3.5, 1.4, 0.2]]}
_FACTS = ("name", "version", "version_id", "deployment_id", "prediction_id")


class Predictions:
    """Answers predictions, before FastAPI sees them.

    Args:
        service: the parts of the server.
        serving: the running parts of delivery.
    """

    def __init__(self, service: Service, serving: Serving) -> None:
        self._serving = serving
        self._inference = Inference(service, serving)
        self._open = OpenInference(self._inference)
        self._chat = ChatCompletions(self._inference)

    @property
    def is_running(self) -> bool:
        """Whether endpoints are served."""
        return self._serving.is_running

    async def start(self) -> None:
        """Begin to serve endpoints, where nothing has begun it; harmless when repeated."""
        await self._serving.start()

    async def answered(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answer a request if it is one of these; False for all others."""
        path: str = scope["path"]
        name = name_in(path) if scope["method"] == "POST" else ""
        if name:
            await self._inference.predict(scope, receive, send, name)
            return True
        if path.startswith("/v2") and path[len(ROOT) :][:1] in {"", "/"}:
            await self._open(scope, receive, send)
            return True
        if is_chat(path):
            await self._chat(scope, receive, send)
            return True
        return False


class _Passed(Response):
    """An answer that is sent by whoever made it."""

    def __init__(self, predictions: Predictions) -> None:
        super().__init__()
        self._predictions = predictions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request as it came."""
        await self._predictions.answered(scope, receive, send)


def add_predictions(app: FastAPI, predictions: Predictions) -> None:
    """Describe the route of predictions, so that it is documented and other methods on it are refused as such."""

    async def predict(request: Request) -> Response:  # noqa: ARG001 - FastAPI's signature
        return _Passed(predictions)

    app.add_api_route(
        f"{BEFORE}{{name}}{AFTER}",
        predict,
        methods=["POST"],
        operation_id="predict",
        summary="Make a prediction with whatever version is served",
        tags=["models"],
        responses={**problems(400, 401, 403, 404, 413, 429, 502, 503, 504), 200: _answer()},
        openapi_extra={
            "x-permission": PERMISSION,
            "parameters": [
                parameter("path", "name", {"type": "string"}, required=True),
                parameter("query", "environment", {"type": "string", "default": "production"}),
                parameter("header", "x-modelyard-key", {"type": "string"}, text="What sticks to a version."),
                parameter("header", "x-modelyard-timeout", {"type": "number"}, text="Seconds to wait at most."),
            ],
            "requestBody": {"required": True, "content": {"application/json": {"schema": {}, "example": _EXAMPLE}}},
        },
    )


def _answer() -> dict[str, Any]:
    properties: dict[str, Any] = {"output": {}, **{fact: {"type": "string"} for fact in _FACTS}}
    properties["epoch"] = {"type": "integer"}
    properties["usage"] = {"type": "object", "description": "What a provider counted."}
    schema = {"type": "object", "required": ["output", *_FACTS, "epoch"], "properties": properties}
    content = {"application/json": {"schema": schema}, "text/event-stream": {}}
    return {"description": "The output, and who gave it; a stream where `stream` is asked for", "content": content}
