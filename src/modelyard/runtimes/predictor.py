"""A version's files as a predictor: bodies in, answers out. This is what a worker process runs.

Rules
- Each call is answered by itself: one that cannot be understood, or that the model fails on, spoils no other.
- Calls are joined into one question to the model if they ask the same method for rows of the same names, types and
  shapes. The answer is split again. If the joint question fails, each call is asked alone.
- Calls are joined only where each row is answered by itself. An example shows it: the model must answer it, its first
  row, and the two joined in the same way. Without one, the kind of model decides, or made-up rows where it leaves that
  open. An answer that does not count the rows ends it.
- `Fault("input")` is the caller's mistake, found before the model saw it; whatever the model raises is
  `Fault("model")`, but for values that it is known to refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from modelyard.domain.names import shown
from modelyard.errors import InvalidInput
from modelyard.runtimes.backend import INFER
from modelyard.runtimes.flavours import opened
from modelyard.runtimes.infer import infer_answer, infer_request, plain_input
from modelyard.runtimes.inputs import Reader, decoded, made_up, unwrapped
from modelyard.runtimes.outputs import encoded, plain, similar, split
from modelyard.runtimes.runner import METHODS, Ask, Batch, Facts, Runner
from modelyard.runtimes.words import words_of

MOST_ROWS = 4096
"""Rows of a joint question at most: a large call would keep small ones waiting."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a call has no answer: `input` is the caller's mistake, `model` the model's."""

    kind: Literal["input", "model"]
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Call:
    """A call that was understood."""

    place: int
    ask: Ask
    finish: Callable[[Any], bytes]
    """The body of the answer, of what the model said."""

    @property
    def rows(self) -> int:
        return self.ask.given.rows if isinstance(self.ask.given, Batch) else 0

    @property
    def key(self) -> tuple[Any, ...]:
        """What calls share that can be joined."""
        return (self.ask.method, repr(self.ask.parameters), self.ask.given.key)


def open_predictor(folder: Path, facts: Mapping[str, Any]) -> Predictor:
    """Load a version.

    Args:
        folder: holds its verified files.
        facts: `flavour`, `files` (paths within the folder), `reference`, `input_schema`, `output_schema` and
            `input_example`, as the version has them; any may be missing.

    Raises:
        MissingExtra: a package that it needs is not installed; the hint tells how to install it.
        InvalidArtifact: the files are none that can be run, or do not load.
    """
    known = Facts.of(folder, facts)
    return Predictor(opened(known), known)


