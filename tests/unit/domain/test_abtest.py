"""A test between versions: what it compares, when it decides, and that it can be stored and gone on with."""

from __future__ import annotations

import math
import random
from typing import Any

import msgspec
import pytest

from components.splits import fresh, ran
from modelyard.domain.abtest import WARM_UP, AbTest, options_of, restored, terms_of
from modelyard.domain.abtest_text import said_of
from modelyard.domain.feedback import LARGEST
from modelyard.domain.wire import (
    AbComparison,
    AbOptions,
    AbResult,
    AbStanding,
    Arm,
    DeploymentOptions,
    DeploymentRecord,
    Plan,
    Step,
)
from modelyard.errors import InvalidRequest, RegistryCorrupt

HALVES = {"old": 0.5, "new": 0.5}

pytestmark = pytest.mark.feature("DEP-06", "DEP-22")


def alternating(test: AbTest, units: int, values: dict[str, float]) -> None:
    """Let units come in turn, each with its version's value."""
    for number in range(units):
        version = ("old", "new")[number % 2]
        test.take(version, HALVES, 0, values[version])


def deployment(base: str | None, weights: dict[str, float], **more: Any) -> DeploymentRecord:
    """A deployment of `new` that is a test."""
    arms = [Arm(version_id=name, version=name.upper(), weight=weight) for name, weight in weights.items()]
    return DeploymentRecord(
        id="dp", name="fraud", environment="production", endpoint_id="ep", version="NEW", version_id="new",
        base=base, base_id=base, strategy="ab", state="STAGE", plan=Plan(steps=[Step(arms=arms, hold=True)]),
        options=DeploymentOptions(more=more),
    )  # fmt: skip


def test_options_have_defaults_and_directions():
    assert options_of({}) == AbOptions(metric="success", alpha=0.05, higher_is_better=True, promote_winner=False)
    assert not options_of({"metric": "latency"}).higher_is_better
    assert options_of({"metric": "complained", "higher_is_better": False, "alpha": 0.01}) == AbOptions(
        metric="complained", alpha=0.01, higher_is_better=False
    )


@pytest.mark.parametrize(
    "given",
    [
        {"metrics": "x"},
        {"metric": ""},
        {"alpha": 0},
        {"alpha": 0.6},
        {"alpha": "x"},
        {"alpha": float("nan")},
        {"promote_winner": 1},
        {"metric": "cost", "higher_is_better": True},
        {"higher_is_better": "no"},
    ],
)
def test_options_that_make_no_sense_are_refused(given: dict[str, Any]):
    with pytest.raises(InvalidRequest) as refusal:
        options_of(given)
    assert refusal.value.hint


def test_what_served_before_is_the_reference():
    terms = terms_of(deployment("old", {"new": 0.3, "old": 0.2, "third": 0.5}, metric="converted"))
    assert (terms.reference, terms.challengers, terms.options.metric) == ("old", ["new", "third"], "converted")


def test_where_it_takes_no_part_the_largest_of_the_others_is():
    terms = terms_of(deployment("gone", {"new": 0.5, "third": 0.2, "fourth": 0.3, "idle": 0.0}))
    assert (terms.reference, terms.challengers) == ("fourth", ["new", "third"])


@pytest.mark.parametrize(("options", "winner"), [({}, "new"), ({"higher_is_better": False}, "old")])
def test_more_is_better_unless_said_otherwise(options: dict[str, Any], winner: str):
    assert ran(1, {"old": 0.2, "new": 0.5}, HALVES, 2000, **options).winner == winner
    assert ran(1, {"old": 0.5, "new": 0.2}, HALVES, 2000, **options).winner == ("old" if winner == "new" else "new")


def test_success_is_told_by_its_failures_and_shown_as_success():
    test = ran(1, {"old": 0.99, "new": 0.8}, HALVES, 2000, metric="success")
    [told] = test.standing().comparisons
    assert (test.winner, told.verdict, told.needed) == ("old", "worse", 0)
    assert told.e_worse >= test.limit > told.e_better
    assert told.effect == pytest.approx(-0.19, abs=0.1)
    assert (told.low or 0) < (told.effect or 0) < (told.high or 0)


