"""One challenger against the old version: what each metric has to say, averaged, and what speaks for it.

Rules
1. What the metrics have to say is averaged with fixed weights, which is one e-process again, however they hang together
   (Vovk and Wang, 2021). The most that it ever was decides, not what it is now.
2. Latencies and tokens are compared by how often they exceed quantiles of the old version from before, or else of the
   first `WARM_UP` units, whichever arm these came to. Latencies up to `fast_enough_s` are all alike: a version that
   gets little traffic is slower by fractions of a millisecond for that alone, its process asleep and its caches cold.
3. That the challenger is not much worse is shown by the bets on errors with the arms exchanged.
4. A change of the weights is a moment at which things may have got worse: cash is given out as at the beginning.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from modelyard.domain.betting import (
    EVEN,
    PRIOR,
    Factors,
    Wealth,
    error_factors,
    exceedance_factors,
    is_informative,
    rate_factors,
    skew_factors,
)
from modelyard.domain.sketch import bin_of, bins_between
from modelyard.domain.units import NONE, Unit
from modelyard.domain.wire.judge import ChallengerEvidence, MetricEvidence, Terms

ERRORS, LATENCY, TOKENS, SLO = "errors", "latency", "tokens", "slo"
QUANTILES: Final = (0.5, 0.9, 0.99)
WARM_UP: Final = 50
PROOF_RATIO: Final = 2.0
"""How many times as many errors a proof excludes where no other number is asked for."""


class Exceedance:
    """Whether one measure is larger on the challenger: how often it exceeds quantiles of the old version.

    Args:
        thresholds: bins of `QUANTILES`; empty to take them from the first units.
        shift: bins by which a value of the challenger may be larger.
        least: a bin up to which all values are alike; no threshold is below it.

    Attributes:
        wealth: bets on all quantiles at once, each with its share.
    """

    __slots__ = ("_first", "_least", "_shift", "thresholds", "wealth")

    def __init__(self, thresholds: Sequence[int], shift: float, least: int = NONE) -> None:
        self.thresholds, self._shift, self._least = [max(one, least) for one in thresholds], shift, least
        self._first: list[int] = []
        self.wealth = Wealth([share / len(QUANTILES) for _ in QUANTILES for share in PRIOR], sparse=True)

    @property
    def value(self) -> float:
        """The evidence of all quantiles."""
        return self.wealth.value

    def take(self, place: int, w: float, *, is_challenger: bool) -> None:
        """Take in a value, by its bin."""
        if not self.thresholds:
            self._first.append(place)
            if len(self._first) >= WARM_UP:
                ordered = sorted(self._first)
                found = [ordered[math.ceil(share * len(ordered)) - 1] for share in QUANTILES]
                self.thresholds = [max(one, self._least) for one in found]
                self._first = []
            return
        tested = place - self._shift if is_challenger else place
        median, high, highest = self.thresholds
        exceeded = (tested > median) + 2 * (tested > high) + 4 * (tested > highest)
        self.wealth.bet(_factors(w)[is_challenger][exceeded])

    def fund(self) -> None:
        """Bet as if it had begun now."""
        self.wealth.fund()

    def state(self) -> list[list[float]]:
        """All that it consists of."""
        return [[*map(float, self.thresholds)], [*map(float, self._first)], self.wealth.state()]

    def restore(self, state: Sequence[Sequence[float]]) -> None:
        """Become what another one was."""
        thresholds, first, wealth = state
        self.thresholds, self._first = [int(one) for one in thresholds], [int(one) for one in first]
        self.wealth.restore(wealth)


@lru_cache(maxsize=256)
def _factors(w: float) -> tuple[list[Factors], list[Factors]]:
    """The factors of a value of the old version and of the challenger, by which thresholds it exceeds: bit by bit."""
    found: tuple[list[Factors], list[Factors]] = ([], [])
    each = [exceedance_factors(w, 1.0 - share) for share in QUANTILES]
    for exceeded in range(1 << len(QUANTILES)):
        is_below = [not exceeded >> place & 1 for place in range(len(QUANTILES))]
        for is_challenger in (False, True):
            place = 0 if is_challenger else 2
            picked = [factors[place + below] for factors, below in zip(each, is_below, strict=True)]
            found[is_challenger].append(tuple(factor for factors in picked for factor in factors))
    return found


class Duel:
    """One challenger against the old version.

    Args:
        terms: what is gone by.
    """

    def __init__(self, terms: Terms) -> None:
        self._terms, options = terms, terms.options
        self.errors, self.slo = Wealth(), Wealth(sparse=True)
        self.proof = Wealth(kept=0.0)
        self.latency = Exceedance(
            terms.thresholds.get(LATENCY, ()),
            bins_between(1.0 + options.tolerate_latency),
            bin_of(options.fast_enough_s),
        )
        self.tokens = Exceedance(terms.thresholds.get(TOKENS, ()), bins_between(1.0 + options.tolerate_tokens))
        self.skew = Wealth(EVEN, sparse=True)
        self.counts = [0, 0, 0, 0]
        """Units of the challenger and of the old version, then those with an error."""
        self.peak = 1.0
        self.w, self.epoch = 0.0, 0
        parts: dict[str, Wealth | Exceedance] = {
            ERRORS: self.errors, LATENCY: self.latency, TOKENS: self.tokens, SLO: self.slo,
        }  # fmt: skip
        self._parts = [(weight, parts[metric]) for metric, weight in terms.weights.items()]

    @property
    def value(self) -> float:
        """The whole evidence that the challenger is worse."""
        return math.fsum([weight * part.value for weight, part in self._parts])

    @property
    def proof_ratio(self) -> float:
        """How many times as many errors the proof is about."""
        return self._terms.options.require_proof or PROOF_RATIO

    def take(self, unit: Unit, w: float, *, is_challenger: bool, is_first: bool, is_first_error: bool) -> None:
        """Take in a unit of one of the two, that came by lots of the weight w."""
        if is_first:
            self.counts[not is_challenger] += 1
            self._measure(unit, w, is_challenger=is_challenger)
        if is_first_error:
            # An error that was kept beyond the sample is no share of the units: counted, it would seem to happen more.
            self.counts[2 + (not is_challenger)] += unit.place != NONE
            self._err(w, is_challenger=is_challenger)
        self.peak = max(self.peak, self.value)

    def enter(self, epoch: int, w: float) -> None:
        """Note the weight of the newest epoch; another one than before makes it worth looking anew."""
        if self.w and w != self.w:
            for _weight, part in self._parts:
                part.fund()
        self.epoch, self.w = epoch, w

    def evidence(self, version_id: str) -> ChallengerEvidence:
        """What is known."""
        units, base_units, failed, base_failed = self.counts
        return ChallengerEvidence(
            version_id=version_id,
            e_value=self.value,
            peak=self.peak,
            metrics=[
                MetricEvidence(metric=metric, e_value=part.value, weight=weight)
                for metric, (weight, part) in zip(self._terms.weights, self._parts, strict=True)
            ],
            proof=self.proof.peak,
            proof_ratio=self.proof_ratio,
            units=units,
            base_units=base_units,
            failed=failed,
            base_failed=base_failed,
            harm=units * (failed / units - base_failed / base_units) if units and base_units else 0.0,
            needed=self.needed(),
        )

    def needed(self) -> int | None:
        """About how many more units of the challenger a proof takes if it is as good as the old version."""
        units, base_units, failed, base_failed = self.counts
        beta = self._terms.options.beta
        if self.proof.peak >= 1.0 / beta:
            return 0
        missing = -math.log(beta) - math.log(max(self.proof.value, 1e-300))
        if not (is_informative(self.w) and failed + base_failed and units + base_units):
            return None
        rate = (failed + base_failed) / (units + base_units)
        level = (1.0 - self.w) / (1.0 - self.w + self.w * self.proof_ratio)
        gain = (1.0 - self.w) * math.log((1.0 - self.w) / level) + self.w * math.log(self.w / (1.0 - level))
        return math.ceil(missing / gain / rate * self.w)

    def state(self) -> list[list[list[float]]]:
        """All that it consists of."""
        counts = [[*map(float, self.counts)], [self.peak, self.w, float(self.epoch)]]
        plain = [self.errors.state(), self.slo.state(), self.proof.state(), self.skew.state()]
        return [counts, plain, self.latency.state(), self.tokens.state()]

    def restore(self, state: Sequence[Sequence[Sequence[float]]]) -> None:
        """Become what another one was."""
        (counts, (self.peak, self.w, epoch)), (errors, slo, proof, skew), latency, tokens = state
        self.epoch, self.counts = int(epoch), [int(count) for count in counts]
        for own, stored in ((self.errors, errors), (self.slo, slo), (self.proof, proof), (self.skew, skew)):
            own.restore(stored)
        self.latency.restore(latency)
        self.tokens.restore(tokens)

    def _measure(self, unit: Unit, w: float, *, is_challenger: bool) -> None:
        weights, limit = self._terms.weights, self._terms.options.max_error_rate
        if SLO in weights and limit is not None and is_challenger:
            self.slo.bet(rate_factors(limit)[not unit.failed])
        if not is_informative(w):
            return
        self.skew.bet(skew_factors(w)[not is_challenger])
        if LATENCY in weights:
            self.latency.take(unit.place, w, is_challenger=is_challenger)
        if TOKENS in weights and unit.size != NONE:
            self.tokens.take(unit.size, w, is_challenger=is_challenger)

    def _err(self, w: float, *, is_challenger: bool) -> None:
        if is_informative(w):
            self.errors.bet(error_factors(w, self._terms.options.tolerate_errors)[not is_challenger])
            self.proof.bet(error_factors(1.0 - w, 1.0 / self.proof_ratio)[is_challenger])
