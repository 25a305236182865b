"""Pauses between two processes, and what a worker's refusal becomes. What processes do stands in test_pool.py."""

from __future__ import annotations

from modelyard.errors import InvalidArtifact, MissingExtra
from modelyard.runtimes.frames import Answers, Refused
from modelyard.runtimes.supervision import Backoff, error_of


def test_pauses_double_up_to_the_longest_and_start_again() -> None:
    pauses = Backoff(0.1, 30.0)
    taken = [round(pauses.take(), 3) for _ in range(12)]
    assert taken[:5] == [0.1, 0.2, 0.4, 0.8, 1.6]
    assert taken[-2:] == [30.0, 30.0]
    pauses.reset()
    assert pauses.take() == 0.1


def test_a_refusal_becomes_the_error_that_the_worker_raised() -> None:
    error = error_of(Refused(code="missing_extra", message="m", hint="h", details={"package": "p"}), "a/1.0.0")
    assert type(error) is MissingExtra
    assert (error.message, error.hint, error.details) == ("m", "h", {"package": "p"})


def test_a_refusal_of_no_known_kind_is_one_of_the_files() -> None:
    assert type(error_of(Refused(code="novel", message="m", hint="", details={}), "a/1.0.0")) is InvalidArtifact
    assert "no sense" in error_of(Answers(answers=[]), "a/1.0.0").message
