"""Somebody else's SDK in a process of its own: it prints, starts services and takes seconds to import.

Rules
1. A job goes in as one line of JSON, what came of it comes out as JSON. Whatever the SDK prints goes elsewhere, and
   only its last line is kept, for an error that nobody foresaw.
2. The process ends with whoever asked for it, however that one ends: it holds on to its standard input, and goes when
   that does. So no two of them ever work on one job after a crash.
3. It is ended by force when it takes too long, or when nobody wants it any more. What it started goes with it.
4. The working folder is no place to import from: a folder named after the SDK often lies there.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final

import msgspec

from modelyard.errors import BY_CODE, ModelyardError, RemoteUnavailable, TimedOut

TICK_S: Final = 0.1
LONGEST_LINE: Final = 500
FAULT: Final = "fault"
"""The code of what is no error of ours."""

Work = Callable[[dict[str, Any]], Mapping[str, Any]]


def run(
    module: str,
    job: Mapping[str, Any],
    *,
    folder: Path,
    environ: Mapping[str, str],
    timeout: float,
    unwanted: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Run a program of this package that ends in `answer`, and return what it answers.

    Args:
        module: the program.
        job: what it gets, as JSON values.
        folder: its working folder.
        environ: its environment.
        timeout: seconds that it has.
        unwanted: asked now and then; the program is ended as soon as it is true.

    Raises:
        ModelyardError: the one that the program told.
        RemoteUnavailable: it ended without an answer, or with an error that is none of ours.
        TimedOut: it took too long, or was unwanted.
    """
    with TemporaryFile() as out, TemporaryFile() as told:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module],
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=told,
            start_new_session=True,
        )
        try:
            assert process.stdin is not None  # noqa: S101 - it is a pipe
            # A program that ends before it has read everything is told by its status.
            with suppress(BrokenPipeError):
                process.stdin.write(msgspec.json.encode(job) + b"\n")
                process.stdin.flush()
            _await(process, timeout, unwanted)
        finally:
            _end(process)
        return _answer_of(out, told, process.returncode)


def answer(work: Work) -> None:
    """Be such a program: read the job, do it, and tell what came of it."""
    line = sys.stdin.buffer.readline()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # The SDK's own words must not come between ours; standard output becomes the other stream.
    out = os.dup(1)
    os.dup2(2, 1)
    try:
        told: dict[str, Any] = {"done": work(msgspec.json.decode(line))}
    except ModelyardError as error:
        told = {"error": {"code": error.code, "message": error.message, "hint": error.hint}}
    except Exception as error:  # noqa: BLE001 - whatever an SDK raises is told, and not known here
        told = {"error": {"code": FAULT, "message": f"{type(error).__name__}: {error}", "hint": ""}}
    with os.fdopen(out, "wb") as stream:
        stream.write(msgspec.json.encode(told, enc_hook=str))


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    # The process leads a group of its own, in which the SDK's services are.
    os.killpg(0, signal.SIGKILL)


def _await(process: subprocess.Popen[bytes], timeout: float, unwanted: Callable[[], bool]) -> None:
    end = time.monotonic() + timeout
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(TICK_S)
            return
        if unwanted():
            raise TimedOut("it was ended before it was done")
        if time.monotonic() >= end:
            raise TimedOut(f"it was not done in {timeout:g} s")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program, and what it has started; what has ended already is left alone."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with suppress(BrokenPipeError):
        process.stdin.close()  # type: ignore[union-attr]  # it is a pipe


def _answer_of(out: IO[bytes], told: IO[bytes], status: int) -> dict[str, Any]:
    out.seek(0)
    try:
        answered: dict[str, Any] = msgspec.json.decode(out.read(), type=dict[str, Any])
    except msgspec.DecodeError:
        told.seek(0)
        lines = [line for line in told.read().decode("utf-8", "replace").splitlines() if line.strip()]
        last = lines[-1].strip()[:LONGEST_LINE] if lines else "it said nothing"
        raise RemoteUnavailable(f"the program ended with status {status}: {last}", hint="") from None
    error = answered.get("error")
    if error is None:
        done: dict[str, Any] = answered["done"]
        return done
    raise BY_CODE.get(error["code"], RemoteUnavailable)(error["message"], hint=error["hint"])
