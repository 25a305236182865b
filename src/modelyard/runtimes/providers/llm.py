"""Versions that are an LLM of a provider: a model, parameters and a prompt, behind the interface of back ends.

Rules
- What differs between providers is a `Dialect`; all else is here, once.
- The key is read from the server's environment when the version starts, and goes only where `domain.provider` says.
- A probe asks for one prediction of the input example where the version has one; else it looks the model up at the
  provider, which costs nothing.
- A stream that ends before the provider says that the answer is whole is an error, never an end.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any, Protocol

import msgspec

from modelyard.domain.chat import (
    FILTERED,
    Chat,
    Completion,
    Piece,
    chat_of,
    completion_body,
    prepared,
    question_of,
)
from modelyard.domain.parameters import OPENAI
from modelyard.domain.prompt import INPUT
from modelyard.domain.provider import ADDRESS_VARIABLES, ADDRESSES, Provider, check_address
from modelyard.errors import InvalidInput, InvalidMetadata, ModelyardError, NotDeployable, PredictionFailed
from modelyard.runtimes.backend import CHAT, PREDICT, Answer, BackendLost, Call, Probe, Runnable, Sizing, Usage
from modelyard.runtimes.providers.client import Client, Incoming, Reply
from modelyard.runtimes.providers.events import MEDIA_TYPE, EventReader
from modelyard.runtimes.providers.faults import Source, decoded, fault_of, is_success, told_fault
from modelyard.runtimes.providers.reading import mapping, readable
from modelyard.runtimes.providers.speaking import DONE, blocked, speaker_of
from modelyard.runtimes.providers.underway import Stream, UnderWay

PROBE_S = 15.0
"""Seconds that a probe may take."""
GRACE_S = 1.0
"""Seconds that the end of a whole answer is waited for, so that its connection can be used again."""
_NO_LOOK_UP = frozenset({404, 405, 501})
_encode = msgspec.json.encode


class Dialect(Protocol):
    """How one provider is asked, and what its answers mean."""

    kind: str

    def headers(self, key: str) -> dict[str, str]:
        """The headers of every request."""
        ...

    def version(self, body: Mapping[str, Any]) -> dict[str, str]:
        """The headers that tell the version of the interface that a request is in."""
        ...

    def path(self, model: str, *, stream: bool) -> str:
        """Where a request goes, behind the address of the provider."""
        ...

    def look_up(self, model: str) -> str:
        """Where the provider tells about a model."""
        ...

    def body(self, provider: Provider, chat: Chat, *, stream: bool) -> dict[str, Any]:
        """The request of a chat."""
        ...

    def completion(self, document: Any) -> Completion:
        """What an answer says; raises Unreadable."""
        ...

    def piece(self, document: Mapping[str, Any]) -> Piece:
        """What an event of a stream says; raises Unreadable."""
        ...


class LLM:
    """A version that is an LLM of a provider; a `Backend`.

    Args:
        runnable: the version.
        provider: its record, checked.
        dialect: how its provider is asked.
        environ: the environment that keys and addresses are read from.
    """

    def __init__(self, runnable: Runnable, provider: Provider, dialect: Dialect, environ: Mapping[str, str]) -> None:
        self._runnable, self._provider, self._dialect, self._environ = runnable, provider, dialect, environ
        self._calls = UnderWay()
        self._address = ""
        self._client: Client | None = None
        parameters = {*provider.parameters, *provider.extra}
        self._source = Source(
            where=provider.kind, variables=(provider.key_variable,), recorded=parameters - {"max_tokens"}
        )

    @property
    def runnable(self) -> Runnable:
        """What it runs."""
        return self._runnable

    @property
    def healthy(self) -> bool:
        """Whether it takes calls."""
        return self._calls.is_open

    async def start(self) -> None:
        """Read the key and the address.

        Raises:
            NotDeployable: the key is missing, or the environment's address is none.
        """
        self._address = self._found_address()
        self._client = Client(self._provider.kind, self._dialect.headers(self._found_key()))
        self._client.open()
        self._calls.is_open = True

    async def probe(self) -> Probe:
        """Ask for one prediction of the input example, or look the model up where there is none."""
        began = time.monotonic()
        try:
            example = self._runnable.input_example
            detail = await self._looked_up() if example is None else await self._predicted(example)
        except ModelyardError as error:
            return Probe(ok=False, seconds=time.monotonic() - began, detail=error.message)
        return Probe(ok=True, seconds=time.monotonic() - began, detail=detail)

    async def predict(self, call: Call) -> Answer:
        """Answer a call; see `Backend`."""
        chat = self._chat(call)
        with self._calls.call():
            body = self._dialect.body(self._provider, chat, stream=False)
            url = self._address + self._dialect.path(self._provider.model, stream=False)
            headers = self._dialect.version(body)
            reply = await self._asker.ask("POST", url, _encode(body), timeout_s=call.timeout_s, headers=headers)
            if not is_success(reply.status):
                raise fault_of(self._source, reply)
            with readable(self._provider.kind):
                completion = self._dialect.completion(decoded(reply.body))
            return self._answer(call, reply, completion)

    def stream(self, call: Call) -> Stream:
        """Answer a call piece by piece; the stream's `usage` is there at its end."""
        return Stream(lambda stream: self._streamed(call, stream))

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
            "kind": self._provider.kind,
            "model": self._provider.model,
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

    def _found_address(self) -> str:
        if self._provider.base_url:
            return self._provider.base_url
        variable = ADDRESS_VARIABLES[self._provider.kind]
        given = self._environ.get(variable, "").strip()
        try:
            return check_address(variable, given) if given else ADDRESSES[self._provider.kind]
        except InvalidMetadata as error:
            raise NotDeployable(error.message, hint=error.hint) from None

    def _found_key(self) -> str:
        variable = self._provider.key_variable
        key = self._environ.get(variable, "").strip()
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            what = "holds no key" if key else "is not set"
            raise NotDeployable(
                f"{self._runnable.reference} is served by {self._provider.kind}, and {variable} {what}",
                hint=f"set {variable} in the environment of the server",
                details={"variable": variable},
            )
        return key

    def _chat(self, call: Call) -> Chat:
        body = decoded(call.body)
        if call.protocol == CHAT:
            return prepared(self._provider, chat_of(body), templated=False)
        if call.protocol != PREDICT:
            raise InvalidInput(
                f"{self._runnable.reference} is an LLM, which takes no tensors",
                hint="post to /api/models/NAME/predict, or to /v1/chat/completions",
            )
        return prepared(self._provider, question_of(body, self._provider.prompt), templated=True)

    def _answer(self, call: Call, reply: Reply, completion: Completion) -> Answer:
        usage = self._usage(completion.input_tokens, completion.output_tokens)
        if call.protocol == PREDICT:
            if not completion.text and completion.finish_reason == FILTERED:
                raise blocked(self._provider.kind)
            return Answer(output=_encode(completion.text), usage=usage)
        if self._dialect.kind == OPENAI:
            return Answer(output=reply.body, usage=usage)
        head = self._head(completion.id, completion.model)
        whole = replace(completion, id=head["id"], model=head["model"])
        return Answer(output=_encode(completion_body(whole, created=head["created"])), usage=usage)

    async def _streamed(self, call: Call, stream: Stream) -> AsyncIterator[bytes]:
        chat = self._chat(call)
        speaker = speaker_of(call.protocol, self._dialect.kind, chat, self._head())
        tally = Tally()
        with self._calls.call():
            async with aclosing(self._pieces(chat, call.timeout_s)) as pieces:
                async for data, piece in pieces:
                    tally.add(piece)
                    said = speaker.piece(piece, data)
                    if said:
                        yield said
            if call.protocol == PREDICT and tally.is_blocked:
                raise blocked(self._provider.kind)
            stream.usage = self._usage(tally.input_tokens, tally.output_tokens)
            yield speaker.end(tally.finish_reason, stream.usage)

    async def _pieces(self, chat: Chat, timeout_s: float) -> AsyncGenerator[tuple[bytes, Piece]]:
        """Yield the pieces of an answer, each with the data that it came as, until it is whole."""
        body = self._dialect.body(self._provider, chat, stream=True)
        url = self._address + self._dialect.path(self._provider.model, stream=True)
        headers = self._dialect.version(body)
        async with self._asker.stream(url, _encode(body), timeout_s=timeout_s, headers=headers) as incoming:
            if not is_success(incoming.status):
                raise fault_of(self._source, await incoming.whole())
            if not incoming.headers.get("Content-Type", "").startswith(MEDIA_TYPE):
                raise PredictionFailed(f"{self._provider.kind} answered with no stream, though it was asked for one")
            async with aclosing(self._told(incoming)) as told:
                async for data, piece in told:
                    yield data, piece
                    if piece.ended:
                        break
                else:
                    raise BackendLost(f"{self._provider.kind} ended the stream before the answer was whole")
                for late in await _late(told):
                    yield b"", late

    async def _told(self, incoming: Incoming) -> AsyncGenerator[tuple[bytes, Piece]]:
        reader = EventReader()
        async with aclosing(incoming.pieces()) as pieces:
            async for part in pieces:
                for name, data in reader.feed(part):
                    yield data, Piece(ended=True) if data == DONE else self._piece(name, data)

    def _piece(self, name: str, data: bytes) -> Piece:
        document = decoded(data)
        if name == "error" or (isinstance(document, dict) and document.get("error")):
            raise told_fault(self._source, document)
        with readable(self._provider.kind):
            return self._dialect.piece(mapping(document))

    def _head(self, identifier: str = "", model: str = "") -> dict[str, Any]:
        """What all parts of one answer in OpenAI's form share."""
        made = identifier or f"chatcmpl-{secrets.token_hex(12)}"
        return {"id": made, "created": int(time.time()), "model": model or self._provider.model}

    def _usage(self, input_tokens: int, output_tokens: int) -> Usage:
        pricing = self._provider.pricing
        cost = None if pricing is None else pricing.cost(input_tokens, output_tokens)
        return Usage(input_tokens=input_tokens, output_tokens=output_tokens, cost=cost)

    async def _predicted(self, example: Any) -> str:
        is_body = isinstance(example, Mapping) and (INPUT in example or "messages" in example)
        body = _encode(example if is_body else {INPUT: example})
        await self.predict(Call(body=body, timeout_s=PROBE_S))
        return "answered the input example"

    async def _looked_up(self) -> str:
        url = self._address + self._dialect.look_up(self._provider.model)
        reply = await self._asker.ask("GET", url, None, timeout_s=PROBE_S, headers=self._dialect.version({}))
        if is_success(reply.status):
            return f"{self._provider.kind} has {self._provider.model}"
        is_usual = self._address == ADDRESSES[self._provider.kind]
        if reply.status in _NO_LOOK_UP and not is_usual:
            return f"{self._address} answers, and looks up no models"
        raise fault_of(self._source, reply)


class Tally:
    """What the pieces of a stream add up to."""

    def __init__(self) -> None:
        self.input_tokens = self.output_tokens = 0
        self.finish_reason = ""
        self._has_text = False

    @property
    def is_blocked(self) -> bool:
        """Whether nothing was said because of what the input or the answer says."""
        return self.finish_reason == FILTERED and not self._has_text

    def add(self, piece: Piece) -> None:
        """Take a piece into account; later numbers take the place of earlier ones."""
        self._has_text = self._has_text or bool(piece.text)
        self.finish_reason = piece.finish_reason or self.finish_reason
        if piece.input_tokens is not None:
            self.input_tokens = piece.input_tokens
        if piece.output_tokens is not None:
            self.output_tokens = piece.output_tokens


async def _late(told: AsyncIterator[tuple[bytes, Piece]]) -> list[Piece]:
    """What still comes behind the end of an answer; reading it frees the connection for the next request."""
    late: list[Piece] = []
    with suppress(TimeoutError, ModelyardError):
        async with asyncio.timeout(GRACE_S):
            async for _data, piece in told:
                late.append(replace(piece, text="", ended=False))
    return late
