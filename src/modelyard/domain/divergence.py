"""How far a feature has moved: PSI and KS of two profiles, with what chance alone would make of so few values.

Rules
- The cells of a feature follow from the baseline alone: up to `GROUPS` groups of its numbers of about equal size, one
  for numbers below all of these and one for those above; each of its commonest categories, with `LEAST_SHARE` of the
  rows or more; everything else; and what is missing.
- PSI = Σ (p - q) ln(p / q) over the cells, each count plus one half. If nothing has moved it is about
  (1/n + 1/m) χ² with cells - 1 degrees of freedom (Yurdakul and Naranjo, Statistical properties of the population
  stability index, 2020): so `expected_psi` is its mean, and `noise_limit` what it exceeds once in a thousand times.
- `none` below 0.1, `slight` from 0.1 on, `strong` from 0.25 on, as is usual. What lies below `noise_limit` is
  `not_enough_data` and never drift; so is whatever has fewer than `FEWEST` rows on a side.
- KS is the distance of the cumulative distributions of the numbers, at the bounds of the bins, and so never too large.
  Its p-value is Kolmogorov's with n m / (n + m) and the correction of Stephens (1970; Press and others, Numerical
  Recipes, 14.3). It takes requests for independent; those of one user are not.
- A feature that one side never had counts for nothing here; it is listed.
- A side without names, `[0]`, `[1]` and so on, takes the names of the other side, or of the schema, in their order,
  where there are just as many.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from modelyard.domain.profiles import Feature, Numbers, hash_of
from modelyard.domain.wire.profiles import FeatureDrift

NONE, SLIGHT, STRONG, TOO_FEW = "none", "slight", "strong", "not_enough_data"
ORDER: Final = (TOO_FEW, NONE, SLIGHT, STRONG)
"""Verdicts, the worst last."""
FROM_SLIGHT: Final = 0.1
FROM_STRONG: Final = 0.25
FEWEST: Final = 50
GROUPS: Final = 10
LEAST_SHARE: Final = 0.01
LEAST_COUNT: Final = 5
SHOWN: Final = 5
_Z: Final = 3.0902323
"""The 0.999 quantile of the normal distribution."""
_TERMS: Final = 20
_SMALL: Final = 1.18
"""Up to here the one series of Kolmogorov's distribution converges faster, beyond it the other one."""
_PLACE: Final = re.compile(r"(?:prediction)?\[(\d{1,6})\]")


def psi(baseline: Sequence[int], live: Sequence[int]) -> float:
    """Return the population stability index of counts by cell, each plus one half."""
    n, m = sum(baseline) + len(baseline) / 2, sum(live) + len(live) / 2
    pairs = (((a + 0.5) / n, (b + 0.5) / m) for a, b in zip(baseline, live, strict=True))
    return math.fsum((p - q) * math.log(p / q) for p, q in pairs)


def expected_psi(cells: int, n: int, m: int) -> float:
    """Return the mean of the index of two samples of n and m rows from one distribution."""
    return (cells - 1) * (1 / n + 1 / m)


def noise_limit(cells: int, n: int, m: int) -> float:
    """Return what the index exceeds once in a thousand times if nothing has moved.

    The quantile of χ² is that of Wilson and Hilferty (1931).
    """
    freedom = cells - 1
    if freedom < 1:
        return 0.0
    part = 2 / (9 * freedom)
    return float(freedom * (1 - part + _Z * math.sqrt(part)) ** 3 * (1 / n + 1 / m))


def ks_distance(one: Numbers, two: Numbers) -> float | None:
    """Return the largest distance of two cumulative distributions, in 0..1; None where one of them is empty."""
    n, m = one.count, two.count
    if not n or not m:
        return None
    level = max(one.level, two.level)
    a, b = one.at(level), two.at(level)
    largest = left = right = 0.0
    for place in sorted(a.keys() | b.keys()):
        left += a.get(place, 0)
        right += b.get(place, 0)
        largest = max(largest, abs(left / n - right / m))
    return largest


def ks_p_value(distance: float, n: int, m: int) -> float:
    """Return how probable such a distance is at least, for two samples of n and m from one distribution."""
    root = math.sqrt(n * m / (n + m))
    scaled = distance * (root + 0.12 + 0.11 / root)
    if scaled < _SMALL:
        # The sum has no limit at zero; so near to it, the probability is 1 to the last digit.
        if scaled < 0.1:  # noqa: PLR2004 - the value in the comment
            return 1.0
        terms = (math.exp(-(((2 * k - 1) * math.pi / scaled) ** 2) / 8) for k in range(1, _TERMS))
        return min(1.0, 1.0 - math.sqrt(2 * math.pi) / scaled * math.fsum(terms))
    terms = ((-1) ** (k - 1) * math.exp(-2 * (k * scaled) ** 2) for k in range(1, _TERMS))
    return max(0.0, 2 * math.fsum(terms))


def verdict(index: float, limit: float, n: int, m: int) -> str:
    """Return what follows from an index of n and m rows."""
    if min(n, m) < FEWEST:
        return TOO_FEW
    if index < FROM_SLIGHT:
        return NONE
    if index <= limit:
        return TOO_FEW
    return STRONG if index >= FROM_STRONG else SLIGHT


def worst(verdicts: Iterable[str]) -> str:
    """Return the worst of some verdicts; `not_enough_data` where there are none."""
    return max(verdicts, key=ORDER.index, default=TOO_FEW)


