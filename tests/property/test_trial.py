"""Whatever units come, a trial stays a trial: numbers, a peak that never falls, and a state that can be restored."""

from __future__ import annotations

from math import isfinite
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.trial import Trial, restored
from modelyard.domain.units import NONE, Arrival, Batch, Unit, pack, unpack
from modelyard.domain.wire.judge import JudgeOptions, Terms

WEIGHTS = st.one_of(
    st.sampled_from([0.0, 1.0, 1e-300, 1e-17, 1e-9, 0.5, 1 - 1e-9, 1 - 1e-16, float("nan"), float("inf"), -1.0]),
    st.floats(min_value=0.0, max_value=1.0),
)
SHARES = st.dictionaries(
    st.integers(0, 6), st.dictionaries(st.sampled_from(["old", "new", "other", "stranger"]), WEIGHTS), max_size=6
)
PLACES = st.one_of(st.just(NONE), st.integers(-900, 900), st.integers(-(1 << 63), (1 << 63) - 1))
KEYS = st.one_of(st.integers(0, 20), st.integers(0, (1 << 64) - 1))


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """A batch of any units of any arms."""
    arrival = st.builds(Arrival, st.sampled_from(["old", "new", "other", "stranger"]), st.integers(-3, 9))
    arms = draw(st.lists(arrival, min_size=1, max_size=4))
    unit = st.builds(Unit, st.integers(0, len(arms) - 1), KEYS, st.booleans(), PLACES, PLACES, PLACES)
    return Batch(tuple(arms), tuple(draw(st.lists(unit, max_size=30))))


def terms_of(*, known: bool, challengers: int) -> Terms:
    """Terms with every metric there is."""
    return Terms(
        base_id="old",
        challengers=["new", "other"][:challengers],
        options=JudgeOptions(tolerate_errors=100.0, tolerate_latency=0.1, max_error_rate=0.02, require_proof=100.0),
        weights={"errors": 0.4, "latency": 0.32, "tokens": 0.08, "slo": 0.2},
        thresholds={"latency": [5, 5, 900], "tokens": [-3, 0, 7]} if known else {},
    )


@given(st.lists(batches(), max_size=6), SHARES, st.booleans(), st.integers(1, 2))
def test_any_units_leave_numbers_and_a_peak_that_never_falls(coming, shares, known, challengers):
    trial = Trial(terms_of(known=known, challengers=challengers))
    for batch in coming:
        before = [duel.peak for duel in trial.duels.values()]
        trial.take(batch, shares, "now")
        for duel, peak in zip(trial.duels.values(), before, strict=True):
            assert 0.0 <= duel.value <= duel.peak
            assert isfinite(duel.peak)
            assert duel.peak >= peak
        for one in trial.evidence():
            assert isfinite(one.harm)
            assert one.needed is None or one.needed >= 0
    assert trial.position == len(coming)


@given(st.lists(batches(), min_size=1, max_size=6), SHARES, st.booleans(), st.integers(0, 6))
def test_a_trial_that_goes_on_from_a_checkpoint_is_what_it_would_have_been_to_the_last_bit(coming, shares, known, cut):
    terms = terms_of(known=known, challengers=2)
    live = Trial(terms)
    checkpoint = live.state()
    for place, batch in enumerate(coming):
        live.take(batch, shares, str(place))
        if place == cut:
            checkpoint = live.state()
    replayed = restored(terms, checkpoint)
    for place, batch in enumerate(coming[replayed.position :], replayed.position):
        replayed.take(unpack(pack(batch.arms, batch.units)), shares, str(place))
    assert replayed.state() == live.state()
    assert replayed.evidence() == live.evidence()


@given(batches(), SHARES)
def test_how_units_are_put_into_batches_makes_no_difference_but_to_the_count_of_batches(batch, shares):
    whole, single = Trial(terms_of(known=True, challengers=2)), Trial(terms_of(known=True, challengers=2))
    whole.take(batch, shares)
    # The newest epoch of a batch is entered before its units; so it is made known to both.
    single.take(Batch(batch.arms, ()), shares)
    for unit in batch.units:
        single.take(Batch(batch.arms, (unit,)), shares)
    single.position = whole.position
    assert single.state() == whole.state()


@pytest.mark.feature("EXP-22")
@pytest.mark.parametrize("seed", range(3))
def test_a_controller_that_is_killed_anywhere_comes_to_the_same_evidence_from_the_log(seed):
    chance = Random(seed)
    terms = terms_of(known=seed % 2 == 0, challengers=2)
    shares = {epoch: {"old": 1 - w, "new": w / 2, "other": w / 2} for epoch, w in enumerate((0.1, 0.5, 0.9), 1)}
    log: list[bytes] = []
    live = Trial(terms)
    for number in range(90):
        arms = [Arrival(version, 1 + number // 30) for version in ("old", "new", "other")]
        units = [
            Unit(chance.randrange(3), chance.randrange(400), chance.random() < 0.05, chance.randrange(9), NONE)
            for _ in range(20)
        ]
        log.append(pack(arms, units))
        live.take(unpack(log[-1]), shares, str(number))
    replayed = Trial(terms)
    checkpoint = replayed.state()
    for number, stored in enumerate(log):
        replayed.take(unpack(stored), shares, str(number))
        if chance.random() < 0.1:
            checkpoint = replayed.state()
        if chance.random() < 0.2:
            # The process dies: what it knew is gone, and the next one begins at the last checkpoint.
            replayed = restored(terms, checkpoint)
            for again in range(replayed.position, number + 1):
                replayed.take(unpack(log[again]), shares, str(again))
    assert replayed.state() == live.state()
