"""The gateway: every prediction's way from a model's name to the answer of the version that is due.

Rules
- A request follows the route of the epoch that it entered, to its end, whatever is installed meanwhile; what it did is
  recorded under that epoch.
- The version that the route chose answers, or nobody: where its back end is out of order, the caller is told when to
  come again, and is never given another version's answer.
- Shadow versions get copies that nobody waits for. A copy that finds no free place is not made.
- What counts against a version is everything but its callers' mistakes: input that it cannot take, a queue that is
  full, a client that went away.
- Nothing here knows HTTP, and nothing waits for a database.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Coroutine
from dataclasses import replace
from secrets import token_bytes
from time import perf_counter
from typing import Any, Self

import msgspec

from modelyard.delivery.book import Book, Entry, Facts, Keeper, ServedEndpoint
from modelyard.delivery.calling import answered, begun, counts_against, ended, timeout_of
from modelyard.delivery.keys import CHANCE, chance, key_of
from modelyard.delivery.lanes import Lane, Patience
from modelyard.delivery.usage import tokens_in
from modelyard.domain.names import shown
from modelyard.domain.prediction_ids import SECRET_BYTES
from modelyard.domain.routing import Header
from modelyard.domain.units import key_hash
from modelyard.errors import ModelyardError, NotServing, Overloaded, PredictionFailed, TimedOut, VersionNotFound
from modelyard.runtimes.backend import Answer, Call, Usage
from modelyard.telemetry.outcome import WELL, Lot, Outcome
from modelyard.telemetry.profiler import Profiler
from modelyard.telemetry.recorder import Recorder, Subject
from modelyard.telemetry.windows import LIVE, SHADOW

MOST_SHADOWS = 256
"""Copies under way at once, of all endpoints."""
TIMEOUT_HEADER = "x-modelyard-timeout"


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, who gave it (`facts` name version, deployment and epoch), and its name, for feedback."""

    answer: Answer
    facts: Facts
    id: str
    role: str = LIVE


class Way:
    """A request's way: which endpoint in which epoch, which version, by which key, within how many seconds."""

    __slots__ = ("begun", "call", "facts", "key", "lane", "lot", "recorder", "served")

    def __init__(
        self, served: ServedEndpoint, version_id: str, call: Call, key: bytes, recorder: Recorder, lot: Lot | None
    ) -> None:
        self.served, self.call, self.key, self.recorder, self.lot = served, call, key, recorder, lot
        self.lane: Lane = served.lanes[version_id]
        self.facts: Facts = served.facts[version_id]
        self.begun = perf_counter()

    @property
    def subject(self) -> Subject:
        """What is recorded is about this."""
        return self.served.endpoint_id, self.facts.epoch, self.facts.version_id, LIVE

    def name(self) -> str:
        """Return a name for what is answered; each time another one."""
        lot, stamp = self.lot, self.served.stamps[self.facts.version_id]
        # This tells names apart; what keeps them from being forged is their seal.
        number = CHANCE.getrandbits(64)
        return stamp.name(number) if lot is None else stamp.name(number, drawn=True, key=lot.key)

    @property
    def is_whole(self) -> bool:
        """Whether the caller gives all the time that the endpoint gives."""
        return self.call.timeout_s >= self.served.configuration.timeout_s

    def late(self) -> TimedOut:
        """The error of a request whose time is over."""
        return TimedOut(f"{self.facts.name} {self.facts.version} did not answer within {self.call.timeout_s:g} s")

    def record(self, outcome: Outcome) -> None:
        """Record that it was answered."""
        self.recorder.record(self.subject, perf_counter() - self.begun, outcome, self.lot)

    def failed(self, error: ModelyardError) -> None:
        """Record that it was not; a caller who waits for less time than the endpoint gives proves nothing by that."""
        if isinstance(error, TimedOut) and not self.is_whole:
            self.abandoned()
        elif counts_against(error):
            self.record(Outcome(code=error.code))

    def abandoned(self) -> None:
        """Record that its caller went away before it was answered."""
        if self.lot is not None:
            self.recorder.abandon(self.subject, perf_counter() - self.begun, self.lot)


