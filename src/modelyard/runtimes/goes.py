"""Models with a fixed number of rows: more rows are asked in several goes.

A number of rows that is no multiple of it is refused: made-up rows could change the answers to the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from modelyard.errors import InvalidInput
from modelyard.runtimes.runner import Batch


@dataclass(frozen=True, slots=True)
class FixedRows:
    """How many rows a model takes at once; 0 for any number."""

    rows: int = 0

    @classmethod
    def of(cls, sizes: Iterable[int]) -> Self:
        """The largest of the fixed first dimensions of a model's inputs."""
        return cls(max((size for size in sizes if size > 0), default=0))

    def run(self, batch: Batch, asked: Callable[[Batch], Any]) -> Any:
        """The answers to all rows; InvalidInput where they do not fit."""
        if not self.rows or batch.rows == self.rows:
            return asked(batch)
        if batch.rows % self.rows:
            raise InvalidInput(f"the model takes {self.rows} rows at once, and not {batch.rows}")
        starts = range(0, batch.rows, self.rows)
        parts = [{name: part[start : start + self.rows] for name, part in batch.parts.items()} for start in starts]
        return _together([asked(Batch(part, self.rows)) for part in parts])


def _together(answers: list[Any]) -> Any:
    import numpy as np

    first = answers[0]
    if isinstance(first, Mapping):
        return {name: _together([answer[name] for answer in answers]) for name in first}
    if isinstance(first, tuple):
        return tuple(_together(list(parts)) for parts in zip(*answers, strict=True))
    return [part for answer in answers for part in answer] if isinstance(first, list) else np.concatenate(answers)
