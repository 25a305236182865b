"""What a worker answers to batches, whatever its predictor does; the process around it stands in test_pool.py."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from modelyard.errors import MissingExtra
from modelyard.runtimes import frames
from modelyard.runtimes.frames import PING, Answers, Batch, BlockingChannel, Load, Refused, Splitter, encoded, reply_of
from modelyard.runtimes.predictor import Fault
from modelyard.runtimes.worker import LONGEST_MESSAGE, answered, refusal, serve


class Says:
    """A predictor that does one thing."""

    batchable = True

    def __init__(self, does: Callable[[Sequence[tuple[str, bytes]]], Any]) -> None:
        self.predict = does


def leave(_calls: Sequence[tuple[str, bytes]]) -> Any:
    """Do what a model must not do."""
    raise SystemExit(3)


CALLS = [("predict", b"1"), (PING, b""), ("v2", b"2")]


def test_answers_stand_where_their_calls_stood_and_pings_never_reach_the_model() -> None:
    seen: list[Any] = []

    def does(calls: Sequence[tuple[str, bytes]]) -> list[bytes | Fault]:
        seen.extend(calls)
        return [b"one", Fault("input", "x" * 10_000)]

    assert answered(Says(does), CALLS) == [b"one", b"null", ("input", "x" * LONGEST_MESSAGE)]
    assert seen == [CALLS[0], CALLS[2]]
    assert answered(Says(does), [CALLS[1]]) == [b"null"]


def test_whatever_a_model_raises_is_an_answer() -> None:
    assert answered(Says(leave), CALLS) == [("model", "SystemExit: 3"), b"null", ("model", "SystemExit: 3")]


class Panic(BaseException):
    """What libraries in Rust raise, which is no Exception; this one has no words either."""

    def __str__(self) -> str:
        raise self


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyboardInterrupt("stop"), "KeyboardInterrupt: stop"),
        (asyncio.CancelledError(), "CancelledError: "),
        (Panic(), "Panic: (it cannot be put into words)"),
        (ValueError("half \ud800"), "ValueError: half \\ud800"),
    ],
)
def test_no_error_of_a_model_ends_its_worker(error: BaseException, words: str) -> None:
    def does(_calls: Sequence[tuple[str, bytes]]) -> Any:
        raise error

    (part,) = answered(Says(does), [("predict", b"1")])
    assert part == ("model", words)
    encoded(Answers(answers=[part]))
    refused = refusal(error, "a/1.0.0")
    assert refused.message == f"a/1.0.0: loading failed: {words}"
    encoded(refused)


def test_the_words_of_a_fault_can_be_sent() -> None:
    answers = answered(Says(lambda calls: [Fault("model", "half \ud800")] * len(calls)), [("predict", b"1")])
    assert answers == [("model", "half \\ud800")]


def test_a_wrong_number_of_answers_is_a_fault_of_the_model() -> None:
    assert answered(Says(lambda _: [b"one"]), CALLS)[0] == ("model", "the predictor gave 1 answers to 2 calls")


def test_a_refusal_says_what_happened() -> None:
    assert refusal(MissingExtra("m", hint="h"), "a/1").code == "missing_extra"
    other = refusal(KeyError("weights"), "a/1.0.0")
    assert other.code == "invalid_artifact"
    assert other.message == "a/1.0.0: loading failed: KeyError: 'weights'"


def large_opener(_folder: Any, _facts: Any) -> Says:
    """Load a predictor whose answers are large."""
    return Says(lambda calls: [b"x" * 1000] * len(calls))


def served(*questions: frames.Question) -> list[frames.Reply]:
    """Return what a worker says to questions, after which the connection ends."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for question in questions:
            ours.sendall(encoded(question))
        ours.shutdown(socket.SHUT_WR)
        serve(BlockingChannel(theirs))
        theirs.shutdown(socket.SHUT_WR)
        data = b""
        while piece := ours.recv(1 << 16):
            data += piece
    return [reply_of(body) for body in Splitter().feed(data)]


def test_an_answer_that_does_not_fit_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "LARGEST_FRAME", 500)
    load = Load(opener=f"{large_opener.__module__}:large_opener", folder="/", facts={}, paths=[])
    _loaded, answers = served(load, Batch(calls=[("predict", b"")]))
    assert isinstance(answers, Answers)
    (part,) = answers.answers
    assert part[0] == "model"
    assert "larger than" in str(part[1])


def test_a_predictor_that_cannot_be_made_is_refused() -> None:
    (refused,) = served(Load(opener="nowhere:nothing", folder="/", facts={"reference": "a/1.0.0"}, paths=[]))
    assert isinstance(refused, Refused)
    assert "No module named 'nowhere'" in refused.message


def test_nothing_is_loaded_where_the_first_question_is_another() -> None:
    assert served(Batch(calls=[])) == []


def test_a_worker_whose_parent_is_gone_ends_before_it_begins() -> None:
    # In a process of its own: it asks the system to be ended together with its parent.
    program = [sys.executable, "-m", "modelyard.runtimes.worker", "0", str(os.getppid())]
    assert subprocess.run(program, timeout=60, check=False).returncode == 1