class Streamed:
    """An answer that comes piece by piece; `aclose` has to be called, however it ends.

    An iteration that raises was cut short: nobody may take what came for the whole answer.

    Attributes:
        facts: who gives it.
        id: its name, for feedback.
    """

    def __init__(self, way: Way, pieces: AsyncIterator[bytes], first: bytes | None) -> None:
        self.facts, self.id = way.facts, way.name()
        self._way, self._pieces, self._first = way, pieces, first
        self._tokens = tokens_in(first) if first is not None else 0
        self._open = True

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        first, self._first = self._first, None
        if first is not None:
            return first
        try:
            async with asyncio.timeout(self._way.call.timeout_s):
                piece = await anext(self._pieces)
        except StopAsyncIteration:
            if self._open:
                self._way.record(Outcome(tokens=self._tokens) if self._tokens else WELL)
            raise
        except TimeoutError:
            error = self._way.late()
            self._end(error)
            raise error from None
        except ModelyardError as error:
            self._end(error)
            raise
        except Exception as fault:
            error_of_ours = PredictionFailed(f"the stream of {self.facts.name} {self.facts.version} broke")
            self._end(error_of_ours)
            raise error_of_ours from fault
        self._tokens = tokens_in(piece) or self._tokens
        return piece

    async def aclose(self) -> None:
        """Ask for nothing more, and give the place back; harmless when repeated."""
        if self._open:
            self._open = False
            self._way.lane.leave(perf_counter() - self._way.begun)
            self._way.served.leave()
        await ended(self._pieces)

    def _end(self, error: ModelyardError) -> None:
        if self._open:
            self._way.failed(error)


