"""Hands the calls that wait to the workers that are idle, and their answers back.

Rules
- A call waits until a worker is idle, at most until its time is up.
- While processes are being replaced calls wait for them; where none will come back soon, they end with BackendLost.
- A process that works on after all its calls are out of time is ended; its place starts another one.
- How calls are grouped, and what is tried again, stands in `modelyard.runtimes.batching`.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from modelyard.errors import InvalidInput, Overloaded, PredictionFailed, TimedOut
from modelyard.runtimes.backend import BackendLost, Sizing
from modelyard.runtimes.batching import MOST_TRIES, CallQueue, Waiting
from modelyard.runtimes.frames import AnswerPart, Answers, Batch, Reply
from modelyard.runtimes.process import HANG, WorkerGone
from modelyard.runtimes.supervision import Replica, WorkerPolicy


class Dispatcher:
    """The calls of one pool; all methods belong to one event loop.

    Args:
        reference: the version, for messages.
        sizing: the bounds of a batch.
        policy: times and bounds.
        became_idle: told of each worker that has answered its batch, and is offered again by whoever it is.

    Attributes:
        replicas: the places of the pool, which changes this list.
        closing: no new calls are taken.
        calls: how many there were.
        batches: how many batches were handed out.
    """

    def __init__(
        self, reference: str, sizing: Sizing, policy: WorkerPolicy, became_idle: Callable[[Replica], None]
    ) -> None:
        self.replicas: list[Replica] = []
        self.sizing = sizing
        self.closing = False
        self.calls = self.batches = 0
        self._reference, self._policy, self._became_idle = reference, policy, became_idle
        self._queue = CallQueue()
        self._idle: deque[Replica] = deque()
        self._risky: Replica | None = None
        self._scheduled = False
        self._delayed: asyncio.TimerHandle | None = None
        self._under_way = 0
        self._quiet = asyncio.Event()
        self._last_used = time.monotonic()

    @property
    def waiting(self) -> int:
        """Calls that no worker has taken yet."""
        return len(self._queue)

    @property
    def idle_s(self) -> float:
        """Seconds since the last call came, or since the start."""
        return 0.0 if self._under_way else time.monotonic() - self._last_used

    @property
    def lost(self) -> bool:
        """Whether no process takes calls, and none will soon."""
        return all(replica.away or replica.leaving for replica in self.replicas)

    @property
    def last_error(self) -> str:
        """What went wrong last at one of the places; empty if nothing did."""
        return next((replica.last_error for replica in self.replicas if replica.last_error), "")

    async def ask(self, protocol: str, body: bytes, timeout_s: float) -> bytes:
        """Wait for the answer to a call; the errors are those of `WorkerPool.predict`."""
        self._admit()
        loop = asyncio.get_running_loop()
        now = loop.time()
        call = Waiting(protocol, body, now, now + timeout_s, loop.create_future())
        timer = loop.call_at(call.deadline, self._expire, call)
        self.calls += 1
        self._under_way += 1
        self._queue.put(call)
        self.wake()
        try:
            return await call.future
        finally:
            timer.cancel()
            self._queue.drop(call)
            self._under_way -= 1
            self._last_used = time.monotonic()
            if self._under_way == 0:
                self._quiet.set()

    def wake(self) -> None:
        """Hand out calls once everything that happens at this moment has happened: they go together then."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    def offer(self, replica: Replica) -> None:
        """Give an idle worker something to do."""
        self._idle.append(replica)
        self.wake()

    def withdraw(self, replica: Replica) -> bool:
        """Give a worker nothing more; says whether it was idle."""
        found = replica in self._idle
        if found:
            self._idle.remove(replica)
        return found

    async def drain(self, seconds: float) -> None:
        """Wait until all calls have ended; those that have not after some seconds, or cannot, are given up."""
        if self._under_way and not self.lost:
            self._quiet.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._quiet.wait()
            except TimeoutError:
                self.give_up()

    def give_up(self) -> None:
        """End all waiting calls: nobody will answer them."""
        for call in self._queue.clear():
            if not call.future.done():
                call.future.set_exception(BackendLost(f"{self._reference} has no worker process"))

    def stop(self) -> None:
        """End what is left, when the last process is gone."""
        self.give_up()
        if self._delayed is not None:
            self._delayed.cancel()

    def _admit(self) -> None:
        if self.closing:
            raise BackendLost(f"{self._reference} is being stopped")
        if self.lost:
            raise BackendLost(f"{self._reference} has no worker process: {self.last_error or 'none was started'}")
        if len(self._queue) >= self._policy.most_waiting:
            raise Overloaded(f"{len(self._queue)} calls wait for {self._reference}", details={"retry_after": 1})

    def _expire(self, call: Waiting) -> None:
        if not call.future.done():
            seconds = call.deadline - call.since
            call.future.set_exception(TimedOut(f"{self._reference} did not answer within {seconds:g} seconds"))

    def _dispatch(self) -> None:
        self._scheduled = False
        while self._idle and self._queue and not self._too_early():
            several = self.replicas[0].batchable and self.sizing.max_batch > 1
            batch = self._queue.take(self.sizing.max_batch if several else 1, suspects=self._may_risk())
            if not batch:
                break
            self._run(self._idle.popleft(), batch)

    def _too_early(self) -> bool:
        """Whether the idle worker is to wait for more calls; then it is looked at again when the time comes."""
        oldest = self._queue.oldest
        delay = self.sizing.batch_delay_ms / 1000
        if delay <= 0 or oldest is None or self._queue.urgent or self._queue.fresh >= self.sizing.max_batch:
            return False
        loop = asyncio.get_running_loop()
        due = oldest.since + delay
        if loop.time() >= due:
            return False
        if self._delayed is not None:
            self._delayed.cancel()
        self._delayed = loop.call_at(due, self.wake)
        return True

    def _may_risk(self) -> bool:
        usable = sum(replica.usable for replica in self.replicas)
        return self._risky is None and (usable > 1 or len(self.replicas) == 1)

    def _run(self, replica: Replica, batch: list[Waiting]) -> None:
        process = replica.process
        assert process is not None  # noqa: S101 - an idle worker has a process
        try:
            future = process.ask(Batch(calls=[(call.protocol, call.body) for call in batch]))
        except WorkerGone:
            # It has ended a moment ago and was not asked: that is no try.
            self._queue.put_back(batch, suspect=False)
            self.wake()
            return
        if batch[0].suspect:
            self._risky = replica
        self.batches += 1
        replica.batch = batch
        replica.free.clear()
        latest = max(call.deadline for call in batch)
        hang = asyncio.get_running_loop().call_at(latest + self._policy.hang_grace_s, process.kill, HANG)
        future.add_done_callback(partial(self._finished, replica, hang))

    def _finished(self, replica: Replica, hang: asyncio.TimerHandle, future: asyncio.Future[Reply]) -> None:
        hang.cancel()
        batch, replica.batch = replica.batch, []
        if self._risky is replica:
            self._risky = None
        error = future.exception()
        if error is not None:
            self._salvage(batch, error)
        else:
            self._deliver(replica, batch, future.result())
        replica.free.set()
        if replica.usable:
            self._became_idle(replica)

    def _deliver(self, replica: Replica, batch: list[Waiting], reply: Reply) -> None:
        parts: list[AnswerPart] = reply.answers if isinstance(reply, Answers) else []
        if len(parts) != len(batch):
            parts = [("model", "the worker gave an answer that makes no sense")] * len(batch)
            if replica.process is not None:
                replica.process.kill()
        for call, part in zip(batch, parts, strict=True):
            if call.future.done():
                continue
            if isinstance(part, bytes):
                call.future.set_result(part)
            else:
                kind, message = part
                call.future.set_exception((InvalidInput if kind == "input" else PredictionFailed)(message))

    def _salvage(self, batch: list[Waiting], error: BaseException) -> None:
        """Try the calls of a worker that ended once more, or fail them."""
        own_doing = not isinstance(error, WorkerGone) or error.own_doing
        again = []
        for call in batch:
            call.tries += 1
            if call.future.done():
                continue
            if call.tries < MOST_TRIES:
                again.append(call)
            else:
                text = f"{self._reference}: {error} at this input, and so did the one before"
                call.future.set_exception(PredictionFailed(text))
        self._queue.put_back(again, suspect=own_doing)
        if self.lost:
            self.give_up()
