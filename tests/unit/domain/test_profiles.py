"""Profiles: what they count, how they add up, how small they stay, and what is refused as one."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import pytest

from modelyard.domain.profiles import (
    LONGEST_NAME,
    MOST_BINS,
    MOST_CATEGORIES,
    MOST_FEATURES,
    Feature,
    Numbers,
    Profile,
    bin_of,
    category_of,
    check_profile,
    coarser,
    hash_of,
    middle_of,
    name_of,
)
from modelyard.domain.sketch import ACCURACY
from modelyard.domain.wire import FeatureDocument, ProfileDocument
from modelyard.errors import InvalidRequest

pytestmark = pytest.mark.feature("EXP-25")
SIZES = [1e-300, 1e-9, 0.3, 1.0, 1.5, 36.6, 2024.0, 1.7e9, 1e300]


def counted(*values: object) -> Feature:
    """A feature that counts some values."""
    made = Feature()
    for value in values:
        made.add(value)
    return made


def numbers(*values: float) -> Numbers:
    """Numbers that count some values."""
    return counted(*values).numbers


def document(**changes: Any) -> ProfileDocument:
    """A profile of ten rows with one feature, changed."""
    part = replace(FeatureDocument(bins=[(bin_of(1.0), 10)]), **changes)
    return ProfileDocument(rows=10, inputs={"age": part})


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("level", [0, 3, 7])
def test_a_bin_tells_its_values_to_one_per_cent_and_finer_ones_better(size, sign, level):
    told = middle_of(coarser(bin_of(sign * size), level), level)
    # The bins of level 7 are those of the sketch of latencies; each level below halves them.
    assert math.isclose(told, sign * size, rel_tol=1.02 * ACCURACY / 2 ** (7 - level))


def test_bins_are_in_the_order_of_the_values_at_every_level():
    values = sorted([0.0, *SIZES, *(-size for size in SIZES)])
    for level in range(24):
        places = [coarser(bin_of(value), level) for value in values]
        assert places == sorted(places)
        assert coarser(bin_of(0.0), level) == 0


def test_what_is_too_large_or_too_small_counts_as_the_largest_and_as_zero():
    assert bin_of(math.inf) == bin_of(1e305) == bin_of(1e300)
    assert bin_of(-math.inf) == -bin_of(1e300)
    assert bin_of(1e-310) == 0
    assert middle_of(0, 5) == 0.0
    assert counted(10**400).numbers.bins == {bin_of(1e300): 1}
    assert counted(-(10**400)).numbers.bins == {-bin_of(1e300): 1}


def test_years_are_told_apart_and_so_are_body_temperatures():
    assert len(numbers(*(float(year) for year in range(2000, 2030))).bins) == 30
    assert len(numbers(*(36 + tenth / 10 for tenth in range(30))).bins) == 30


def test_the_number_of_bins_is_bounded_whatever_comes_and_the_median_stays_right():
    source = random.Random(4)
    values = [source.choice([-1, 1]) * math.exp(source.uniform(-600, 600)) for _ in range(5_000)]
    made = numbers(*values)
    assert len(made.bins) <= MOST_BINS
    assert made.count == 5_000
    made = numbers(*(source.lognormvariate(0, 2) for _ in range(20_001)))
    assert math.isclose(made.median() or 0.0, 1.0, rel_tol=0.1)


def test_the_median_of_nothing_is_none_and_of_one_value_that_value():
    assert numbers().median() is None
    assert math.isclose(numbers(-40.0).median() or 0.0, -40.0, rel_tol=0.001)
    assert math.isclose(numbers(-40.0, 1.0, 7.0).median() or 0.0, 1.0, rel_tol=0.001)


def test_values_are_numbers_categories_missing_or_something_else():
    made = counted(*(1, 2.5, True, False, "red", "red", None, math.nan, [1], {"a": 1}))
    assert made.numbers.count == 2
    assert made.categories == {"true": 1, "false": 1, "red": 2}
    assert made.other == 2
    assert made.present == 8


def test_a_long_text_is_known_by_its_hash_and_so_is_one_that_cannot_be_printed():
    secret = "the patient of room 12 complains about a pain in the chest"
    assert category_of(secret) == hash_of(secret) != hash_of(f"{secret}.")
    assert "patient" not in str(counted(secret).to_document())
    assert category_of("a\x00b").startswith("#")
    assert category_of("\ud800").startswith("#")
    assert category_of("Zürich") == "Zürich"
    assert category_of("") == ""
    assert hash_of(hash_of(secret)) == hash_of(secret)


def test_a_text_that_came_seldom_is_stored_as_its_hash_and_nothing_is_lost():
    made = counted(*["common"] * 5, *["rare"] * 4)
    assert made.to_document(rare=5).categories == {"common": 5, hash_of("rare"): 4}
    assert made.to_document().categories == {"common": 5, "rare": 4}


def test_of_too_many_categories_the_commonest_stay_and_nothing_is_lost():
    made = Feature()
    for number in range(3_000):
        made.add("common")
        made.add(f"id-{number}")
    assert made.categories["common"] == 3_000
    assert len(made.categories) <= 2 * MOST_CATEGORIES
    assert made.present == 6_000


def test_missing_is_what_rows_do_not_have():
    made = Profile()
    made.add([{"age": 1, "city": None}, {"age": None}, {"age": 3, "city": "Bern"}], [{"prediction": 1}])
    assert (made.rows, made.answers) == (3, 1)
    assert made.rows - made.inputs["age"].present == 1
    assert made.rows - made.inputs["city"].present == 2


def test_the_number_of_features_and_the_length_of_their_names_are_bounded():
    made = Profile()
    made.add([{f"{number:04d}{'x' * 500}": number for number in range(500)}])
    assert len(made.inputs) == MOST_FEATURES
    assert all(len(name) <= LONGEST_NAME for name in made.inputs)
    assert name_of("a\nb") == "a\\nb"
    assert name_of("age") == "age"
    other = Profile()
    other.add([{"late": 1}])
    made.merge(other)
    assert "late" not in made.inputs
    assert made.rows == 2


def test_a_profile_survives_being_stored():
    made = Profile()
    made.add([{"age": 0.0, "city": "Bern"}, {"age": -3.5, "city": [1]}], [{"prediction": True}])
    again = Profile.of(made.to_document())
    assert again.to_document() == made.to_document()
    assert (again.rows, again.answers) == (2, 1)
    check_profile(made.to_document())


def test_two_profiles_add_up_feature_by_feature():
    one, two = Profile(), Profile()
    one.add([{"age": 1, "city": "Bern"}], [{"prediction": 1}])
    two.add([{"age": 2, "city": "Bern", "new": True}, {"city": "Rom", "age": [1]}])
    one.merge(two)
    assert (one.rows, one.answers) == (3, 1)
    assert one.inputs["age"].numbers.count == 2
    assert one.inputs["age"].other == 1
    assert one.inputs["city"].categories == {"Bern": 2, "Rom": 1}
    assert one.inputs["new"].present == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (ProfileDocument(), "no rows"),
        (ProfileDocument(rows=-1, answers=3), "-1 rows"),
        (ProfileDocument(rows=1 << 60), "rows"),
        (ProfileDocument(rows=1, inputs={f"f{n}": FeatureDocument() for n in range(201)}), "201 inputs"),
        (ProfileDocument(rows=1, inputs={"a\n": FeatureDocument()}), "name of a feature"),
        (ProfileDocument(answers=1, outputs={"p": FeatureDocument(other=2)}), "output 'p' has more values than rows"),
        (document(level=-1), "level -1"),
        (document(level=24), "level 24"),
        (document(bins=[(1 << 40, 1)]), "no number falls into"),
        (document(bins=[(0, 1), (0, 1)]), "a bin twice"),
        (document(bins=[(place, 1) for place in range(513)]), "too many"),
        (document(categories={str(n): 1 for n in range(201)}), "too many"),
        (document(categories={"x": 0}), "below 1"),
        (document(other=-1), "below 1"),
        (document(other=1), "more values than rows"),
        (document(bins=[], categories={"x" * 41: 1}), "too long"),
    ],
)
def test_what_nobody_can_have_counted_is_refused(wrong, words):
    with pytest.raises(InvalidRequest, match=words):
        check_profile(wrong)
