"""Versions that are a server elsewhere: Triton, KServe, BentoML, MLflow's scoring server, or a service of one's own.

Rules
- The body goes on as it came, and the answer comes back as it is; it has to be JSON, or where a stream is asked for, a
  stream: a page or a whole JSON answer must not pass for one.
- `predict`: a prediction's body is posted to the version's `url`. `v2`: an inference is posted to
  `{url}/v2/models/{model}/infer`, or to `url` itself where no model is named; a prediction has to be one in that form.
- Statuses mean what `faults` says, save that 500 is the model's error here: asking again would fail again.
- Of the caller's headers, only those that trace a request go on.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from modelyard.domain.names import shown
from modelyard.domain.provider import HttpTarget
from modelyard.errors import InvalidInput, ModelyardError, NotDeployable, PredictionFailed
from modelyard.runtimes.backend import INFER, PREDICT, Answer, BackendLost, Call, Probe, Runnable, Sizing
from modelyard.runtimes.providers.client import Client, Reply
from modelyard.runtimes.providers.faults import Source, decoded, fault_of, is_success, words_of
from modelyard.runtimes.providers.underway import Stream, UnderWay

PROBE_S = 10.0
_TRACING = ("x-request-id", "traceparent", "tracestate")
_FAILED = 500
_NAMES = ("model_name", "model_version")


class HttpBackend:
    """A version that is a server elsewhere; a `Backend`.

    Args:
        runnable: the version.
        target: its record, checked.
        environ: the environment that the values of headers are read from.
    """

    def __init__(self, runnable: Runnable, target: HttpTarget, environ: Mapping[str, str]) -> None:
        self._runnable, self._target, self._environ = runnable, target, environ
        self._calls = UnderWay()
        self._client: Client | None = None
        host = urlsplit(target.url).netloc
        self._source = Source(where=host, variables=tuple(dict.fromkeys(target.headers_env.values())))

    @property
    def runnable(self) -> Runnable:
        """What it runs."""
        return self._runnable

    @property
    def healthy(self) -> bool:
        """Whether it takes calls."""
        return self._calls.is_open

    async def start(self) -> None:
        """Read the headers.

        Raises:
            NotDeployable: a variable is missing.
        """
        self._client = Client(self._source.where, self._found_headers())
        self._client.open()
        self._calls.is_open = True

    async def probe(self) -> Probe:
        """Ask for one prediction of the input example, or for the health address where there is none."""
        began = time.monotonic()
        try:
            detail = await self._sign_of_life()
        except ModelyardError as error:
            return Probe(ok=False, seconds=time.monotonic() - began, detail=error.message)
        return Probe(ok=True, seconds=time.monotonic() - began, detail=detail)

    async def predict(self, call: Call) -> Answer:
        """Answer a call; see `Backend`."""
        self._refuse_foreign(call)
        with self._calls.call():
            reply = await self._asker.ask(
                "POST", self._address, call.body, timeout_s=call.timeout_s, headers=_tracing(call)
            )
            if not is_success(reply.status):
                raise self._fault(reply)
            return Answer(output=self._output(call, reply.body))

    def stream(self, call: Call) -> Stream:
        """Answer a call piece by piece, as the pieces come."""
        return Stream(lambda _stream: self._streamed(call))

    async def resize(self, sizing: Sizing) -> None:
        """Nothing of it runs here."""

    async def close(self) -> None:
        """Finish what is under way, then end the connections."""
        await self._calls.drained()
        if self._client is not None:
            await self._client.close()

    def describe(self) -> dict[str, Any]:
        """What it is, and how it is."""
        return {
            "kind": "http",
            "model": self._target.model,
            "address": self._address,
            "under_way": self._calls.count,
            "answered": self._calls.answered,
            "last_error": self._calls.last_error,
        }

    @property
    def _asker(self) -> Client:
        if self._client is None:
            raise BackendLost("the version was not started")
        return self._client

    @property
    def _address(self) -> str:
        if self._target.protocol == INFER and self._target.model:
            return f"{self._target.url}/v2/models/{quote(self._target.model)}/infer"
        return self._target.url

    def _found_headers(self) -> dict[str, str]:
        found = {}
        for name, variable in self._target.headers_env.items():
            value = self._environ.get(variable, "").strip()
            if not value or not value.isascii() or not value.isprintable():
                raise NotDeployable(
                    f"{self._runnable.reference} needs {variable} for the header {name}, and it is not set",
                    hint=f"set {variable} in the environment of the server",
                    details={"variable": variable},
                )
            found[name] = value
        return found

    def _refuse_foreign(self, call: Call) -> None:
        if call.protocol == self._target.protocol:
            return
        if call.protocol == PREDICT and _is_inference(decoded(call.body)):
            return
        raise InvalidInput(
            f"{self._runnable.reference} is a server that takes {self._target.protocol} only",
            hint="post tensors to /v2/models/NAME/infer"
            if self._target.protocol == INFER
            else "post to /api/models/NAME/predict",
        )

    def _output(self, call: Call, body: bytes) -> bytes:
        try:
            if call.protocol == INFER:
                answer = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
                return msgspec.json.encode({name: item for name, item in answer.items() if name not in _NAMES})
            msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise PredictionFailed(f"{self._source.where} answered with something that is no JSON: {error}") from error
        return body

    def _fault(self, reply: Reply) -> ModelyardError:
        if reply.status == _FAILED:
            words = words_of(decoded(reply.body)) or shown(reply.body[:200].decode("utf-8", "replace"))
            return PredictionFailed(f"{self._source.where} failed with status 500: {words}", details={"status": 500})
        return fault_of(self._source, reply)

    async def _streamed(self, call: Call) -> AsyncIterator[bytes]:
        self._refuse_foreign(call)
        with self._calls.call():
            asked = self._asker.stream(self._address, call.body, timeout_s=call.timeout_s, headers=_tracing(call))
            async with asked as incoming:
                if not is_success(incoming.status):
                    raise self._fault(await incoming.whole())
                self._refuse_whole(incoming.headers.get("Content-Type", ""))
                async with aclosing(incoming.pieces()) as pieces:
                    async for piece in pieces:
                        yield piece

    def _refuse_whole(self, told: str) -> None:
        kind = told.partition(";")[0].strip().lower()
        if kind == "application/json":
            raise InvalidInput(f"{self._source.where} does not stream its answers", hint="ask without stream")
        if kind in {"", "text/html"}:
            raise PredictionFailed(f"{self._source.where} answered with something that is no stream")

    async def _sign_of_life(self) -> str:
        if self._runnable.input_example is not None:
            body = msgspec.json.encode(self._example())
            await self.predict(Call(body=body, protocol=self._target.protocol, timeout_s=PROBE_S))
            return "answered the input example"
        address = self._health
        reply = await self._asker.ask("GET", address, None, timeout_s=PROBE_S)
        # Without a health address the prediction's own is asked, which need not answer GET.
        if is_success(reply.status) or (address == self._address and reply.status < _FAILED):
            return f"{address} answered {reply.status}"
        raise BackendLost(f"{address} answered {reply.status}")

    def _example(self) -> Any:
        example = self._runnable.input_example
        if self._target.protocol == INFER or (isinstance(example, Mapping) and "input" in example):
            return example
        return {"input": example}

    @property
    def _health(self) -> str:
        parts = urlsplit(self._target.url)
        if self._target.health:
            return f"{parts.scheme}://{parts.netloc}{self._target.health}"
        if self._target.protocol == INFER and self._target.model:
            return f"{self._target.url}/v2/models/{quote(self._target.model)}/ready"
        return self._address


def _is_inference(body: object) -> bool:
    return isinstance(body, dict) and isinstance(body.get("inputs"), list)


def _tracing(call: Call) -> dict[str, str]:
    return {name: call.headers[name] for name in _TRACING if name in call.headers}
