"""Predictions over HTTP: `POST /api/models/{name}/predict`, answered before FastAPI sees the request.

Rules
- Who asks needs `endpoint.predict` on the model, whether there is such a model or not.
- The body goes to the version as it came. Of it, no more is read than the key, where that is a field of the body, and
  whether a stream is wanted (`"stream": true`).
- The answer is `{"output": …, "name", "version", "version_id", "deployment_id", "epoch", "prediction_id", "usage"?}`;
  the headers `x-modelyard-version`, `-epoch`, `-deployment` and `-prediction` tell the same. Streams are sent on piece
  by piece, unbuffered.
- A stream that breaks cuts the connection: what came before must not pass for the whole.
- Headers that prove who the caller is are not handed on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

import msgspec

from modelyard.delivery.answering import answer_of
from modelyard.delivery.gateway import Gateway, Prediction, Streamed
from modelyard.delivery.serving import Serving
from modelyard.errors import ModelyardError, NotServing
from modelyard.operations import delivery as rows
from modelyard.runtimes.backend import PREDICT, Call
from modelyard.server.attention import Attention
from modelyard.server.auth import authorise
from modelyard.server.binding import query_values, refuse_unknown
from modelyard.server.messages import Receive, Scope, Send
from modelyard.server.service import Service, whole_body

PERMISSION = rows.PREDICT
BEFORE, AFTER = "/api/models/", "/predict"
DEFAULT_ENVIRONMENT = "production"
SECRET_HEADERS = frozenset({b"authorization", b"cookie", b"proxy-authorization", b"x-api-key", b"x-goog-api-key"})

FAIR = 64
"""Pieces of a stream after which others have their turn."""
_JSON = (b"content-type", b"application/json")
_EVENTS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
_START_S = 60.0
"""How long the first requests after a start wait at most until it is known what their endpoint serves."""

_log = logging.getLogger("modelyard.server")
_encode = msgspec.json.Encoder().encode


class _Wanted(msgspec.Struct):
    stream: bool | None = None


_wanted = msgspec.json.Decoder(_Wanted).decode


def name_in(path: str) -> str:
    """Return the model that a path of predictions names; empty where it is no such path."""
    if not (path.startswith(BEFORE) and path.endswith(AFTER)):
        return ""
    name = path[len(BEFORE) : -len(AFTER)]
    return "" if "/" in name else name


def headers_of(scope: Scope) -> dict[str, str]:
    """Return a request's headers by lower-case name, without those that prove who the caller is."""
    kept = (pair for pair in scope["headers"] if pair[0] not in SECRET_HEADERS)
    return {name.decode("latin-1"): _text(value) for name, value in kept}


def _text(value: bytes) -> str:
    """A header's value: UTF-8, as a key has in a body and in a flag's context, else one character for each byte."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def environment_of(scope: Scope) -> str:
    """Return the environment that a request names in its query; `production` where it names none.

    Raises:
        InvalidRequest: the query says anything else.
    """
    if not scope["query_string"]:
        return DEFAULT_ENVIRONMENT
    given = query_values(scope["query_string"])
    refuse_unknown(given, ("environment",), "query")
    return str(given.get("environment") or DEFAULT_ENVIRONMENT)


def wants_stream(body: bytes) -> bool:
    """Whether a JSON body asks for a stream; one that cannot be read does not."""
    if b'"stream"' not in body:
        return False
    try:
        return bool(_wanted(body).stream)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


def told(given: Prediction | Streamed) -> list[tuple[bytes, bytes]]:
    """Return the headers that tell who answered, and the name of the prediction."""
    facts = given.facts
    return [
        (b"x-modelyard-version", facts.version.encode("latin-1")),
        (b"x-modelyard-epoch", b"%d" % facts.epoch),
        (b"x-modelyard-deployment", facts.deployment_id.encode("latin-1")),
        (b"x-modelyard-prediction", given.id.encode("latin-1")),
    ]


async def send_json(send: Send, body: bytes, headers: list[tuple[bytes, bytes]], status: int = 200) -> None:
    """Send a whole answer."""
    start = [_JSON, (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})


async def send_stream(send: Send, streamed: Streamed) -> None:
    """Send a stream on, each piece as it comes; returns without its end where it breaks."""
    await send({"type": "http.response.start", "status": 200, "headers": [*_EVENTS, *told(streamed)]})
    try:
        number = 0
        async for piece in streamed:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            number += 1
            if number % FAIR == 0:
                # A source that never waits, with nobody who reads, would keep all others from their turn.
                await asyncio.sleep(0)
    except ModelyardError as error:
        # Returning before the end makes the server cut the connection.
        _log.warning("a stream of %s broke: %s", streamed.facts.name, error.message)
        return
    await send({"type": "http.response.body", "body": b""})


class Inference:
    """Answers predictions.

    Args:
        service: the parts of the server.
        serving: the running parts of delivery.
    """

    def __init__(self, service: Service, serving: Serving) -> None:
        self._service, self._serving = service, serving

    async def predict(self, scope: Scope, receive: Receive, send: Send, name: str) -> None:
        """Answer a request to predict."""
        authorise(scope, PERMISSION).require(PERMISSION, name)
        environment = environment_of(scope)
        call = await self.call(scope, receive, PREDICT)
        gateway = await self.ready(name, environment)
        if wants_stream(call.body):
            await self.stream(gateway, (name, environment), call, receive, send)
            return
        async with Attention(receive):
            prediction = await gateway.predict(name, environment, call)
        await send_json(send, answer_of(prediction), told(prediction))

    async def stream(self, gateway: Gateway, key: tuple[str, str], call: Call, receive: Receive, send: Send) -> None:
        """Answer a call piece by piece; `key` is model and environment."""
        async with Attention(receive):
            streamed = await gateway.stream(*key, call)
            try:
                await send_stream(send, streamed)
            finally:
                await streamed.aclose()

    async def call(self, scope: Scope, receive: Receive, protocol: str) -> Call:
        """Read a request's body.

        Raises:
            TooLarge: it is over `server.max_body_bytes`.
        """
        body = await whole_body(receive, self._service.max_body_bytes)
        headers: Mapping[str, str] = headers_of(scope)
        return Call(body=body, protocol=protocol, headers=headers)

    async def ready(self, name: str, environment: str) -> Gateway:
        """Return the gateway, once it knows what the endpoint serves.

        Raises:
            NotServing: the database has not been reached since the start.
        """
        gateway, follower = self._serving.gateway, self._serving.follower
        if gateway.book.get(name, environment) is None:
            await follower.settled(name, environment, _START_S)
            if not follower.has_looked:
                raise NotServing("what is served is not known yet", hint="repeat the request in a moment")
        return gateway
