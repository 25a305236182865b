"""How large the difference of two arms is, for the eye: an estimate, and an interval that holds at any time.

Rules
- Each value is weighted by the inverse of the probability by which lots brought it to its arm, after the mean of all
  values before it was taken off. So the mean of what comes is the difference of the means, however the shares move,
  and a large mean does not blow up the variance.
- The interval is an asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, 2024, theorem
  2.2), tightest at about `TIGHTEST` values: true in the limit, at all times at once. Nothing is decided by it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

TIGHTEST: Final = 1_000
FEWEST: Final = 20
"""Values below which no interval is told."""


class Effect:
    """The difference of two arms' means.

    Attributes:
        count: values that were taken in.
        estimate: the difference, the challenger's mean less the reference's; 0 where nothing was taken in.
    """

    __slots__ = ("_centre", "_squares", "count", "estimate")

    def __init__(self) -> None:
        self.count = 0
        self.estimate = self._squares = self._centre = 0.0

    def take(self, value: float, w: float, *, own: bool) -> None:
        """Take in a value that came to the challenger (`own`) with the probability w, or else to the reference."""
        difference = (value - self._centre) * (1.0 / w if own else -1.0 / (1.0 - w))
        self.count += 1
        self._centre += (value - self._centre) / self.count
        step = difference - self.estimate
        self.estimate += step / self.count
        self._squares += step * (difference - self.estimate)

    def interval(self, alpha: float) -> tuple[float, float] | None:
        """Return where the difference lies, with a probability of 1 - alpha at all times; None for too few values."""
        if self.count < FEWEST:
            return None
        narrow = (2.0 * math.log(1.0 / alpha) + math.log(2.0 * math.log(1.0 / alpha) + 1.0)) / TIGHTEST
        spread = self.count * narrow + 1.0
        half = math.sqrt(2.0 * spread / (self.count**2 * narrow) * math.log(math.sqrt(spread) / alpha))
        half *= math.sqrt(self._squares / self.count)
        return self.estimate - half, self.estimate + half

    def state(self) -> list[float]:
        """All that it consists of; `restore` takes it."""
        return [float(self.count), self.estimate, self._squares, self._centre]

    def restore(self, state: Sequence[float]) -> None:
        """Become what another one was."""
        count, self.estimate, self._squares, self._centre = state
        self.count = int(count)