def drift_of_feature(
    name: str, role: str, *, baseline: Feature, baseline_rows: int, live: Feature, rows: int
) -> FeatureDrift:
    """Compare one feature.

    Args:
        name: the feature.
        role: `input` or `prediction`.
        baseline: how its values were spread.
        baseline_rows: among how many rows.
        live: how they are spread now.
        rows: among how many rows.
    """
    known, seen = _by_hash(baseline.categories), _by_hash(live.categories)
    a, b = _cells(baseline, baseline_rows, live, rows, (known, seen))
    enough = baseline_rows > 0 and rows > 0
    index = psi(a, b) if enough else None
    limit = noise_limit(len(a), baseline_rows, rows) if enough else None
    counts = baseline.numbers.count, live.numbers.count
    distance = ks_distance(baseline.numbers, live.numbers) if min(counts) >= FEWEST else None
    return FeatureDrift(
        feature=name,
        role=role,
        kind=_kind(baseline),
        drift=TOO_FEW if index is None or limit is None else verdict(index, limit, baseline_rows, rows),
        psi=index,
        expected_psi=expected_psi(len(a), baseline_rows, rows) if enough else None,
        noise_limit=limit,
        ks=distance,
        ks_p_value=None if distance is None else ks_p_value(distance, *counts),
        baseline_rows=baseline_rows,
        rows=rows,
        baseline_missing=1 - baseline.present / baseline_rows if baseline_rows else None,
        missing=1 - live.present / rows if rows else None,
        baseline_median=baseline.numbers.median(),
        median=live.numbers.median(),
        new_categories={} if baseline.other else _new_categories(live, known, seen, rows),
    )


def aligned(
    baseline: Mapping[str, Feature], live: Mapping[str, Feature], schema: Sequence[str] = ()
) -> tuple[dict[str, Feature], dict[str, Feature]]:
    """Return both sides with features named alike.

    Args:
        baseline: feature → values.
        live: feature → values.
        schema: the names that the version's schema has, in its order.
    """
    one = _renamed(baseline, schema or _names(live))
    two = _renamed(live, schema or _names(one))
    if len(one) == len(two) == 1:
        two = dict(zip(one, two.values(), strict=True))
    return one, two


def _names(side: Mapping[str, Feature]) -> list[str]:
    return [name for name in side if not _PLACE.fullmatch(name)]


def _renamed(side: Mapping[str, Feature], names: Sequence[str]) -> dict[str, Feature]:
    """A side whose places have the names of their number, where there are just as many of both."""
    places = {name: int(found[1]) for name in side if (found := _PLACE.fullmatch(name))}
    if not places or sorted(places.values()) != list(range(len(names))):
        return dict(side)
    made: dict[str, Feature] = {}
    for name, feature in side.items():
        into = made.setdefault(names[places[name]] if name in places else name, Feature())
        into.merge(feature)
    return made


def _cells(
    baseline: Feature, baseline_rows: int, live: Feature, rows: int, categories: tuple[dict[str, int], dict[str, int]]
) -> tuple[list[int], list[int]]:
    """The counts of both sides by cell; cells that are empty on both sides are left out."""
    known, seen = categories
    level = max(baseline.numbers.level, live.numbers.level)
    pairs = _groups(baseline.numbers.at(level), live.numbers.at(level))
    least = max(LEAST_COUNT, LEAST_SHARE * baseline_rows)
    common = [name for name, count in known.items() if count >= least]
    pairs += [(known[name], seen.get(name, 0)) for name in common]
    rest = (
        baseline.other + sum(known.values()) - sum(known[name] for name in common),
        live.other + sum(seen.values()) - sum(seen.get(name, 0) for name in common),
    )
    pairs += [rest, (baseline_rows - baseline.present, rows - live.present)]
    kept = [(max(a, 0), max(b, 0)) for a, b in pairs if a > 0 or b > 0]
    return [a for a, _b in kept], [b for _a, b in kept]


def _groups(baseline: Mapping[int, int], live: Mapping[int, int]) -> list[tuple[int, int]]:
    """The counts of numbers by group: below, the groups of the baseline, above."""
    if not baseline:
        return [(0, sum(live.values()))]
    places = sorted(baseline)
    bounds, counts = _bounds(places, baseline)
    found = [0] * (len(bounds) + 2)
    for place, count in live.items():
        found[0 if place < places[0] else 1 + bisect_left(bounds, place)] += count
    return list(zip([0, *counts, 0], found, strict=True))


def _bounds(places: Sequence[int], counts: Mapping[int, int]) -> tuple[list[int], list[int]]:
    """The last bin of each group, and how many values each has; a bin with enough values is a group of its own."""
    size = sum(counts.values()) / GROUPS
    bounds: list[int] = []
    held: list[int] = []
    filling = 0
    for number, place in enumerate(places):
        if filling and counts[place] >= size:
            bounds.append(places[number - 1])
            held.append(filling)
            filling = 0
        filling += counts[place]
        if filling >= size or place == places[-1]:
            bounds.append(place)
            held.append(filling)
            filling = 0
    return bounds, held


def _by_hash(categories: Mapping[str, int]) -> dict[str, int]:
    """Counts by the hash of the category: one side may know a text that the other has only as its hash."""
    found: dict[str, int] = {}
    for name, count in categories.items():
        hashed = hash_of(name)
        found[hashed] = found.get(hashed, 0) + count
    return found


def _new_categories(live: Feature, known: Mapping[str, int], seen: Mapping[str, int], rows: int) -> dict[str, float]:
    texts = {hash_of(name): name for name in sorted(live.categories, reverse=True)}
    new = [(count, texts[hashed]) for hashed, count in seen.items() if hashed not in known and count >= LEAST_COUNT]
    return {name: count / rows for count, name in sorted(new, key=lambda item: (-item[0], item[1]))[:SHOWN]}


def _kind(feature: Feature) -> str:
    has_texts = bool(feature.categories or feature.other)
    if feature.numbers.bins:
        return "mixed" if has_texts else "number"
    return "category"
