"""The program of a worker process: loads one version and answers batches of calls, one after the other.

Started as `python -P -m modelyard.runtimes.worker DESCRIPTOR PARENT`, where DESCRIPTOR is the worker's end of a socket
pair and PARENT the id of the process that started it.

Rules
- It ends when its parent ends: the system sends it SIGKILL (on Linux), and the connection ends everywhere.
- An interrupt from the keyboard is the parent's business: calls under way are answered first.
- What the model raises becomes the answer of the calls concerned, be it an interrupt, or a panic of a library in Rust;
  only what ends the process itself is not answered.
- What the model prints goes to the parent's log, never into the connection.
"""

from __future__ import annotations

import ctypes
import faulthandler
import importlib
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from modelyard.errors import InvalidArtifact, ModelyardError
from modelyard.runtimes.frames import (
    PING,
    AnswerPart,
    Answers,
    Batch,
    BlockingChannel,
    FrameTooLarge,
    Load,
    Loaded,
    Refused,
)
from modelyard.runtimes.words import sendable, words_of

DEFAULT_OPENER = "modelyard.runtimes.predictor:open_predictor"
"""Module and function that make a predictor from a folder and facts."""

LONGEST_MESSAGE = 2_000
_PR_SET_PDEATHSIG = 1


class Fault(Protocol):
    """Why one call has no answer; what `modelyard.runtimes.predictor.Fault` looks like."""

    kind: str
    message: str


class Predictor(Protocol):
    """What an opener makes."""

    batchable: bool

    def predict(self, calls: Sequence[tuple[str, bytes]]) -> Sequence[bytes | Fault]:
        """Answer calls, each a protocol and a JSON body, in their order."""
        ...


def main(arguments: Sequence[str]) -> int:
    """Run a worker until its parent ends the connection.

    Args:
        arguments: the descriptor of the connection, and the id of the parent process; more is for people who look at
            lists of processes.
    """
    descriptor, parent = (int(text) for text in arguments[:2])
    if not _end_with(parent):
        return 1
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    # A process that the model starts must not keep the connection open.
    os.set_inheritable(descriptor, False)  # noqa: FBT003 - the system call's own argument
    with socket.socket(fileno=descriptor) as connection:
        try:
            serve(BlockingChannel(connection))
        except ConnectionError:
            return 1
    return 0


def serve(channel: BlockingChannel) -> None:
    """Load what the first question names, then answer batches until the connection ends."""
    question = channel.receive()
    if not isinstance(question, Load):
        return
    try:
        predictor = _opened(question)
    except BaseException as error:  # noqa: BLE001 - loading runs the model's own code, which may raise anything
        channel.send(refusal(error, str(question.facts.get("reference", ""))))
        return
    channel.send(Loaded(batchable=bool(predictor.batchable)))
    while isinstance(question := channel.receive(), Batch):
        answers = answered(predictor, question.calls)
        try:
            channel.send(Answers(answers=answers))
        except FrameTooLarge as error:
            channel.send(Answers(answers=[("model", str(error))] * len(answers)))


def answered(predictor: Predictor, calls: Sequence[tuple[str, bytes]]) -> list[AnswerPart]:
    """One answer for each call, whatever the model does short of ending the process."""
    wanted = [call for call in calls if call[0] != PING]
    try:
        found = [_part(answer) for answer in predictor.predict(wanted)] if wanted else []
    except BaseException as error:  # noqa: BLE001 - the model's own code may raise anything
        found = [("model", words_of(error, LONGEST_MESSAGE)[:LONGEST_MESSAGE])] * len(wanted)
    if len(found) != len(wanted):
        found = [("model", f"the predictor gave {len(found)} answers to {len(wanted)} calls")] * len(wanted)
    given = iter(found)
    return [b"null" if protocol == PING else next(given) for protocol, _body in calls]


def refusal(error: BaseException, reference: str) -> Refused:
    """Why a version cannot be loaded, as the parts of an error of our tree."""
    if not isinstance(error, ModelyardError):
        text = f"{reference}: loading failed: {words_of(error, LONGEST_MESSAGE)}"[:LONGEST_MESSAGE]
        error = InvalidArtifact(text, hint="look at the log of the server, which has what the worker printed")
    message, hint = sendable(error.message), sendable(error.hint)
    return Refused(code=error.code, message=message, hint=hint, details=error.details)


def _opened(task: Load) -> Predictor:
    sys.path += [path for path in task.paths if path not in sys.path]
    module, _colon, function = task.opener.partition(":")
    predictor: Predictor = getattr(importlib.import_module(module), function)(Path(task.folder), task.facts)
    return predictor


def _part(answer: bytes | Fault) -> AnswerPart:
    return answer if isinstance(answer, bytes) else (answer.kind, sendable(answer.message)[:LONGEST_MESSAGE])


def _end_with(parent: int) -> bool:
    """Arrange to be ended together with the parent; False if it has ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    return os.getppid() == parent


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
