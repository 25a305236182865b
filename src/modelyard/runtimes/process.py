"""One worker process: started, asked, watched, ended.

Rules
- It leads a session of its own, so that Ctrl-C reaches the server only. What it starts is ended with it.
- Its environment lacks what a model has no business with: modelyard's own variables, and whatever looks like a secret.
- Its end is noticed from the system, not from the connection: a process that the model started may hold that open.
- It is ended by closing the connection, then by SIGTERM, then by SIGKILL, and always reaped.
- Numeric libraries get `threads` threads, unless the user's environment says otherwise.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from modelyard.runtimes.channel import Channel, LogPipe
from modelyard.runtimes.frames import Question, Reply

logger = logging.getLogger("modelyard.worker")

WORKER = "modelyard.runtimes.worker"
"""The program that runs in it."""

LAST_LINES = 20
"""Lines of the log that are kept for messages about a worker that failed."""

LAST_WORDS_S = 1.0
"""Seconds to wait for the end of the log of a process that has ended: what it started may hold the pipe open."""

CUT_OFF_GRACE_S = 10.0
"""Seconds that a worker may live on after its connection has ended."""

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""Variables by which numeric libraries are told how many threads to use."""

_SECRET = re.compile(
    r"^MODELYARD_|API_?KEY|TOKEN|SECRET|PASSW|PWD$|CREDENTIAL|ACCESS_KEY|PRIVATE_KEY|DATABASE_URL|CONNECTION_STRING",
    re.IGNORECASE,
)
_HARMLESS = frozenset({"PWD", "OLDPWD", "TOKENIZERS_PARALLELISM"})
_PAGE = os.sysconf("SC_PAGE_SIZE")


HANG, MEMORY = "hang", "memory"
"""Why we end a process: it works on after its time, or has more memory than it may have."""

_CAUSES = {HANG: "did not come to an end", MEMORY: "had more memory than it may have"}


class WorkerGone(Exception):
    """The process ended before it answered.

    Attributes:
        code: its exit status, or minus the number of the signal that ended it.
        cause: why it was ended, where we did it: HANG or MEMORY; else empty.
    """

    def __init__(self, code: int, cause: str = "") -> None:
        super().__init__(f"the worker process {_CAUSES.get(cause) or f'ended{ending(code)}'}")
        self.code = code
        self.cause = cause

    @property
    def own_doing(self) -> bool:
        """Whether the process ended by what it did, and not because somebody ended it from outside."""
        return bool(self.cause) or self.code not in (-signal.SIGKILL, -signal.SIGTERM)


def ending(code: int) -> str:
    """How a process ended, as the end of a sentence: ` with signal SIGSEGV`, ` with status 1`."""
    if code >= 0:
        return f" with status {code}"
    try:
        return f" with signal {signal.Signals(-code).name}"
    except ValueError:
        return f" with signal {-code}"


def environment(given: Mapping[str, str], threads: int) -> dict[str, str]:
    """A worker's environment: the given one without secrets, with bounds for threads that are not set there."""
    kept = {name: value for name, value in given.items() if name in _HARMLESS or not _SECRET.search(name)}
    return {**dict.fromkeys(THREADS, str(threads)), "PYTHONUNBUFFERED": "1", **kept}


