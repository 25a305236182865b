"""The back end of versions with files: worker processes that load the version and answer batches of calls.

Rules
- How calls reach processes stands in `modelyard.runtimes.dispatching`, how processes are kept alive in
  `modelyard.runtimes.supervision`; a pool brings both together.
- It starts with all of its processes, or not at all.
- A process over its memory bound is replaced once it is idle; one that is over by a quarter is ended at once.
- Nothing under way is lost when the pool shrinks or is closed, within `drain_timeout_s`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import msgspec

from modelyard.errors import InvalidInput, ModelyardError, TooLarge
from modelyard.runtimes.backend import INFER, PREDICT, Answer, Call, Probe, Runnable, Sizing
from modelyard.runtimes.dispatching import Dispatcher
from modelyard.runtimes.frames import PING, Load
from modelyard.runtimes.process import MEMORY
from modelyard.runtimes.supervision import Assignment, Replica, WorkerPolicy

LARGEST_BODY = 256 << 20
"""Bytes of one call; servers have a smaller bound of their own."""

PROBE_TIMEOUT_S = 30.0

AT_ONCE = 1.25
"""A process that has more than this times its memory bound is not waited for."""


class Folder(Protocol):
    """A folder with a version's files, kept until it is released."""

    @property
    def path(self) -> Path:
        """Where it is."""
        ...

    def release(self) -> None:
        """Say that it is not used any more."""
        ...


Folders = Callable[[Runnable], Folder]
"""Gives the files of a version as a folder; called in a thread, since it may fetch them."""


