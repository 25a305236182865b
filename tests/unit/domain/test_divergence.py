"""PSI, KS and what follows from them: the right numbers, no alarm by chance, and every real move seen."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pytest
from scipy import stats

from modelyard.domain.divergence import (
    FEWEST,
    NONE,
    SLIGHT,
    STRONG,
    TOO_FEW,
    aligned,
    drift_of_feature,
    expected_psi,
    ks_distance,
    ks_p_value,
    noise_limit,
    psi,
    verdict,
    worst,
)
from modelyard.domain.profiles import Feature, Numbers, hash_of
from modelyard.domain.wire import FeatureDrift

pytestmark = pytest.mark.feature("EXP-25")

N, M = 2_000, 1_000


def feature(values: Iterable[object]) -> Feature:
    """A feature that counts some values."""
    made = Feature()
    for value in values:
        made.add(value)
    return made


def drift(baseline: Sequence[object], live: Sequence[object], role: str = "input") -> FeatureDrift:
    """How far a feature moved, of which every row is given."""
    return drift_of_feature(
        "x",
        role,
        baseline=feature(baseline),
        baseline_rows=len(baseline),
        live=feature(live),
        rows=len(live),
    )


def normal(source: random.Random, count: int, mean: float = 0.0, spread: float = 1.0) -> list[object]:
    """Values of a normal distribution."""
    return [source.gauss(mean, spread) for _ in range(count)]


def test_the_index_is_the_sum_over_the_cells():
    # (60.5/101 - 30.5/101) ln(60.5/30.5) + (40.5/101 - 70.5/101) ln(40.5/70.5), by hand.
    expected = 30 / 101 * math.log(60.5 / 30.5) - 30 / 101 * math.log(40.5 / 70.5)
    assert psi([60, 40], [30, 70]) == pytest.approx(expected)
    assert psi([10, 20, 70], [1, 2, 7]) == pytest.approx(0, abs=0.05)
    assert psi([50, 50], [50, 50]) == 0


@pytest.mark.parametrize("cells", [2, 5, 12, 40])
def test_the_limit_is_the_quantile_of_chi_square(cells):
    scale = 1 / 500 + 1 / 300
    exact = stats.chi2.ppf(0.999, cells - 1) * scale
    assert noise_limit(cells, 500, 300) == pytest.approx(exact, rel=0.04)
    assert expected_psi(cells, 500, 300) == pytest.approx((cells - 1) * scale)


def test_one_cell_has_no_noise():
    assert noise_limit(1, 10, 10) == 0


@pytest.mark.parametrize("distance", [0.0, 0.004, 0.01, 0.03, 0.05, 0.1, 0.3, 1.0])
@pytest.mark.parametrize(("n", "m"), [(60, 60), (500, 200), (10_000, 3_000)])
def test_the_p_value_is_kolmogorovs(distance, n, m):
    root = math.sqrt(n * m / (n + m))
    expected = stats.kstwobign.sf((root + 0.12 + 0.11 / root) * distance)
    assert ks_p_value(distance, n, m) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_the_p_value_agrees_with_the_exact_distribution(seed):
    source = np.random.default_rng(seed)
    a, b = source.normal(size=300), source.normal(0.05 * seed, 1, size=200)
    exact = stats.ks_2samp(a, b, method="exact")
    assert ks_p_value(exact.statistic, 300, 200) == pytest.approx(exact.pvalue, abs=0.04)


def test_the_distance_of_nothing_is_unknown():
    assert ks_distance(Numbers(), feature([1.0]).numbers) is None
    assert ks_distance(feature([1.0]).numbers, Numbers()) is None


@pytest.mark.parametrize(
    ("index", "limit", "rows", "expected"),
    [
        (0.05, 0.01, 1000, NONE),
        (0.05, 0.30, 1000, NONE),
        (0.15, 0.01, 1000, SLIGHT),
        (0.15, 0.20, 1000, TOO_FEW),
        (0.30, 0.20, 1000, STRONG),
        (0.30, 0.40, 1000, TOO_FEW),
        (9.0, 0.01, FEWEST - 1, TOO_FEW),
        (0.0, 0.0, FEWEST - 1, TOO_FEW),
    ],
)
def test_a_verdict_needs_an_index_beyond_both_the_usual_bound_and_noise(index, limit, rows, expected):
    assert verdict(index, limit, rows, 5000) == verdict(index, limit, 5000, rows) == expected


def test_the_worst_verdict_counts():
    assert worst([NONE, STRONG, SLIGHT]) == STRONG
    assert worst([TOO_FEW, NONE]) == NONE
    assert worst([]) == TOO_FEW


DRAWS: dict[str, Callable[[random.Random], object]] = {
    "normal": lambda source: source.gauss(0, 1),
    "lognormal": lambda source: source.lognormvariate(0, 2),
    "years": lambda source: source.randint(2005, 2024),
    "mostly zero": lambda source: 0.0 if source.random() < 0.7 else source.expovariate(1),
    "categories": lambda source: source.choices("abcdefgh", [40, 20, 10, 10, 10, 5, 3, 2])[0],
    "ids": lambda source: f"id-{source.random()}",
    "often missing": lambda source: None if source.random() < 0.3 else source.gauss(5, 1),
    "truth values": lambda source: source.random() < 0.1,
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize(("n", "m"), [(100, 60), (600, 150)])
def test_equal_data_raise_no_alarm(kind, n, m):
    # One in a thousand is promised; of 100 pairs, more than two would have a probability of 1 in 6,000.
    source = random.Random(f"{kind}{n}")
    draw = DRAWS[kind]
    alarms = sum(
        drift([draw(source) for _ in range(n)], [draw(source) for _ in range(m)]).drift in {SLIGHT, STRONG}
        for _ in range(100)
    )
    assert alarms <= 2


def test_the_mean_index_of_equal_data_is_the_expected_one():
    source = random.Random(9)
    ratios = []
    for _ in range(60):
        found = drift(normal(source, 500), normal(source, 500))
        assert found.psi is not None
        assert found.expected_psi is not None
        ratios.append(found.psi / found.expected_psi)
    assert 0.8 < sum(ratios) / len(ratios) < 1.25


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        (lambda source: normal(source, M, 0.45), SLIGHT),
        (lambda source: normal(source, M, 1.0), STRONG),
        (lambda source: normal(source, M, 0.0, 3.0), STRONG),
        (lambda source: [*[None] * (M // 4), *normal(source, M * 3 // 4)], STRONG),
        (lambda source: [*[-999.0] * (M // 10), *normal(source, M * 9 // 10)], STRONG),
        (lambda source: [str(value) for value in normal(source, M)], STRONG),
        (lambda source: [None] * M, STRONG),
        (lambda source: normal(source, M, 0.02), NONE),
    ],
)  # fmt: skip
def test_what_moved_is_seen(live, expected):
    source = random.Random(3)
    assert drift(normal(source, N), live(source)).drift == expected


def test_a_shift_is_seen_far_from_zero_too():
    source = random.Random(5)
    shift = drift(normal(source, N, 36.6, 0.4), normal(source, M, 37.2, 0.4))
    assert shift.drift == STRONG
    assert shift.median == pytest.approx(37.2, rel=0.01)
    assert shift.baseline_median == pytest.approx(36.6, rel=0.01)
    month = 30 * 86_400
    assert drift(normal(source, N, 1.7e9, month), normal(source, M, 1.7e9 + month, month)).drift == STRONG


def test_a_new_category_is_seen_and_named():
    source = random.Random(6)
    before = source.choices(["CH", "DE"], [7, 3], k=N)
    found = drift(before, source.choices(["CH", "DE", "FR"], [7, 3, 4], k=M))
    assert found.drift == STRONG
    assert list(found.new_categories) == ["FR"]
    assert found.new_categories["FR"] == pytest.approx(4 / 14, abs=0.05)
    assert found.kind == "category"
    # Where the baseline itself did not tell all categories apart, nobody knows whether one is new.
    assert drift([f"id-{place}" for place in range(N)], ["FR"] * M).new_categories == {}


def test_categories_that_nearly_everybody_has_alone_are_compared_together():
    before, now = (["a"] * 500 + [f"{side}{number}" for number in range(150)] for side in ("b", "l"))
    told = drift(before, now)
    assert told.drift == "none"
    assert told.psi == pytest.approx(0.0, abs=1e-9), "or each name would be a drift"


def test_a_category_that_one_side_knows_by_its_hash_is_the_same():
    texts = ["CH"] * 600 + ["DE"] * 400
    hashed = [hash_of(text) for text in texts]
    found = drift(texts, hashed)
    assert found.psi == pytest.approx(0, abs=0.001)
    assert found.new_categories == {}


def test_too_few_rows_prove_nothing():
    found = drift([1.0] * 1000, [9.0] * (FEWEST - 1))
    assert (found.drift, found.ks) == (TOO_FEW, None)
    assert found.psi is not None
    nothing = drift([1.0] * 1000, [])
    assert (nothing.drift, nothing.psi, nothing.missing, nothing.median) == (TOO_FEW, None, None, None)
    assert drift([], [1.0]).baseline_missing is None


def test_a_bin_with_many_values_is_a_group_of_its_own():
    baseline: list[object] = [*[0.5] * 50, *[1.0] * 900, *[2.0] * 50]
    live: list[object] = [*[0.5] * 250, *[1.0] * 500, *[2.0] * 250]
    found = drift(baseline, live)
    assert found.psi == pytest.approx(0.4 * math.log(1.8) + 2 * 0.2 * math.log(5), rel=0.02)
    assert found.ks == pytest.approx(0.2)
    assert found.kind == "number"
    assert drift([*baseline, "text"], live).kind == "mixed"


def test_values_without_names_take_the_names_of_the_other_side_or_the_schema():
    def side(*names: str) -> dict[str, Feature]:
        return {name: feature([float(place)]) for place, name in enumerate(names)}

    one, two = aligned(side("age", "income"), side("[0]", "[1]"))
    assert list(one) == list(two) == ["age", "income"]
    assert two["income"].numbers.bins == one["income"].numbers.bins
    one, two = aligned(side("[0]", "[1]"), side("age", "income"))
    assert list(one) == list(two) == ["age", "income"]
    one, two = aligned(side("age", "income", "label"), side("[0]", "[1]"))
    assert list(two) == ["[0]", "[1]"]
    one, two = aligned(side("age", "income", "label"), side("[0]", "[1]"), ["age", "income"])
    assert list(two) == ["age", "income"]
    one, two = aligned(side("score"), side("prediction"))
    assert list(one) == list(two) == ["score"]
    mixed = side("age", "income") | {"[0]": feature([7.0]), "[1]": feature([8.0])}
    one, two = aligned(side("age", "income"), mixed)
    assert two["age"].numbers.count == 2