def memory_of(pid: int) -> int:
    """Bytes of memory that are the process's own: resident, without what it shares with files; 0 if unknown."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_bytes().split()
    except OSError:
        return 0
    return (int(fields[1]) - int(fields[2])) * _PAGE


@dataclass(eq=False)
class WorkerProcess:
    """A running worker; made by `start_worker`. All methods belong to one event loop.

    Attributes:
        exited: ends with the process's code when it is gone and reaped.
        lines: the last lines that it printed.
    """

    label: str
    popen: subprocess.Popen[bytes]
    exited: asyncio.Future[int]
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    cause: str = ""
    _channel: Channel | None = None
    _log: LogPipe | None = None

    @property
    def pid(self) -> int:
        """Its id in the system."""
        return self.popen.pid

    @property
    def memory(self) -> int:
        """Bytes of memory of its own; 0 if unknown."""
        return 0 if self.exited.done() else memory_of(self.pid)

    def ask(self, question: Question) -> asyncio.Future[Reply]:
        """Ask; the future raises WorkerGone if the process ends first.

        Raises:
            WorkerGone: it has ended already.
            FrameTooLarge: the question does not fit.
        """
        if self._channel is None or self.exited.done():
            raise WorkerGone(self.exited.result() if self.exited.done() else 0, self.cause)
        return self._channel.ask(question)

    def kill(self, cause: str = "") -> None:
        """End it at once, together with what it started."""
        self.cause = self.cause or cause
        self._signal(signal.SIGKILL)

    async def end(self, grace: float) -> None:
        """Let it end by itself, ask it to, force it: `grace` seconds for each of the first two."""
        if self._channel is not None:
            self._channel.close()
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await asyncio.shield(self.exited)
                return
            self._signal(number)
        await asyncio.shield(self.exited)

    async def last_words(self) -> str:
        """What it printed last, once all of that has arrived; closes the pipe. Called after its end."""
        if self._log is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS_S):
                    await asyncio.shield(self._log.closed)
            self._log.close()
        return "\n".join(self.lines)

    def tell(self, line: str) -> None:
        """Take a line of its log."""
        self.lines.append(line)
        logger.info("%s: %s", self.label, line)

    def gone(self, code: int) -> None:
        """Take notice of its end."""
        if self._channel is not None:
            self._channel.fail(WorkerGone(code, self.cause))
            self._channel.close()
        if not self.exited.done():
            self.exited.set_result(code)

    async def connect(self, connection: socket.socket, output: int) -> None:
        """Open our ends of its connection and of its log."""
        loop = asyncio.get_running_loop()
        pipe = os.fdopen(output, "rb", buffering=0)
        try:
            _, self._log = await loop.connect_read_pipe(lambda: LogPipe(self.tell), pipe)
            _, self._channel = await loop.create_unix_connection(lambda: Channel(self._cut_off), sock=connection)
        except BaseException:
            # Whoever gives a start up meanwhile may do so before the loop has taken the connection over.
            connection.close()
            raise

    def _cut_off(self) -> None:
        # A worker that cannot be asked any more is of no use, whatever it still does.
        asyncio.get_running_loop().call_later(CUT_OFF_GRACE_S, self._signal, signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.exited.done():
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


async def start_worker(label: str, threads: int) -> WorkerProcess:
    """Start a worker process.

    It is started from the thread of the event loop, because Linux ends it together with the *thread* that started it.

    Args:
        label: how its log lines are marked, and how it is told apart in lists of processes.
        threads: threads for numeric libraries.

    Raises:
        OSError: the system starts no more processes.
    """
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    with theirs:
        reading, writing = os.pipe()
        try:
            popen = subprocess.Popen(  # noqa: ASYNC220 - see above; it takes a millisecond
                [sys.executable, "-P", "-m", WORKER, str(theirs.fileno()), str(os.getpid()), label],
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                env=environment(os.environ, threads),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        except BaseException:
            ours.close()
            os.close(reading)
            raise
        finally:
            os.close(writing)
    worker = WorkerProcess(label, popen, loop.create_future())
    threading.Thread(target=_wait, args=(loop, worker), name=f"modelyard-wait-{popen.pid}", daemon=True).start()
    try:
        await worker.connect(ours, reading)
    except BaseException:
        worker.kill()
        raise
    return worker


def _wait(loop: asyncio.AbstractEventLoop, worker: WorkerProcess) -> None:
    """Wait for a worker's end, end what it has started, reap it, and tell the loop."""
    pid = worker.pid
    if hasattr(os, "waitid"):
        # Until it is reaped, its number cannot become that of another group.
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
    code = worker.popen.wait()
    # Where the loop has been closed meanwhile, nobody waits for the news.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(worker.gone, code)