def test_a_numeric_metric_is_compared_above_quantiles():
    test = ran(1, HALVES, HALVES, 3000, draw=lambda chance, version: chance.expovariate(1 / (1 + (version == "new"))))
    assert (test.kind, test.winner) == ("numeric", "new")
    assert (
        ran(1, HALVES, HALVES, 3000, metric="latency", draw=lambda _, version: float(version == "new") + 7).winner
        == "old"
    )


def test_nothing_is_compared_before_the_kind_is_known():
    test = fresh("old", "new")
    alternating(test, WARM_UP - 1, {"old": 0.0, "new": 1.0})
    assert (test.kind, test.standing().comparisons) == ("", [AbComparison(version_id="new")])
    test.take("new", HALVES, 0, 1.0)
    assert test.kind == "binary"
    assert test.standing().comparisons[0].e_better > 1000, "binary values that came before are bet on"
    other = fresh("old", "new")
    alternating(other, WARM_UP, {"old": 0.25, "new": 1.0})
    assert (other.kind, other.standing().comparisons[0].e_better) == ("numeric", 1.0)


def test_the_ones_alone_say_something_where_an_application_tells_only_those():
    chance, test = random.Random(1), fresh("old", "new")
    while test.units < 600:
        version = chance.choice(("old", "new"))
        if chance.random() < {"old": 0.1, "new": 0.2}[version]:
            test.take(version, HALVES, 0, 1.0)
    assert test.winner == "new"


def test_a_key_counts_once_but_its_first_event_counts_beside_that():
    test = fresh("old", "new", metric="success")
    for _ in range(3):
        test.take("new", HALVES, 7, 1.0)
    before = test.standing()
    assert (test.units, before.arms[1].mean) == (1, 1.0)
    test.take("new", HALVES, 7, 0.0)
    test.take("new", HALVES, 7, 0.0)
    after = test.standing()
    assert (test.units, after.arms) == (1, before.arms)
    assert after.comparisons[0].e_worse > before.comparisons[0].e_worse
    once = fresh("old", "new", metric="success")
    for value in (1.0, 0.0):
        once.take("new", HALVES, 7, value)
    assert once.standing() == after


def test_a_failure_of_which_nothing_else_is_known_is_no_unit():
    test = fresh("old", "new", metric="success")
    test.take("new", HALVES, 7, 0.0, is_whole=False)
    assert (test.units, test.standing().comparisons[0].e_worse > 1) == (0, True)
    test.take("new", HALVES, 7, 1.0)
    assert (test.units, test.standing().arms[1].mean) == (1, 1.0)


def test_who_takes_no_part_is_passed_over():
    test = fresh("old", "new", metric="success")
    test.take("third", {**HALVES, "third": 0.5}, 0, 0.0)
    test.take("new", {"old": 1.0}, 0, 0.0)
    assert test.standing() == fresh("old", "new", metric="success").standing()
    test.take("new", {"new": 1.0}, 0, 0.0)
    assert (test.units, test.standing().comparisons[0].e_worse) == (1, 1.0), "with all of the traffic there is no lot"


def test_of_several_challengers_the_first_that_is_better_wins_and_each_needs_more():
    rates, shares = {"old": 0.1, "a": 0.1, "b": 0.4}, {"old": 0.4, "a": 0.3, "b": 0.3}
    test = ran(3, rates, shares, 2000)
    assert test.winner == "b"
    assert (round(test.limit), round(fresh("old", "new").limit)) == (80, 40)
    assert {one.version_id: one.verdict for one in test.standing().comparisons} == {"a": "", "b": "better"}


def test_the_reference_wins_once_all_challengers_are_worse():
    rates, shares = {"old": 0.6, "a": 0.2, "b": 0.3}, {"old": 0.4, "a": 0.3, "b": 0.3}
    test = ran(3, rates, shares, 3000)
    assert test.winner == "old"
    assert {one.verdict for one in test.standing().comparisons} == {"worse"}


