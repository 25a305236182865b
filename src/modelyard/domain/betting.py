"""Bets against "the new version is no worse": e-processes on events that either happen or do not.

Rules
1. A `Wealth` begins at 1 and is bet on each event. As long as the hypothesis holds, its mean never grows: so it ever
   reaches `1/alpha` with a probability of at most alpha, however often anybody looks, whatever the traffic and whenever
   it ends (Ville's inequality).
2. What a bet is made by is known before the event: the share of the traffic `w` by which lots are drawn, thresholds and
   tolerances. How the base rate moves meanwhile does not matter, for both arms move with it.
3. It is not known how much worse the new version is: the wealth is spread over a grid of odds, and what wins grows.
4. It is not known when it gets worse: half of the wealth is kept as cash, and given out in ever smaller parts. So there
   is something left to bet with after a hundred thousand good events.
5. Weights of 0 and 1, and what is nearer to them than `NEAREST`, leave nothing to compare: such events are passed over.
6. The same events make the same wealth to the last bit, on every machine and version of Python: by multiplication,
   division and exactly rounded sums only. The built-in sum of floats became another one with Python 3.12.

The bets on errors are those of a conditional test of two counting processes (Lindon and Malek, 2022); those on
exceedances a two-sample test of proportions (Turner, Ly and Grünwald, 2024). Both are products of factors with mean one
at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import fsum
from operator import mul
from typing import Final

ODDS: Final = (1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0)
"""How many times worse the new version may be: what is bet on."""
PRIOR: Final = (0.05, 0.15, 0.25, 0.2, 0.15, 0.1, 0.05, 0.05)
"""How the wealth is spread over the odds."""
SKEWS: Final = (0.5, 0.7, 0.85, 1.18, 1.43, 2.0)
"""How the odds of the split may be off: what is bet on against a router that draws wrong lots."""
EVEN: Final = (1 / 6, 1 / 6, 1 / 6, 1 / 6, 1 / 6, 1 / 6)
KEPT: Final = 0.5
"""Share of the wealth that is kept as cash at the beginning."""
FIRST: Final = 32
"""Up to so many events cash is given out after each; behind that, where events are many, once in `FIRST` events."""
NEAREST: Final = 1e-9
"""How near to 0 and 1 a weight may be; nearer ones differ from these by little more than floats do."""
ENOUGH: Final = 1e100
"""Wealth beyond which nothing more is bet: floats end somewhere, and the question is long decided."""

Factors = tuple[float, ...]


class Wealth:
    """What somebody owns who bets against the hypothesis.

    Args:
        prior: how the wealth is spread over what is bet on; adds up to 1.
        kept: the share that is kept as cash for later.
        sparse: whether events are so many that cash is given out in lumps.

    Attributes:
        value: the wealth, E. That it reaches E ever has a probability of at most 1/E if the hypothesis holds.
        peak: the most that it ever was.
    """

    __slots__ = ("_bets", "_cash", "_events", "_given", "_prior", "_sparse", "peak", "value")

    def __init__(self, prior: Sequence[float] = PRIOR, *, kept: float = KEPT, sparse: bool = False) -> None:
        self._prior, self._sparse = tuple(prior), sparse
        self._bets = [(1.0 - kept) * share for share in prior]
        self._cash = kept
        self._events = self._given = 0
        self.value = self.peak = 1.0

    def bet(self, factors: Factors) -> None:
        """Bet on an event: each part of the wealth is multiplied by its factor."""
        if self.value >= ENOUGH:
            return
        self._bets = list(map(mul, self._bets, factors))
        self._events += 1
        if not self._sparse or self._events < FIRST or self._events % FIRST == 0:
            self._give_out()
        self.value = fsum(self._bets) + self._cash
        self.peak = max(self.peak, self.value)

    def fund(self) -> None:
        """Give out cash as at the beginning: now is a moment at which things may have got worse."""
        self._events, self._given = 1, 0
        self._give_out()
        self.value = fsum(self._bets) + self._cash

    def state(self) -> list[float]:
        """Return all that it consists of; `restore` takes it."""
        return [*self._bets, self._cash, float(self._events), float(self._given), self.value, self.peak]

    def restore(self, state: Sequence[float]) -> None:
        """Become what another one of the same kind was, to the last bit.

        Raises:
            ValueError: the state is one of another kind.
        """
        *bets, self._cash, events, given, self.value, self.peak = state
        if len(bets) != len(self._prior):
            raise ValueError(f"a wealth of {len(bets)} bets, and not {len(self._prior)}")
        self._bets, self._events, self._given = bets, int(events), int(given)

    def _give_out(self) -> None:
        """Give cash to the bets, so that after `n` events `1/(n + 1)` of it is left."""
        if not self._cash:
            return
        share = self._cash * (1.0 - (self._given + 1) / (self._events + 1))
        self._bets = [part + share * weight for part, weight in zip(self._bets, self._prior, strict=True)]
        self._cash -= share
        self._given = self._events


@lru_cache(maxsize=4096)
def error_factors(w: float, tolerated: float = 1.0, odds: tuple[float, ...] = ODDS) -> tuple[Factors, Factors]:
    """Return the factors of an error, on the new version and on the old one.

    The hypothesis is that the rate of errors of the new version is at most `tolerated` times that of the old one, at
    each moment. Then an error is the new version's with probability `w0 = w t / (w t + 1 - w)` at most, whatever the
    rate. Requests without an error change nothing.

    Args:
        w: probability that lots fall on the new version, inside of 0 … 1.
        tolerated: the ratio t.
        odds: what is bet on.
    """
    level = _odds(w, tolerated)
    lifted = [_odds(level, ratio) for ratio in odds]
    return tuple(one / level for one in lifted), tuple((1.0 - one) / (1.0 - level) for one in lifted)


@lru_cache(maxsize=4096)
def exceedance_factors(
    w: float, rate: float, odds: tuple[float, ...] = ODDS
) -> tuple[Factors, Factors, Factors, Factors]:
    """Return the factors of a value above and not above a threshold: new version above, not above; old one above, not.

    The hypothesis is that the new version is above the threshold no more often than the old one, at each moment.

    Args:
        w: probability that lots fall on the new version, inside of 0 … 1.
        rate: how often the old version is thought to be above, inside of 0 … 1. Where that is wrong, only the power to
            find something suffers.
        odds: what is bet on.
    """
    above, below, base_above, base_below = [], [], [], []
    for ratio in odds:
        lifted = _odds(rate, ratio)
        mean = w * lifted + (1.0 - w) * rate
        above.append(lifted / mean)
        below.append((1.0 - lifted) / (1.0 - mean))
        base_above.append(rate / mean)
        base_below.append((1.0 - rate) / (1.0 - mean))
    return tuple(above), tuple(below), tuple(base_above), tuple(base_below)


@lru_cache(maxsize=256)
def rate_factors(limit: float) -> tuple[Factors, Factors]:
    """Return the factors of a failed request and of another one, where the hypothesis is a rate of `limit` at most."""
    lifted = [_odds(limit, ratio) for ratio in ODDS]
    return tuple(one / limit for one in lifted), tuple((1.0 - one) / (1.0 - limit) for one in lifted)


@lru_cache(maxsize=4096)
def skew_factors(w: float) -> tuple[Factors, Factors]:
    """Return the factors of a unit on the new version and on the old one, where the hypothesis is a split of just w."""
    moved = [_odds(w, ratio) for ratio in SKEWS]
    return tuple(one / w for one in moved), tuple((1.0 - one) / (1.0 - w) for one in moved)


def is_informative(w: float) -> bool:
    """Whether lots of a weight leave two arms to compare."""
    return NEAREST <= w <= 1.0 - NEAREST


def _odds(rate: float, ratio: float) -> float:
    """The rate whose odds are `ratio` times those of another one."""
    return ratio * rate / (ratio * rate + 1.0 - rate)