class Gateway:
    """Sends each request to the version that is due. Used in one event loop.

    Args:
        fleet: what looks after the back ends.
        recorder: told of every prediction.
        patience: how much failure a lane bears.
        secret: what seals the names of predictions; left out where nobody will give feedback.

    Attributes:
        book: what is served.
        dropped: copies that were not made for want of a free place.
        profiler: takes samples of what was asked and answered, if anybody does.
    """

    def __init__(
        self, fleet: Keeper, recorder: Recorder, *, patience: Patience | None = None, secret: bytes = b""
    ) -> None:
        self.book = Book(fleet, patience or Patience(), secret or token_bytes(SECRET_BYTES))
        self._recorder = recorder
        self._tasks: set[asyncio.Task[None]] = set()
        self.dropped = 0
        self.profiler: Profiler | None = None

    def install(self, entry: Entry) -> None:
        """Serve an endpoint so from now on; requests under way go on as they began."""
        self.book.install(entry)

    def remove(self, model: str, environment: str, reason: str | None = None) -> None:
        """Serve an endpoint no more; arguments as in `Book.remove`."""
        self.book.remove(model, environment, reason)

    async def predict(
        self,
        model: str,
        environment: str,
        call: Call,
        key: bytes | None = None,
        header: Header | None = None,
        *,
        version: str = "",
    ) -> Prediction:
        """Answer a call.

        Args:
            model: the model's name.
            environment: its environment.
            call: what is asked; its timeout is set here, by the endpoint and the header `x-modelyard-timeout`.
            key: what sticks to a version; where it is left out, as the endpoint's configuration says.
            header: gives a header of the request by its lower-case name; those of the call where it is left out.
            version: the version that has to answer, among those that the route serves; empty for whatever is due.

        Raises:
            EndpointNotFound, VersionNotFound, NotServing, Overloaded, TimedOut, InvalidRequest: as they say.
            InvalidInput, PredictionFailed: the version's own.
        """
        way = self._way(self.book.find(model, environment), call, key, header or call.headers.get, version)
        way.served.enter()
        try:
            if way.served.route.route.shadow:
                self._copy(way)
            answer = await self._answered(way)
        finally:
            way.served.leave()
        return Prediction(answer=answer, facts=way.facts, id=way.name())

    async def stream(
        self,
        model: str,
        environment: str,
        call: Call,
        key: bytes | None = None,
        header: Header | None = None,
        *,
        version: str = "",
    ) -> Streamed:
        """Begin to answer a call piece by piece; arguments and errors as in `predict`.

        The timeout bounds the wait for each piece.
        """
        way = self._way(self.book.find(model, environment), call, key, header or call.headers.get, version)
        way.served.enter()
        try:
            return await self._begun(way)
        except BaseException:
            way.served.leave()
            raise

    async def close(self) -> None:
        """End the copies that are under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.book.close()

    def _way(self, served: ServedEndpoint, call: Call, key: bytes | None, header: Header, version: str) -> Way:
        """Choose who answers."""
        if key is None:
            key = key_of(served.configuration, header, call.body)
        lots = key if key is not None else chance()
        rule = None if version else served.route.rule_of(lots, header)
        version_id = _named(served, version) if version else rule.version_id if rule else served.route.drawn(lots)
        if version_id is None:
            raise NotServing(f"{served.model} serves nothing in {served.environment}")
        if version_id not in served.lanes:
            raise NotServing(f"a version of {served.model} could not be started", details={"version_id": version_id})
        timeout_s = timeout_of(header(TIMEOUT_HEADER), served.configuration.timeout_s)
        if timeout_s != call.timeout_s:
            call = replace(call, timeout_s=timeout_s)
        # Who came by name or by a rule was not drawn by lot, and tells the judge nothing.
        is_drawn = bool(served.trial) and not version and rule is None
        lot = Lot(served.trial, key_hash(key, served.secret)) if is_drawn else None
        return Way(served, version_id, call, lots, self._recorder, lot)

    async def _answered(self, way: Way) -> Answer:
        deadline = asyncio.get_running_loop().time() + way.call.timeout_s
        has_place = False
        try:
            async with asyncio.timeout_at(deadline):
                await way.lane.enter()
                has_place = True
                answer = await answered(way.lane, way.call, deadline if way.is_whole else math.inf)
        except TimeoutError:
            error: ModelyardError = way.late()
        except asyncio.CancelledError:
            way.abandoned()
            raise
        except ModelyardError as raised:
            if isinstance(raised, Overloaded) and not has_place:
                raise
            error = raised
        else:
            way.record(_outcome(answer.usage))
            if self.profiler is not None:
                facts, call = way.facts, way.call
                self.profiler.take(facts.version_id, way.served.endpoint_id, call.protocol, call.body, answer.output)
            return answer
        finally:
            if has_place:
                way.lane.leave(perf_counter() - way.begun)
        way.failed(error)
        raise error

    async def _begun(self, way: Way) -> Streamed:
        deadline = asyncio.get_running_loop().time() + way.call.timeout_s
        has_place = False
        try:
            async with asyncio.timeout_at(deadline):
                await way.lane.enter()
                has_place = True
                pieces, first = await begun(way.lane, way.call, deadline if way.is_whole else math.inf)
        except TimeoutError:
            error: ModelyardError = way.late()
        except asyncio.CancelledError:
            way.abandoned()
            raise
        except ModelyardError as raised:
            if isinstance(raised, Overloaded) and not has_place:
                raise
            error = raised
        else:
            has_place = False  # It is the stream's now.
            return Streamed(way, pieces, first)
        finally:
            if has_place:
                way.lane.leave()
        way.failed(error)
        raise error

    def _copy(self, way: Way) -> None:
        """Send copies of a request to the shadow versions that get one."""
        for version_id in way.served.route.shadows(way.key):
            lane = way.served.lanes.get(version_id)
            if lane is None or len(self._tasks) >= MOST_SHADOWS or not lane.enter_now():
                self.dropped += 1
                continue
            way.served.enter()
            self._background(self._shadowed(way, lane, version_id))

    async def _shadowed(self, way: Way, lane: Lane, version_id: str) -> None:
        start = perf_counter()
        error: Exception | None = None
        try:
            async with asyncio.timeout(way.call.timeout_s):
                await lane.backend.predict(way.call)
        except Exception as raised:  # noqa: BLE001 - whatever a copy meets is recorded, and disturbs nobody
            error = raised
        finally:
            lane.leave()
            way.served.leave()
        if error is None or not isinstance(error, ModelyardError) or counts_against(error):
            subject = (way.served.endpoint_id, way.served.route.epoch, version_id, SHADOW)
            self._recorder.record(subject, perf_counter() - start, WELL if error is None else _failed(error))

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _outcome(usage: Usage | None) -> Outcome:
    if usage is None:
        return WELL
    return Outcome(tokens=usage.input_tokens + usage.output_tokens, cost=usage.cost or 0.0)


def _failed(error: Exception) -> Outcome:
    return Outcome(code=error.code if isinstance(error, ModelyardError) else PredictionFailed.code)


def _named(served: ServedEndpoint, version: str) -> str:
    """The id of a version that the caller named."""
    answering = served.answering()
    if version not in answering:
        raise VersionNotFound(
            f"{served.model} does not serve the version {shown(version)} in {served.environment}",
            hint=f"it serves {', '.join(sorted(answering)) or 'none'}",
        )
    return answering[version]
