"""Real processes that do something at the same moment, or that are killed in the middle of it.

They come from multiprocessing's fork server: each is a fresh process without connections, locks or threads of the
parent, like a spawned one, but the packages that all of them need are imported once.
"""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any

PATIENCE = 90.0

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["alembic.command", "components.yards", "modelyard.bootstrap", "psycopg", "pytest"])


def together(work: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Run `work` once for each tuple of arguments, each in a process of its own, all set off at once.

    Args:
        work: a function at the top of a module.
        calls: the arguments of each process.

    Returns:
        What each call returned, in their order.

    Raises:
        AssertionError: a call raised, or a process died; the message holds its traceback.
    """
    every = list(calls)
    barrier = _context.Barrier(len(every))
    crowd = []
    for arguments in every:
        ours, theirs = _context.Pipe()
        process = _context.Process(target=_attend, args=(theirs, barrier, work, arguments), daemon=True)
        process.start()
        theirs.close()
        crowd.append((process, ours))
    answers = [_answer(process, pipe) for process, pipe in crowd]
    failures = [text for good, text in answers if not good]
    assert not failures, "\n".join(failures)
    return [result for _, result in answers]


@contextmanager
def alone(work: Callable[..., None], *arguments: Any) -> Iterator[tuple[ForkServerProcess, Connection]]:
    """Run `work(pipe, *arguments)` in a process of its own; yield it and our end of the pipe, and end it at the end."""
    ours, theirs = _context.Pipe()
    process = _context.Process(target=work, args=(theirs, *arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        yield process, ours
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()


def _attend(pipe: Connection, barrier: Any, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        barrier.wait(PATIENCE)
        answer: tuple[bool, Any] = (True, work(*arguments))
    except Exception:  # noqa: BLE001 - whatever it is, the parent reports it
        answer = (False, traceback.format_exc())
    pipe.send(answer)


def _answer(process: ForkServerProcess, pipe: Connection) -> tuple[bool, Any]:
    try:
        answer: tuple[bool, Any] = pipe.recv() if pipe.poll(PATIENCE) else (False, f"{process.name} does not answer")
    except EOFError:
        answer = (False, f"{process.name} died")
    if not answer[0]:
        process.kill()
    process.join()
    process.close()
    pipe.close()
    return answer
