"""A trial: keys count once, arms are compared in pairs, wrong lots show, and the state is all that there is."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from components.units import failed, well
from modelyard.domain.trial import SKEW_LIMIT, Seen, Trial, restored
from modelyard.domain.units import NONE, Arrival, Batch, Unit
from modelyard.domain.wire.judge import JudgeOptions, Terms
from modelyard.errors import RegistryCorrupt

TERMS = Terms(
    base_id="old",
    challengers=["new"],
    weights={"errors": 0.5, "latency": 0.4, "tokens": 0.1},
    thresholds={"latency": [10, 20, 30]},
)
ARMS = (Arrival("old", 1), Arrival("new", 1))
SHARES = {1: {"old": 0.9, "new": 0.1}}


def trial_of(*units: Unit, terms: Terms = TERMS) -> Trial:
    """A trial that has taken in units, all in one batch."""
    trial = Trial(terms)
    trial.take(Batch(ARMS, units), SHARES, "2026-01-01T00:00:00Z")
    return trial


def test_requests_of_one_key_are_one_unit_and_its_errors_one_error():
    trial = trial_of(*[failed(1, 77, 40)] * 9, *[well(0, 78, 5)] * 9)
    assert trial.duels["new"].counts == [1, 1, 1, 0]


def test_a_key_that_was_well_at_first_may_still_err_once():
    trial = trial_of(well(1, 77, 5), failed(1, 77, 5), failed(1, 77, 5))
    assert trial.duels["new"].counts == [1, 0, 1, 0]


def test_requests_without_a_key_are_units_of_their_own():
    assert trial_of(*[failed(1, 0, 40)] * 9).duels["new"].counts == [9, 0, 9, 0]


def test_a_request_that_was_kept_for_its_error_only_says_nothing_of_anything_else():
    trial = trial_of(*[failed(1, key, NONE, 99) for key in (0, 0, 5, 5)])
    duel = trial.duels["new"]
    assert duel.counts == [0, 0, 0, 0], "it would be a share of nothing"
    assert duel.errors.value > 1.0
    assert (duel.skew.value, duel.latency.value, duel.tokens.value) == (1.0, 1.0, 1.0)
    trial.take(Batch(ARMS, (well(1, 5, 3),)), SHARES)
    assert duel.counts == [1, 0, 0, 0], "the key's first measured request still counts"


def test_units_of_an_unknown_epoch_and_of_strangers_are_passed_over():
    arms = (Arrival("new", 99), Arrival("stranger", 1), Arrival("new", 1))
    trial = Trial(TERMS)
    trial.take(Batch(arms, (failed(0, 0, 40), failed(1, 0, 40))), SHARES)
    assert trial.duels["new"].counts == [0, 0, 0, 0]
    assert trial.duels["new"].epoch == 1
    assert trial.position == 1
    trial.take(Batch(arms, (failed(2, 0, 40),)), SHARES)
    assert trial.duels["new"].counts == [1, 0, 1, 0]


def test_a_version_that_gets_nothing_is_not_compared():
    trial = Trial(TERMS)
    trial.take(Batch(ARMS, (failed(1, 0, 40),)), {1: {"other": 1.0}})
    assert trial.duels["new"].counts == [0, 0, 0, 0]


def test_a_late_unit_of_an_older_epoch_counts_with_the_weight_that_it_entered_by():
    shares = {1: {"old": 0.9, "new": 0.1}, 2: {"old": 0.5, "new": 0.5}}
    late, plain = Trial(TERMS), Trial(TERMS)
    late.take(Batch((Arrival("new", 2), Arrival("new", 1)), (failed(1, 0, 40),)), shares)
    plain.take(Batch((Arrival("new", 1),), (failed(0, 0, 40),)), shares)
    assert late.duels["new"].errors.value == plain.duels["new"].errors.value
    assert late.duels["new"].epoch == 2


def test_each_challenger_is_compared_with_the_old_version_alone():
    three = Terms(base_id="old", challengers=["new", "other"], weights={"errors": 1.0})
    trial = Trial(three)
    arms = (Arrival("old", 1), Arrival("new", 1), Arrival("other", 1))
    trial.take(Batch(arms, (failed(1, 0, 5), well(0, 0, 5))), {1: {"old": 0.5, "new": 0.25, "other": 0.25}})
    assert trial.duels["new"].counts == [1, 1, 1, 0]
    assert trial.duels["other"].counts == [0, 1, 0, 0]
    assert trial.duels["new"].w == pytest.approx(1 / 3)
    assert [one.version_id for one in trial.evidence()] == ["new", "other"]


def lots(trial: Trial, count: int, share: float, moment: str) -> None:
    """Let a trial take in units of which a share is the new version's, whatever the weights say."""
    chance = Random(f"{count} {share} {moment}")
    units = tuple(well(int(chance.random() < share), 0, 5) for _ in range(count))
    trial.take(Batch(ARMS, units), SHARES, moment)


