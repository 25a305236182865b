"""How sure the numbers make us that one of two versions is better. Standard library only, and deterministic.

Rules
1. Every function answers with the probability that the version *named first* is better, and counts a tie as one half.
   A caller that always names the same version first gets the same number, whichever side that version stood on.
2. Random draws come from a fixed seed: the same scores give the same answer on every machine and on every day.
3. Work is bounded whatever the number of scores.
4. Few scores never give certainty: n pairs prove at most 1 - 2^-n, because n fair coins fall alike that often; and
   `DRAWS` resamples that all agree prove at most 1 - 1/(2 DRAWS).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

EXACT_PAIRS = 7
"""Up to so many pairs every resample is enumerated (1,716 of them); above, resamples are drawn."""
BLOCKS = 64
"""More pairs than this are summed in so many blocks first, which keeps the variance of the mean and bounds the work."""
DRAWS = 1000
"""Resamples drawn; the standard error of the answer is then at most 0.016."""
FEWEST_DRAWS = 100
"""Drawn even where hundreds of metrics have scores."""
EXACT_TERMS = 10_000
"""The longest sum that `beta_binomial` adds up; beyond it the normal approximation is within 0.0005."""
_SEED = 20_240_229
_BUDGET = 1_000_000
_ROUNDING = 1e-12


@dataclass(frozen=True, kw_only=True)
class Paired:
    """The differences of one metric, pair by pair: positive where the version named first is better.

    Metrics with equally many differences are taken to come from the same folds or examples, and are resampled together.
    """

    differences: Sequence[float]
    weight: float = 1.0


def paired_bootstrap(metrics: Sequence[Paired]) -> float:
    """The share of bootstrap resamples in which the version named first wins the weighted vote of the metrics.

    In each resample a metric votes by the sign of its mean difference (Efron and Tibshirani, An Introduction to the
    Bootstrap, 1993). All metrics need at least two differences.
    """
    groups: dict[int, list[Paired]] = {}
    for metric in metrics:
        groups.setdefault(len(metric.differences), []).append(metric)
    fewest = min(groups)
    if len(groups) == 1 and fewest <= EXACT_PAIRS:
        draws, chances = _every_resample(fewest)
        margins = _margins(groups[fewest], draws)
        share = math.fsum(chance * _outcome(margin) for margin, chance in zip(margins, chances, strict=True))
    else:
        count = _affordable_draws(metrics)
        columns = [_margins(group, _random_resamples(size, count)) for size, group in sorted(groups.items())]
        share = math.fsum(_outcome(sum(margins)) for margins in zip(*columns, strict=True)) / count
    doubt = max(0.5**fewest, 0.5 / DRAWS)
    return min(max(share, doubt), 1.0 - doubt)


def beta_binomial(first: tuple[float, int], second: tuple[float, int]) -> float:
    """The posterior probability that the first success rate is higher than the second.

    Args:
        first: share of successes in 0..1, and number of examples.
        second: the same of the other version.

    Each rate has a uniform prior, so that k successes of n give Beta(1 + k, 1 + n - k). The probability is an exact
    finite sum (E. Miller, Formulas for Bayesian A/B Testing, 2014), taken over the smallest of the four parameters;
    where even that one is over `EXACT_TERMS`, both posteriors are narrow, and their normal approximation is used.
    """
    (a, b), (c, d) = _posterior(*first), _posterior(*second)
    smallest = min(a, b, c, d)
    if smallest > EXACT_TERMS:
        return _normal(_mean(a, b) - _mean(c, d), _variance(a, b) + _variance(c, d))
    if smallest == a:
        return _exceeds(c, d, a, b)
    if smallest == c:
        return 1.0 - _exceeds(a, b, c, d)
    # Mirrored at one half, a rate's failures are its successes, and the comparison turns round.
    if smallest == d:
        return _exceeds(b, a, d, c)
    return 1.0 - _exceeds(d, c, b, a)


def agreement(won: float, tied: float, lost: float) -> float:
    """The weighted share of agreeing votes, shrunk towards one half by Laplace's rule of succession.

    Args:
        won: weight of the votes for the version named first, where one ordinary vote weighs 1.
        tied: weight of the votes for neither.
        lost: weight of the votes for the other one.

    A single vote gives 2/3, two that agree 3/4: a few agreeing numbers are a hint, not a proof.
    """
    return (won + tied / 2 + 1.0) / (won + tied + lost + 2.0)


def _margins(group: Sequence[Paired], draws: Sequence[Sequence[int]]) -> list[float]:
    """The weighted votes for less those against, for each resample of metrics with equally many pairs."""
    margins = [0.0] * len(draws)
    for metric in group:
        column = _blocks(metric.differences)
        tolerance = _ROUNDING * sum(map(abs, column))
        for position, draw in enumerate(draws):
            total = sum([column[index] for index in draw])
            if abs(total) > tolerance:
                margins[position] += math.copysign(metric.weight, total)
    return margins


def _blocks(differences: Sequence[float]) -> list[float]:
    """The differences, or the sums of `BLOCKS` sets of them, in units of the largest so that no sum overflows."""
    unit = max(map(abs, differences)) or 1.0
    scaled = [difference / unit for difference in differences]
    if len(scaled) <= BLOCKS:
        return scaled
    return [math.fsum(scaled[start::BLOCKS]) for start in range(BLOCKS)]


def _every_resample(size: int) -> tuple[list[tuple[int, ...]], list[float]]:
    draws = list(combinations_with_replacement(range(size), size))
    orders = [math.factorial(size) / math.prod(math.factorial(draw.count(i)) for i in range(size)) for draw in draws]
    return draws, [ways / size**size for ways in orders]


def _random_resamples(size: int, count: int) -> list[list[int]]:
    # Each size has its own seed, or two sets of pairs that know nothing of each other would be drawn in step.
    source = random.Random(_SEED + size)  # noqa: S311
    blocks = min(size, BLOCKS)
    return [source.choices(range(blocks), k=blocks) for _ in range(count)]


def _affordable_draws(metrics: Sequence[Paired]) -> int:
    cells = sum(min(len(metric.differences), BLOCKS) for metric in metrics)
    return max(FEWEST_DRAWS, min(DRAWS, _BUDGET // cells))


def _outcome(margin: float) -> float:
    if abs(margin) <= _ROUNDING:
        return 0.5
    return 1.0 if margin > 0 else 0.0


def _posterior(share: float, examples: int) -> tuple[int, int]:
    successes = min(max(round(share * examples), 0), examples)
    return 1 + successes, 1 + examples - successes


def _exceeds(a: int, b: int, c: int, d: int) -> float:
    """P(Y > X) for X ~ Beta(a, b) and Y ~ Beta(c, d), in c terms; in logarithms, which cannot underflow."""
    term = math.lgamma(b + d) - math.lgamma(a + b + d) + math.lgamma(a + b) - math.lgamma(b)
    terms = []
    for i in range(c):
        terms.append(math.exp(term))
        term += math.log((a + i) / (a + b + d + i) * ((d + i) / (1 + i)))
    return min(math.fsum(terms), 1.0)


def _mean(a: int, b: int) -> float:
    return a / (a + b)


def _variance(a: int, b: int) -> float:
    return a * b / ((a + b) ** 2 * (a + b + 1))


def _normal(mean: float, variance: float) -> float:
    return 0.5 * math.erfc(-mean / math.sqrt(2.0 * variance))