def test_what_is_decided_stays():
    test = ran(1, {"old": 0.1, "new": 0.5}, HALVES, 2000)
    decided = test.decided_at
    alternating(test, 2000, {"old": 1.0, "new": 0.0})
    told = test.standing()
    assert (told.winner, told.decided_at, told.comparisons[0].verdict) == ("new", decided, "better")
    assert told.comparisons[0].e_better < test.limit


def test_it_says_how_far_it_is():
    test = ran(2, {"old": 0.2, "new": 0.26}, HALVES, 300)
    needed = test.standing().comparisons[0].needed
    assert test.winner == ""
    assert needed is not None
    assert 300 < needed < 20_000
    equal = fresh("old", "new", metric="success")
    alternating(equal, 10_000, {"old": 1.0, "new": 1.0})
    assert equal.standing().comparisons[0].needed is None


@pytest.mark.parametrize("metric", ["success", "converted", "revenue"])
@pytest.mark.parametrize("cut", [10, WARM_UP, 300])
def test_a_stored_test_goes_on_as_if_nothing_had_been(metric: str, cut: int):
    chance = random.Random(4)
    units = [(chance.choice(("old", "new")), chance.randrange(500), chance.random()) for _ in range(400)]
    whole, parted = (fresh("old", "new", metric=metric) for _ in range(2))
    for place, (version, key, value) in enumerate(units):
        if place == cut:
            parted.position = 9
            parted = restored(parted.terms, parted.state())
        told = value if metric == "revenue" else float(value < 0.4)
        whole.take(version, HALVES, key, told)
        parted.take(version, HALVES, key, told)
    assert (parted.standing(), parted.position) == (whole.standing(), 9)
    whole.position = 9
    assert parted.state() == whole.state()


@pytest.mark.parametrize("stored", [b"", b"nonsense", b"\x90"])
def test_a_damaged_state_is_told_as_such(stored: bytes):
    with pytest.raises(RegistryCorrupt):
        restored(fresh("old", "new").terms, stored)


def test_a_state_whose_keys_are_cut_off_is_damaged():
    decoded = msgspec.msgpack.decode(fresh("old", "new").state())
    decoded[-1] = decoded[-1][:100]
    with pytest.raises(RegistryCorrupt):
        restored(fresh("old", "new").terms, msgspec.msgpack.encode(decoded))


def test_the_largest_values_there_can_be_leave_all_numbers_finite():
    test, chance = fresh("old", "new", metric="revenue"), random.Random(1)
    for _ in range(400):
        version = "new" if chance.random() < 1e-3 else chance.choice(("old", "new"))
        test.take(version, {"old": 1 - 1e-9, "new": 1e-9}, 0, chance.choice((-LARGEST, LARGEST)))
    [told] = test.standing().comparisons
    means = [arm.mean for arm in test.standing().arms]
    assert all(value is not None and math.isfinite(value) for value in (told.effect, told.low, told.high, *means))


def result(winner: str = "", units: int = 100, reference: str = "1.0", **comparison: Any) -> AbResult:
    """A result with one comparison, of 2.0 with 1.0."""
    standing = AbStanding(
        units=units,
        comparisons=[AbComparison(version_id="v", version="2.0", **comparison)],
        decided_at=80,
        winner=winner,
    )
    return AbResult(
        deployment_id="dp", name="fraud", environment="production", state="STAGE", options=AbOptions(metric="sold"),
        reference=reference, winner=winner, standing=standing,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (result(units=0), "nobody has won yet: nothing is known of sold"),
        (result(), "nobody has won yet by sold, after 100 units: so far the versions do not differ"),
        (
            result(needed=2100),
            "nobody has won yet by sold, after 100 units: about 2,100 units more, if the difference stays as it is",
        ),
        (
            result("2.0", e_better=3200.4),
            "2.0 won by sold, after 80 units: it is better than 1.0 (evidence of 3,200 to 1 now)",
        ),
        (
            result("1.0", e_worse=1e30),
            "1.0 won by sold, after 80 units: 2.0 is worse (evidence of 1,000,000,000 to 1 now)",
        ),
    ],
)
def test_how_it_stands_in_words(told: AbResult, said: str):
    assert said_of(told) == said
