"""One call of a back end: repeated where nothing was answered, and told to its circuit.

Rules
- `BackendLost` promises that nothing was answered: the call is made again, three times at most. Between two tries it
  waits a moment, and while the back end says that it is not well, for a worker may be starting again.
- A back end that answers is alive, also where it answers with an error of the model or of the caller. What counts for
  the circuit is that nothing was answered, or not within the time that the endpoint gives; a caller's own shorter time
  says nothing about the back end.
- What a back end raises that is none of our errors is a failed prediction, told without its details.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from modelyard.delivery.lanes import Lane
from modelyard.domain.names import shown
from modelyard.errors import InvalidRequest, ModelyardError, NotServing, PredictionFailed, TimedOut
from modelyard.runtimes.backend import Answer, Backend, BackendLost, Call

TRIES = 3
_FIRST_PAUSE_S = 0.02
_POLL_S = 0.05

_log = logging.getLogger("modelyard.delivery")
T = TypeVar("T")


def timeout_of(told: str | None, configured: float) -> float:
    """Return the seconds that a call has: what the caller told, but no more than the endpoint gives.

    Raises:
        InvalidRequest: what the caller told is no time.
    """
    if not told:
        return configured
    try:
        seconds = float(told)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise InvalidRequest(f"{shown(told)} is no time to wait", hint="send seconds, such as x-modelyard-timeout: 2.5")
    return min(seconds, configured)


def counts_against(error: ModelyardError) -> bool:
    """Whether an error counts against the version: all do but the caller's own mistakes."""
    return not isinstance(error, InvalidRequest)


async def answered(lane: Lane, call: Call, deadline: float) -> Answer:
    """Return the back end's answer to a call.

    Args:
        lane: the way there; the caller has its place.
        call: what is asked.
        deadline: moment of the loop's clock at which being cancelled counts as a failure of the back end; infinite
            where it does not.

    Raises:
        NotServing: the circuit is open, or nothing was answered at any try.
        ModelyardError: the back end's own.
    """
    return await _guarded(lane, lambda: lane.backend.predict(call), deadline)


async def begun(lane: Lane, call: Call, deadline: float) -> tuple[AsyncIterator[bytes], bytes | None]:
    """Return a stream and its first piece, None where it ended without one; arguments and errors as in `answered`."""

    async def first() -> tuple[AsyncIterator[bytes], bytes | None]:
        pieces = lane.backend.stream(call)
        try:
            return pieces, await anext(pieces, None)
        except BaseException:
            await ended(pieces)
            raise

    return await _guarded(lane, first, deadline)


async def ended(pieces: AsyncIterator[bytes]) -> None:
    """Ask a stream for nothing more."""
    close = getattr(pieces, "aclose", None)
    if close is not None:
        await close()


async def _guarded(lane: Lane, ask: Callable[[], Awaitable[T]], deadline: float) -> T:
    clock = asyncio.get_running_loop().time
    circuit = lane.circuit
    circuit.enter(clock())
    try:
        answer = await _repeated(lane, ask)
    except (NotServing, TimedOut) as error:
        if isinstance(error, TimedOut) and deadline == math.inf:
            circuit.abandoned()
        else:
            circuit.failed(clock())
        raise
    except ModelyardError:
        circuit.succeeded()
        raise
    except BaseException:
        # Cancelled: by the deadline, or because nobody wants the answer any more.
        if clock() >= deadline:
            circuit.failed(clock())
        else:
            circuit.abandoned()
        raise
    circuit.succeeded()
    return answer


async def _repeated(lane: Lane, ask: Callable[[], Awaitable[T]]) -> T:
    for tried in range(1, TRIES + 1):
        try:
            return await ask()
        except BackendLost:
            if tried == TRIES:
                raise
            await _recovered(lane.backend, _FIRST_PAUSE_S * tried, lane.patience.recovery_s)
        except ModelyardError:
            raise
        except Exception as fault:
            _log.exception("the back end of %s failed in a way that nobody foresaw", lane.backend.runnable.reference)
            raise PredictionFailed(f"{lane.backend.runnable.reference} failed on this request") from fault
    raise AssertionError("the last try returns or raises")


async def _recovered(backend: Backend, pause: float, patience: float) -> None:
    """Wait for a moment, and on until the back end is well, but not for ever."""
    loop = asyncio.get_running_loop()
    end = loop.time() + patience
    await asyncio.sleep(pause)
    while not backend.healthy and loop.time() < end:  # noqa: ASYNC110 - back ends tell their state, not its changes
        await asyncio.sleep(_POLL_S)
