"""How sure the shown figures are: intervals that hold at every moment at once, however often somebody looks.

Rules
1. An interval covers the true value with the confidence `1 - alpha` at all sample sizes together (a confidence
   sequence), as long as the range that is asked for begins at one moment; so looking again is no mistake.
2. Where the numbers cannot say anything yet, a bound is None: not enough data. It is never guessed.
3. Quantiles and rates hold without assumptions on how the values are spread. That of the mean holds for large numbers
   only, and is None below `FEWEST`.
4. Latencies are known by bins of one per cent, and the bounds are that much wider.

Sources: quantiles by Howard and Ramdas, Sequential estimation of quantiles (2022); rates by Robbins' mixture of
binomial likelihoods (1970) with a Beta(1/2, 1/2) prior; the mean by Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas,
Time-uniform central limit theory (2021).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

from modelyard.domain.sketch import ACCURACY, Sketch
from modelyard.domain.wire.metrics import LikelyRange

ALPHA: Final = 0.05
FEWEST: Final = 100
"""Values below which nothing is said of a mean."""

_STEPS: Final = 60
"""Halvings by which the end of a rate's interval is found; more than a float can tell."""
_TIGHT_AT: Final = 1000
"""Values at which the mean's interval is the tightest."""


def rank_band(share: float, count: int, alpha: float = ALPHA) -> float:
    """Return by how much the rank of a quantile may be wrong, as a share of the values.

    Args:
        share: which quantile, in 0..1.
        count: how many values there are, at least 1.
        alpha: how often the band may miss, ever.
    """
    length = (1.4 * math.log(math.log(2.1 * count)) + math.log(10 / alpha)) / count
    return 1.5 * math.sqrt(share * (1 - share) * length) + 0.8 * length


def quantile_bounds(values: Sketch, share: float, alpha: float = ALPHA) -> LikelyRange:
    """Return the bounds of a quantile; the upper one of a p99 needs about a thousand values."""
    count = values.count
    if not count:
        return LikelyRange()
    band = rank_band(share, count, alpha)
    low = values.quantile(share - band) if share - band > 0 else None
    high = values.quantile(share + band) if share + band < 1 else None
    return LikelyRange(
        low=None if low is None else low / (1 + ACCURACY), high=None if high is None else high / (1 - ACCURACY)
    )


def rate_bounds(successes: int, count: int, alpha: float = ALPHA) -> LikelyRange:
    """Return the bounds of a rate, in 0..1: those rates against which the mixture has not bet its stake `1 / alpha`."""
    if not count:
        return LikelyRange()
    rest = count - successes
    mixture = (
        math.lgamma(successes + 0.5) + math.lgamma(rest + 0.5) - math.lgamma(count + 1) - 2 * math.lgamma(0.5)
    )  # fmt: skip

    def is_refuted(rate: float) -> bool:
        likelihood = (successes * math.log(rate) if successes else 0.0) + (rest * math.log1p(-rate) if rest else 0.0)
        return mixture - likelihood >= -math.log(alpha)

    best = successes / count
    low = _border(0.0, best, refuted=is_refuted) if successes else 0.0
    high = _border(1.0, best, refuted=is_refuted) if rest else 1.0
    return LikelyRange(low=low, high=high)


def mean_bounds(mean: float, values: Sketch, alpha: float = ALPHA) -> LikelyRange:
    """Return the bounds of a mean.

    Args:
        mean: of the values, exactly.
        values: the values by their bins, which tell how far they are spread.
        alpha: how often the interval may miss, ever.
    """
    count = values.count
    if count < FEWEST:
        return LikelyRange()
    width = math.sqrt(spread(values.bins)) * _mean_radius(count, alpha)
    return LikelyRange(low=max(0.0, mean - width), high=mean + width)


def spread(bins: Mapping[int, int]) -> float:
    """Return the variance of values that are known by their bins, one at least; right to about two per cent."""
    count = sum(bins.values())
    middles = [(Sketch({place: 1}).quantile(0.5) or 0.0, number) for place, number in bins.items()]
    mean = math.fsum(middle * number for middle, number in middles) / count
    return math.fsum((middle - mean) ** 2 * number for middle, number in middles) / count


def apart(a: LikelyRange, b: LikelyRange) -> int:
    """Return -1 where all of `a` lies below all of `b`, 1 where it lies above, and 0 where nothing is shown."""
    if a.high is not None and b.low is not None and a.high < b.low:
        return -1
    if b.high is not None and a.low is not None and b.high < a.low:
        return 1
    return 0


def _mean_radius(count: int, alpha: float) -> float:
    """The half width of a mean's interval, in standard deviations."""
    # Rho after the source's equation for the sample size at which the interval shall be the tightest.
    tightest = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / _TIGHT_AT
    scaled = count * tightest + 1
    return math.sqrt(2 * scaled / (count**2 * tightest) * math.log(math.sqrt(scaled) / alpha))


def _border(refuted_end: float, kept: float, *, refuted: Callable[[float], bool]) -> float:
    """Where rates begin to be refuted between an end of 0..1 that is, and one that is not."""
    outer, inner = refuted_end, kept
    for _ in range(_STEPS):
        middle = (outer + inner) / 2
        if refuted(middle):
            outer = middle
        else:
            inner = middle
    return outer
