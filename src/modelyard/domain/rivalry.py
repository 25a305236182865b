"""One challenger against the reference in a test: bets both ways, on cuts of a metric's values and on events.

Rules are those of `modelyard.domain.abtest`, which decides what is compared. The hypothesis of a side is that its own
arm is above a cut no more often than the other one, at each moment.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from modelyard.domain.betting import Factors, Wealth, error_factors, exceedance_factors
from modelyard.domain.effects import Effect

ODDS: Final = (1.03, 1.07, 1.15, 1.3, 1.6, 2.2, 4.0, 10.0)
"""How the odds of the arms may differ: smaller differences than those a judge looks for are worth finding in a test."""
PRIOR: Final = (0.1, 0.15, 0.2, 0.2, 0.15, 0.1, 0.05, 0.05)
MOST_UNITS: Final = 10_000_000
"""More units than that are no forecast."""
_STEPS: Final = 8.0
"""Rates are rounded to this many steps of the logit: close enough, and factors are computed once."""
_MOST_LOGIT: Final = 9.0


class Side:
    """The evidence that one arm's values are larger than the other's.

    Args:
        cuts: how many cuts values are compared at.
        has_events: whether the events alone are compared too.
    """

    __slots__ = ("_has_events", "cuts", "events")

    def __init__(self, cuts: int, *, has_events: bool) -> None:
        self.cuts = [Wealth(PRIOR, kept=0.0, sparse=True) for _ in range(cuts)]
        self.events, self._has_events = Wealth(PRIOR, kept=0.0), has_events

    @property
    def value(self) -> float:
        """The evidence: the mean of its parts, which is an e-process again."""
        mean = sum(wealth.value for wealth in self.cuts) / len(self.cuts)
        return (mean + self.events.value) / 2 if self._has_events else mean

    def bet(self, cut: int, factors: Sequence[Factors], *, own: bool, above: bool) -> None:
        """Bet on whether a value of the arm itself (`own`), or of the other one, is above a cut."""
        self.cuts[cut].bet(factors[(0 if own else 2) + (not above)])

    def state(self) -> list[list[float]]:
        """All that it consists of."""
        return [wealth.state() for wealth in (*self.cuts, self.events)]

    def restore(self, state: Sequence[Sequence[float]]) -> None:
        """Become what another one was."""
        for wealth, stored in zip((*self.cuts, self.events), state, strict=True):
            wealth.restore(stored)


class Rivalry:
    """One challenger against the reference.

    Args:
        cuts: what values are compared with.
        is_binary: whether the metric is one.
    """

    def __init__(self, cuts: Sequence[float], *, is_binary: bool) -> None:
        self._cuts = tuple(cuts)
        self.up, self.down = (Side(len(cuts), has_events=is_binary) for _ in range(2))
        self.counts = [[0, 0] for _ in range(1 + len(cuts))]
        """Units of the reference and of the challenger, then those above each cut."""
        self.effect = Effect()
        self.verdict = ""
        self.w = 0.5

    def take(self, value: float, w: float, *, own: bool) -> None:
        """Take in the first value of a unit, which came to the challenger (`own`) or to the reference."""
        self.w = w
        self.effect.take(value, w, own=own)
        for place, cut in enumerate(self._cuts):
            above = value > cut
            base, mine = self._rate(place, 0), self._rate(place, 1)
            self.up.bet(place, exceedance_factors(w, base, ODDS), own=own, above=above)
            self.down.bet(place, exceedance_factors(1.0 - w, mine, ODDS), own=not own, above=above)
            self.counts[1 + place][own] += above
        self.counts[0][own] += 1

    def event(self, w: float, *, own: bool) -> None:
        """Take in the first event of a unit."""
        self.up.events.bet(error_factors(w, 1.0, ODDS)[not own])
        self.down.events.bet(error_factors(1.0 - w, 1.0, ODDS)[own])

    def needed(self, limit: float) -> int | None:
        """About how many more units it takes until one side is decided, if the arms differ as they did so far.

        None where that is no forecast. No side is decided yet.
        """
        missing = math.log(limit) - math.log(max(self.up.value, self.down.value))
        growth = max(self._growth(place, up=up) for place in range(len(self._cuts)) for up in (True, False))
        return math.ceil(missing / growth) if growth * MOST_UNITS > missing else None

    def state(self) -> RivalryState:
        """All that it consists of."""
        parts = self.up.state(), self.down.state(), self.counts, self.effect.state()
        return RivalryState(*parts, self.verdict, self.w)

    def restore(self, state: RivalryState) -> None:
        """Become what another one was."""
        self.up.restore(state.up)
        self.down.restore(state.down)
        self.counts, self.verdict, self.w = [list(pair) for pair in state.counts], state.verdict, state.w
        self.effect.restore(state.effect)

    def _rate(self, place: int, arm: int) -> float:
        """How often an arm was above a cut in the past, rounded."""
        rate = (self.counts[1 + place][arm] + 0.5) / (self.counts[0][arm] + 1.0)
        logit = min(max(math.log(rate / (1.0 - rate)), -_MOST_LOGIT), _MOST_LOGIT)
        return 1.0 / (1.0 + math.exp(-round(logit * _STEPS) / _STEPS))

    def _growth(self, place: int, *, up: bool) -> float:
        """By how much the logarithm of the best bet grows with a unit, on average, at the rates seen so far."""
        rate, base = self._rate(place, int(up)), self._rate(place, int(not up))
        return max(mean for mean, _ in growths(self.w if up else 1.0 - self.w, rate, base))


def growths(w: float, rate: float, base: float) -> list[tuple[float, float]]:
    """Return by how much the logarithm of each bet grows with a unit, on average, and the variance of that.

    Args:
        w: the share of the arm that is bet to be above.
        rate: how often it is above.
        base: how often the other one is.
    """
    chances = w * rate, w * (1.0 - rate), (1.0 - w) * base, (1.0 - w) * (1.0 - base)
    found: list[tuple[float, float]] = []
    for bets in zip(*exceedance_factors(w, base, ODDS), strict=True):
        logs = [math.log(bet) for bet in bets]
        mean = sum(chance * log for chance, log in zip(chances, logs, strict=True))
        found.append((mean, sum(chance * (log - mean) ** 2 for chance, log in zip(chances, logs, strict=True))))
    return found


class RivalryState(msgspec.Struct, array_like=True):
    """All that a rivalry consists of, as it is stored."""

    up: list[list[float]]
    down: list[list[float]]
    counts: list[list[int]]
    effect: list[float]
    verdict: str
    w: float
