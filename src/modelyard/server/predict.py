"""The route of predictions as it is documented; `modelyard.server.hot` answers them before FastAPI sees them."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from modelyard.server.inference import AFTER, BEFORE, PERMISSION
from modelyard.server.messages import Receive, Scope, Send
from modelyard.server.openapi import parameter, problems
from modelyard.server.predictions import Predictions

_EXAMPLE = {"input": [[5.1, 3.5, 1.4, 0.2]]}
_FACTS = ("name", "version", "version_id", "deployment_id", "prediction_id")


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