def test_lots_that_fall_otherwise_than_the_weights_say_are_noticed_and_forgotten_once_they_fall_right():
    trial = Trial(TERMS)
    lots(trial, 500, 0.1, "first")
    assert trial.skewed_since == ""
    lots(trial, 300, 0.3, "second")
    assert trial.skew >= SKEW_LIMIT
    lots(trial, 10, 0.3, "third")
    assert trial.skewed_since == "second"
    lots(trial, 20_000, 0.1, "fourth")
    assert trial.skewed_since == ""


def test_a_router_that_breaks_after_many_right_lots_is_noticed_too():
    trial = Trial(TERMS)
    lots(trial, 30_000, 0.1, "first")
    lots(trial, 4_000, 0.0, "second")
    assert trial.skewed_since == "second"


def busy_trial(terms: Terms = TERMS) -> Trial:
    """A trial with a little of everything."""
    chance, trial = Random(5), Trial(terms)
    units = tuple(
        Unit(chance.randrange(2), chance.choice([0, chance.getrandbits(64)]), chance.random() < 0.2, 9)
        for _ in range(300)
    )
    trial.take(Batch(ARMS, units), SHARES, "then")
    return trial


def test_a_trial_that_was_restored_is_what_it_was():
    trial = busy_trial()
    other = restored(TERMS, trial.state())
    assert other.state() == trial.state()
    assert other.evidence() == trial.evidence()
    assert (other.position, other.skewed_since) == (trial.position, trial.skewed_since) == (1, "then")


def damaged(place: int, value: object) -> bytes:
    """The state of a trial with another value at a place."""
    state = msgspec.msgpack.decode(busy_trial().state())
    state[place] = value
    return msgspec.msgpack.encode(state)


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"\x00",
        damaged(0, "one"),
        damaged(2, {}),
        damaged(2, {"new": []}),
        damaged(2, {"new": [[[0.0] * 4, [1.0, 0.1, float("inf")]], [[0.0]] * 4, [], []]}),
        damaged(2, {"new": [[[0.0] * 4, [1.0, 0.1, float("nan")]], [[0.0]] * 4, [], []]}),
        damaged(3, b"short"),
        damaged(4, b""),
    ],
    ids=["empty", "number", "word", "no-duel", "short-duel", "endless", "nan", "keys", "no-keys"],
)
def test_a_state_that_stands_for_no_trial_is_damage(stored):
    with pytest.raises(RegistryCorrupt, match="the stored state of a trial is damaged"):
        restored(TERMS, stored)


def test_a_state_of_other_challengers_is_damage():
    other = Terms(base_id="old", challengers=["else"], weights=TERMS.weights)
    with pytest.raises(RegistryCorrupt):
        restored(other, busy_trial().state())


def test_a_filter_knows_what_it_met_and_takes_what_has_no_key_for_new():
    seen = Seen(1 << 10)
    assert seen.add(12345)
    assert not seen.add(12345)
    assert seen.add(0)
    assert seen.add(0)


def test_a_full_filter_takes_everything_for_known():
    seen, chance = Seen(1 << 6), Random(2)
    for _ in range(10_000):
        seen.add(chance.getrandbits(64))
    assert not any(seen.add(chance.getrandbits(64)) for _ in range(1000))


def test_few_of_a_hundred_thousand_keys_are_taken_for_others():
    seen, chance = Seen(), Random(3)
    assert sum(not seen.add(chance.getrandbits(64)) for _ in range(100_000)) < 100


def test_a_filter_that_is_full_leaves_a_trial_as_it_is():
    trial = Trial(TERMS)
    trial.seen.fill(b"\xff" * len(trial.seen.bits))
    trial.erred.fill(b"\xff" * len(trial.erred.bits))
    trial.take(Batch(ARMS, (failed(1, 5, 40),)), SHARES)
    assert trial.duels["new"].counts == [0, 0, 0, 0]


def test_thousands_of_epochs_leave_numbers():
    trial = Trial(Terms(base_id="old", challengers=["new"], options=JudgeOptions(), weights=TERMS.weights))
    for epoch in range(1, 3000):
        w = (epoch % 99 + 1) / 100
        arms = (Arrival("old", epoch), Arrival("new", epoch))
        trial.take(Batch(arms, (Unit(epoch % 2, 0, epoch % 3 == 0, epoch),)), {epoch: {"old": 1 - w, "new": w}})
    found = trial.evidence()[0]
    assert 0.0 <= found.e_value <= found.peak
    assert restored(trial.terms, trial.state()).state() == trial.state()