class Predictor:
    """A loaded model that answers calls."""

    def __init__(self, runner: Runner, facts: Facts) -> None:
        self._runner = runner
        self._reader = Reader(runner.expected)
        self._output_name = facts.outputs[0].name if len(facts.outputs) == 1 else "output"
        self._joins = not runner.expected.plain and self._is_rowwise(facts.example)

    @property
    def batchable(self) -> bool:
        """Whether calls are joined."""
        return self._joins

    def predict(self, calls: Sequence[tuple[str, bytes]]) -> list[bytes | Fault]:
        """Answer calls, each of a protocol (`predict` or `v2`) and a JSON body, in their order."""
        answers: dict[int, bytes | Fault] = {}
        groups: dict[Any, list[_Call]] = {}
        for place, (protocol, body) in enumerate(calls):
            understood = self._understood(place, protocol, body)
            if isinstance(understood, Fault):
                answers[place] = understood
            else:
                alone = not self._joins or understood.rows > MOST_ROWS // 2
                groups.setdefault(place if alone else understood.key, []).append(understood)
        for group in groups.values():
            for chunk in _chunks(group):
                answers |= self._answered(chunk)
        return [answers[place] for place in range(len(calls))]

    def _understood(self, place: int, protocol: str, body: bytes) -> _Call | Fault:
        try:
            if protocol == INFER:
                request = infer_request(body)
                given = plain_input(request) if self._plain else self._reader.read_tensors(request.tensors)
                ask = self._ask(given, request.parameters)
                return _Call(
                    place=place, ask=ask, finish=lambda answer: infer_answer(request, answer, self._output_name)
                )
            value, parameters = unwrapped(decoded(body))
            ask = self._ask(value if self._plain else self._reader.read(value), parameters)
            return _Call(place=place, ask=ask, finish=lambda answer: encoded(plain(answer)))
        except InvalidInput as error:
            return Fault("input", str(error))
        except Exception as error:  # noqa: BLE001 - one body that nothing here foresaw must not spoil the others
            return Fault("input", f"the input cannot be read: {words_of(error, 200)}")

    @property
    def _plain(self) -> bool:
        return self._runner.expected.plain

    def _ask(self, given: Any, parameters: Mapping[str, Any]) -> Ask:
        methods = self._runner.methods
        method = parameters.get("method", methods[0])
        if method not in methods:
            told = "the model does not have it" if method in METHODS else "no such method can be asked"
            raise InvalidInput(f"method {shown(method)}: {told}", hint=f"ask one of {', '.join(methods)}")
        others = {name: value for name, value in parameters.items() if name != "method"}
        if others and not self._runner.takes_parameters:
            raise InvalidInput(f"the model takes no parameter {shown(next(iter(others)))}", hint="leave it out")
        return Ask(given=given, method=method, parameters=others)

    def _answered(self, calls: Sequence[_Call]) -> dict[int, bytes | Fault]:
        parts = self._jointly(calls) if len(calls) > 1 else None
        if parts is None:
            return {call.place: self._alone(call) for call in calls}
        return {call.place: _finished(call, part) for call, part in zip(calls, parts, strict=True)}

    def _jointly(self, calls: Sequence[_Call]) -> list[Any] | None:
        """The parts of the joint answer; None where the calls have to be asked alone."""
        first = calls[0].ask
        batch = Batch.joined([call.ask.given for call in calls])
        try:
            answer = self._runner.run(Ask(given=batch, method=first.method, parameters=first.parameters))
            parts = split(answer, [call.rows for call in calls])
        except BaseException:  # noqa: BLE001 - the model's own code may raise anything; each call is asked alone then
            return None
        self._joins = parts is not None
        return parts

    def _alone(self, call: _Call) -> bytes | Fault:
        try:
            answer = self._runner.run(call.ask)
        except InvalidInput as error:
            return Fault("input", str(error))
        except BaseException as error:  # noqa: BLE001 - the model's own code may raise anything
            return _failed(error)
        return _finished(call, answer)

    def _is_rowwise(self, example: Any) -> bool:
        """Whether calls can be joined, by the example where there is one that the model answers."""
        claimed = self._runner.rowwise
        if claimed is False or (claimed and example is None):
            return bool(claimed)
        try:
            batch = made_up(self._runner.expected) if example is None else self._reader.read(example)
            method = self._runner.methods[0]
            asked = [batch, batch.head(1), Batch.joined([batch, batch.head(1)])]
            whole, first, both = (self._runner.run(Ask(given=given, method=method)) for given in asked)
            parts = split(both, [batch.rows, 1])
            return parts is not None and similar([plain(whole), plain(first)], plain(parts))
        except BaseException:  # noqa: BLE001 - whoever warms the model up hears of its error
            return claimed is True


def _finished(call: _Call, answer: Any) -> bytes | Fault:
    try:
        return call.finish(answer)
    except InvalidInput as error:
        return Fault("input", str(error))
    except BaseException as error:  # noqa: BLE001 - what the model gave may be anything
        return _failed(error)


def _failed(error: BaseException) -> Fault:
    return Fault("model", words_of(error, 300))


def _chunks(calls: Sequence[_Call]) -> list[list[_Call]]:
    """The calls in groups that have MOST_ROWS rows at most."""
    chunks: list[list[_Call]] = [[]]
    rows = 0
    for call in calls:
        if chunks[-1] and rows + call.rows > MOST_ROWS:
            chunks.append([])
            rows = 0
        chunks[-1].append(call)
        rows += call.rows
    return chunks
