"""A place in a pool that always has a worker process: loaded, warmed, replaced when it ends.

    STARTING   a process loads the version
    READY      it takes batches
    RESTING    the process has ended; the next one starts after a pause
    ENDED      the place was given up

Rules
- What keeps the first process from becoming ready is raised and ends the place; later ones are tried for ever, after
  pauses that double from `first_pause_s` to `longest_pause_s`. They are short again after a process lived `stable_s`.
- A process warms up with the stored input example before it is ready. What the model says to the example is kept for
  people and keeps nothing from starting (a probe judges that); only a process that ends, or does not answer, does.
- Memory is bounded by looking, not by RLIMIT_AS or RLIMIT_DATA: numeric libraries reserve far more than they use. A
  version that is over its bound right after it was loaded is refused, since it would be replaced for ever.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from modelyard.errors import BY_CODE, InvalidArtifact, ModelyardError, NotDeployable, NotServing, TimedOut
from modelyard.runtimes.batching import Waiting
from modelyard.runtimes.frames import Batch, Load, Loaded, Refused, Reply
from modelyard.runtimes.process import MEMORY, WorkerGone, WorkerProcess, ending, start_worker
from modelyard.runtimes.worker import DEFAULT_OPENER

logger = logging.getLogger("modelyard.worker")

STARTING, READY, RESTING, ENDED = "starting", "ready", "resting", "ended"

LONG_PAUSE_S = 1.0
"""A place that rests longer than this is not waited for."""


@dataclass(frozen=True, kw_only=True)
class WorkerPolicy:
    """How worker processes are treated; times in seconds."""

    start_timeout_s: float = 120.0
    """For loading and warming up one process."""
    drain_timeout_s: float = 30.0
    """For calls under way when a pool is closed or shrinks."""
    hang_grace_s: float = 2.0
    """How long a process may work on after the last of its calls is out of time, before it is ended."""
    end_grace_s: float = 2.0
    """For a process to end by itself, and again to follow SIGTERM."""
    first_pause_s: float = 0.1
    longest_pause_s: float = 30.0
    stable_s: float = 10.0
    memory_poll_s: float = 0.5
    most_waiting: int = 10_000
    """Calls that wait in one pool; endpoints have smaller bounds of their own."""
    opener: str = DEFAULT_OPENER
    """Module and function that make the predictor in the worker."""


class Backoff:
    """Pauses that double."""

    def __init__(self, first: float, longest: float) -> None:
        self._first, self._longest = first, longest
        self._next = first

    def take(self) -> float:
        """The pause to make now, in seconds."""
        pause, self._next = self._next, min(self._next * 2, self._longest)
        return pause

    def reset(self) -> None:
        """Begin with the shortest pause again."""
        self._next = self._first


@dataclass(kw_only=True)
class Assignment:
    """What the processes of a pool are to run; read again whenever one starts.

    Attributes:
        load: the first question to each; filled in when the files are there.
        example: the call to warm up with, as protocol and body; None where there is no example.
        memory: bytes that a process may have; 0 for no bound.
    """

    reference: str
    example: tuple[str, bytes] | None
    threads: int
    memory: int
    load: Load = field(default_factory=lambda: Load(opener="", folder="", facts={}, paths=[]))


class Owner(Protocol):
    """Who is told what happens at a place."""

    def is_idle(self, replica: Replica) -> None:
        """Its process can take a batch."""

    def was_lost(self, replica: Replica) -> None:
        """Its process has ended."""

    def stays_away(self, replica: Replica) -> None:
        """Its next process did not become ready, or comes only after a long pause."""


class Replica:
    """One place; all methods belong to one event loop.

    Attributes:
        process: the present process.
        batch: the calls that it works on.
        away: whether it is not worth waiting for.
        leaving: it takes no more batches.
        worn: its process is to be replaced once it is idle.
    """

    def __init__(self, number: int, assignment: Assignment, policy: WorkerPolicy, owner: Owner) -> None:
        self.number = number
        self.state = STARTING
        self.process: WorkerProcess | None = None
        self.batch: list[Waiting] = []
        self.free = asyncio.Event()
        self.free.set()
        self.away = self.leaving = self.worn = self.batchable = False
        self.restarts = 0
        self.last_error = self.warm_up = ""
        self._assignment, self._policy, self._owner = assignment, policy, owner
        self._left = asyncio.Event()
        self._first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._life = asyncio.create_task(self._live())

    @property
    def usable(self) -> bool:
        """Whether it has a process that takes batches."""
        return self.state == READY and not self.leaving and self.process is not None and not self.process.exited.done()

    async def started(self) -> None:
        """Wait for the first process; raises what keeps it from becoming ready."""
        await asyncio.shield(self._first)

    async def end(self) -> None:
        """Give the place up: end its process and reap it; harmless when repeated."""
        self.leaving = True
        self._left.set()
        if self.state == READY and self.process is not None:
            await self.process.end(self._policy.end_grace_s)
        else:
            self._life.cancel()
        with suppress(asyncio.CancelledError):
            await self._life
        self.state = ENDED
        self._refuse(NotServing(f"{self._assignment.reference} was ended while it started"))

    async def replace(self) -> None:
        """Let the process end, so that a fresh one takes its place."""
        if self.process is not None:
            self.process.cause = MEMORY
            await self.process.end(self._policy.end_grace_s)

    async def _live(self) -> None:
        pauses = Backoff(self._policy.first_pause_s, self._policy.longest_pause_s)
        while not self._left.is_set():
            process = await self._next()
            lived = 0.0 if process is None else await self._serve(process)
            if self.leaving:
                return
            if process is not None:
                self.restarts += 1
            if lived >= self._policy.stable_s:
                pauses.reset()
            if process is None or process.cause != MEMORY:
                await self._rest(pauses.take(), failed=process is None)

    async def _serve(self, process: WorkerProcess) -> float:
        """Have batches handed to a process until it ends; gives the seconds that it lived."""
        loop = asyncio.get_running_loop()
        born = loop.time()
        self.state = READY
        self.away = self.worn = False
        if not self._first.done():
            self._first.set_result(None)
        self._owner.is_idle(self)
        code = await asyncio.shield(process.exited)
        self.state = RESTING
        self._owner.was_lost(self)
        await process.last_words()
        if not self.leaving:
            self._note(process, code)
        return loop.time() - born

    async def _next(self) -> WorkerProcess | None:
        """Start a process; None if that failed. The first failure ends the place."""
        self.state = STARTING
        try:
            return await self._open()
        except ModelyardError as error:
            self.last_error = str(error)
            if self._first.done():
                logger.warning("%s: worker %d does not start: %s", self._assignment.reference, self.number, error)
                return None
            self._refuse(error)
            self.leaving = True
            self.state = ENDED
            return None

    def _refuse(self, error: ModelyardError) -> None:
        """End the wait for the first process, unless it has ended."""
        if not self._first.done():
            self._first.set_exception(error)
            # Where nobody waits any more, the error is not reported as lost.
            self._first.exception()

    async def _open(self) -> WorkerProcess:
        reference = self._assignment.reference
        try:
            process = await start_worker(f"{reference} worker {self.number}", self._assignment.threads)
        except OSError as error:
            raise NotServing(f"{reference}: no worker process can be started: {error}") from error
        self.process = process
        try:
            async with asyncio.timeout(self._policy.start_timeout_s):
                await self._load(process)
        except WorkerGone as gone:
            raise await self._died(process, gone) from gone
        except TimeoutError as error:
            await _remove(process)
            text = f"{reference}: the worker was not ready within {self._policy.start_timeout_s:g} seconds"
            hint = "raise workers.start_timeout_s, or look at what the version does while it is loaded"
            raise TimedOut(text, hint=hint, details={"log": await process.last_words()}) from error
        except BaseException:
            await _remove(process)
            raise
        return process

    async def _load(self, process: WorkerProcess) -> None:
        job = self._assignment
        reply = await process.ask(job.load)
        if not isinstance(reply, Loaded):
            raise error_of(reply, job.reference)
        self.batchable = reply.batchable
        if job.example is not None:
            answered = await process.ask(Batch(calls=[job.example]))
            self.warm_up = _complaint(answered)
            if self.warm_up:
                logger.warning("%s does not answer its input example: %s", job.reference, self.warm_up)
        if job.memory and process.memory > job.memory:
            raise NotDeployable(
                f"{job.reference} takes {process.memory >> 20} MB once loaded, and may have {job.memory >> 20} MB",
                hint="raise memory_mb of the endpoint",
            )

    async def _died(self, process: WorkerProcess, gone: WorkerGone) -> ModelyardError:
        """The error for a process that ended while it loaded the version."""
        log = await process.last_words()
        return NotDeployable(
            f"{self._assignment.reference}: the worker process ended{ending(gone.code)} while it loaded the version",
            hint="what it printed last stands in the details, and in the log of the server",
            details={"log": log},
        )

    def _note(self, process: WorkerProcess, code: int) -> None:
        self.last_error = str(WorkerGone(code, process.cause))
        logger.warning("%s: worker %d is replaced: %s", self._assignment.reference, self.number, self.last_error)

    async def _rest(self, seconds: float, *, failed: bool = False) -> None:
        self.state = RESTING
        if failed or seconds >= LONG_PAUSE_S:
            self.away = True
            self._owner.stays_away(self)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._left.wait()


def error_of(reply: Reply, reference: str) -> ModelyardError:
    """The error of our tree that a worker's refusal stands for."""
    if not isinstance(reply, Refused):
        return InvalidArtifact(f"{reference}: the worker gave an answer that makes no sense")
    kind = BY_CODE.get(reply.code, InvalidArtifact)
    return kind(reply.message, hint=reply.hint, details=reply.details)


def _complaint(reply: Reply) -> str:
    """What is wrong with the one answer of a reply; empty if it is good."""
    answers = getattr(reply, "answers", [])
    part = answers[0] if len(answers) == 1 else ("model", "there is no answer")
    return "" if isinstance(part, bytes) else part[1]


async def _remove(process: WorkerProcess) -> None:
    """End a process that is of no use, and reap it."""
    process.kill()
    await asyncio.shield(process.exited)
    await process.last_words()