class WorkerPool:
    """Runs a version in worker processes.

    Args:
        runnable: the version.
        sizing: how many processes, and the bounds of a batch.
        folders: gives its files.
        policy: times and bounds.
    """

    def __init__(
        self, runnable: Runnable, sizing: Sizing, folders: Folders, policy: WorkerPolicy | None = None
    ) -> None:
        self._runnable, self._folders = runnable, folders
        self._policy = policy or WorkerPolicy()
        self._assignment = _assignment(runnable, sizing)
        self._dispatcher = Dispatcher(runnable.reference, sizing, self._policy, self.is_idle)
        self._replicas = self._dispatcher.replicas
        self._numbers = self._restarts = 0
        self._folder: Folder | None = None
        self._change = asyncio.Lock()
        self._background: set[asyncio.Task[None]] = set()
        self._closing: asyncio.Task[None] | None = None

    @property
    def runnable(self) -> Runnable:
        """The version."""
        return self._runnable

    @property
    def healthy(self) -> bool:
        """Whether a process takes calls now."""
        return not self._dispatcher.closing and any(replica.usable for replica in self._replicas)

    async def start(self) -> None:
        """Get the files, start the processes, load and warm up; all of them or none.

        Raises:
            NotDeployable: a process ends while it loads the version, or takes too much memory.
            InvalidArtifact, MissingExtra: the version cannot be loaded.
            IntegrityError: a file is damaged.
            TimedOut: it took longer than `start_timeout_s`.
        """
        try:
            self._folder = await _in_thread(self._folders, self._runnable)
            self._assignment.load = _load(self._runnable, self._folder.path, self._policy.opener)
            await self._grow(max(1, self._dispatcher.sizing.replicas))
        except BaseException:
            await self.close()
            raise
        self._spawn(self._watch_memory())

    async def probe(self) -> Probe:
        """Predict the stored input example; without one, ask for a sign of life."""
        protocol, body = self._assignment.example or (PING, b"")
        start = time.monotonic()
        try:
            await self._dispatcher.ask(protocol, body, PROBE_TIMEOUT_S)
        except ModelyardError as error:
            return Probe(ok=False, seconds=time.monotonic() - start, detail=error.message)
        return Probe(ok=True, seconds=time.monotonic() - start)

    async def predict(self, call: Call) -> Answer:
        """Answer a call.

        Raises:
            InvalidInput: the version cannot take this input.
            PredictionFailed: the model raised an error, or ended its process twice.
            BackendLost: no process can answer now.
            TimedOut: there was no answer within `timeout_s`.
            Overloaded, TooLarge: too many calls wait, or this one is too large.
        """
        if call.protocol not in (PREDICT, INFER):
            text = f"{self._runnable.reference} does not speak the protocol {call.protocol!r}"
            raise InvalidInput(text, hint="use /predict or /v2")
        if len(call.body) > LARGEST_BODY:
            raise TooLarge(f"an input of {len(call.body)} bytes is over the limit of {LARGEST_BODY}")
        return Answer(output=await self._dispatcher.ask(call.protocol, call.body, call.timeout_s))

    async def stream(self, call: Call) -> AsyncIterator[bytes]:  # noqa: ARG002 - the interface has it
        """Refuse: a model in files answers as a whole."""
        raise InvalidInput(f"{self._runnable.reference} does not stream its answers", hint="ask without stream")
        yield b""  # type: ignore[unreachable] # this makes it a generator, as the interface wants it

    async def resize(self, sizing: Sizing) -> None:
        """Run more or fewer processes, with other bounds; answers under way are not lost.

        Raises:
            ModelyardError: a new process did not start; those that were there stay.
        """
        async with self._change:
            if self._dispatcher.closing:
                return
            wanted = max(1, sizing.replicas)
            self._dispatcher.sizing = sizing
            self._assignment.memory = sizing.memory_mb << 20
            self._assignment.threads = threads_of(wanted)
            self._dispatcher.wake()
            if wanted > len(self._replicas):
                await self._grow(wanted - len(self._replicas))
            by_worth = sorted(self._replicas, key=lambda replica: replica.usable, reverse=True)
            await asyncio.gather(*map(self._dismiss, by_worth[wanted:]))

    async def close(self) -> None:
        """Take no more calls, finish those under way, end the processes and reap them."""
        self._dispatcher.closing = True
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    def describe(self) -> dict[str, Any]:
        """How it is: numbers of processes, calls, batches and restarts, and what went wrong last."""
        running = [replica.process for replica in self._replicas if replica.usable and replica.process is not None]
        return {
            "kind": "workers",
            "flavour": self._runnable.flavour,
            "replicas": len(self._replicas),
            "ready": len(running),
            "processes": len(self._replicas),
            "pids": [process.pid for process in running],
            "memory_mb": sum(process.memory for process in running) >> 20,
            "restarts": self._restarts + sum(replica.restarts for replica in self._replicas),
            "waiting": self._dispatcher.waiting,
            "calls": self._dispatcher.calls,
            "batches": self._dispatcher.batches,
            "idle_s": self._dispatcher.idle_s,
            "last_error": self._dispatcher.last_error,
            "warm_up": next((replica.warm_up for replica in self._replicas if replica.warm_up), ""),
        }

    def is_idle(self, replica: Replica) -> None:
        """Give a process a batch; or replace it, if that waited for this moment."""
        if replica.worn:
            self._spawn(replica.replace())
        elif not replica.leaving:
            self._dispatcher.offer(replica)

    def was_lost(self, replica: Replica) -> None:
        """Give a process no more batches."""
        self._dispatcher.withdraw(replica)
        self._dispatcher.wake()

    def stays_away(self, replica: Replica) -> None:  # noqa: ARG002 - the interface has it
        """End the waiting calls if this was the last hope."""
        if self._dispatcher.lost:
            self._dispatcher.give_up()

    async def _grow(self, count: int) -> None:
        """Add processes; if one of them does not start, none is added."""
        new = []
        for _ in range(count):
            self._numbers += 1
            new.append(Replica(self._numbers, self._assignment, self._policy, self))
        self._replicas += new
        starts = [asyncio.create_task(replica.started()) for replica in new]
        try:
            await asyncio.gather(*starts)
        except BaseException:
            for start in starts:
                start.cancel()
            await asyncio.gather(*map(self._dismiss, new), *starts, return_exceptions=True)
            raise

    async def _dismiss(self, replica: Replica) -> None:
        """Take a place out of the pool, after its batch."""
        replica.leaving = True
        self._dispatcher.withdraw(replica)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._policy.drain_timeout_s):
                await replica.free.wait()
        await replica.end()
        self._replicas.remove(replica)
        self._restarts += replica.restarts
        self._dispatcher.wake()

    async def _watch_memory(self) -> None:
        while True:
            await asyncio.sleep(self._policy.memory_poll_s)
            for replica in self._replicas if self._assignment.memory else ():
                self._check_memory(replica, self._assignment.memory)

    def _check_memory(self, replica: Replica, bound: int) -> None:
        process = replica.process
        if process is None or not replica.usable or process.memory <= bound:
            return
        if replica.batch and process.memory > bound * AT_ONCE:
            process.kill(MEMORY)
        replica.worn = True
        if self._dispatcher.withdraw(replica):
            self.is_idle(replica)

    async def _close(self) -> None:
        await self._dispatcher.drain(self._policy.drain_timeout_s)
        for task in self._background:
            task.cancel()
        # A change of size that waits for new processes ends with them.
        await asyncio.gather(*[replica.end() for replica in self._replicas])
        async with self._change:
            await asyncio.gather(*[replica.end() for replica in self._replicas])
        # What the workers did not answer within their time came back into the queue.
        self._dispatcher.stop()
        if self._folder is not None:
            self._folder.release()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def threads_of(replicas: int) -> int:
    """Threads of numeric libraries in one process: an equal share of the processors."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, processors // max(1, replicas))


def _assignment(version: Runnable, sizing: Sizing) -> Assignment:
    example = version.input_example
    return Assignment(
        reference=version.reference,
        example=None if example is None else (PREDICT, msgspec.json.encode({"input": example})),
        threads=threads_of(sizing.replicas),
        memory=sizing.memory_mb << 20,
    )


def _load(version: Runnable, folder: Path, opener: str) -> Load:
    facts = {
        "flavour": version.flavour,
        "files": [file.path for file in version.files],
        "reference": version.reference,
        "input_schema": dict(version.input_schema),
        "output_schema": dict(version.output_schema),
        "input_example": version.input_example,
    }
    # Classes that were pickled by a script are found beside it, as in the script itself.
    paths = [path or str(Path.cwd()) for path in sys.path]
    return Load(opener=opener, folder=str(folder.absolute()), facts=facts, paths=paths)


async def _in_thread(folders: Folders, version: Runnable) -> Folder:
    """Get a folder in a thread; when the wait is given up, the folder is released once it is there."""
    getting = asyncio.ensure_future(asyncio.to_thread(folders, version))
    try:
        return await asyncio.shield(getting)
    except asyncio.CancelledError:
        getting.add_done_callback(lambda done: None if done.exception() else done.result().release())
        raise
