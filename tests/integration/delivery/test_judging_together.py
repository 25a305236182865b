"""Judging with several processes, and against what may go wrong: late controllers, many writers, odd evidence."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from components.rollouts import Rollouts
from modelyard.delivery import judging
from modelyard.delivery.controller import Controller
from modelyard.delivery.driving import Driver
from modelyard.delivery.judging import replayed, resumed
from modelyard.domain.units import Arrival, pack
from modelyard.domain.wire import DeploymentRecord, Explanation, JudgeOptions
from modelyard.errors import LeaseLost
from modelyard.metadata import evidence as log
from modelyard.metadata.database import known
from modelyard.metadata.tables import evidence, judgements
from modelyard.operations import (
    EXPLAIN_DEPLOYMENT,
    SET_FLAG,
    ExplainDeployment,
    SetFlag,
)

EQUAL, BAD = {"1.0.0": 0.05, "2.0.0": 0.05}, {"1.0.0": 0.05, "2.0.0": 0.4}
OBSERVE = JudgeOptions(mode="observe")


def canary(yard: Rollouts, **options: Any) -> DeploymentRecord:
    """Begin a canary by 10 and 50 percent, with a minute for each step."""
    return yard.deploy("2.0.0", "canary", **{"steps": [10, 50], "step_seconds": 60, **options})


def explained(yard: Rollouts, deployment: DeploymentRecord) -> Explanation:
    """The explanation; the log gives the same again."""
    found = yard.call(EXPLAIN_DEPLOYMENT, ExplainDeployment(id=deployment.id))
    assert found.replayed is True, found.words
    return found


def counts(yard: Rollouts, deployment: DeploymentRecord) -> tuple[int, int]:
    """Units of the new version and of the old one."""
    said = explained(yard, deployment).judgement
    assert said is not None
    return said.challengers[0].units, said.challengers[0].base_units


def other_process(yard: Rollouts) -> None:
    """Let another process drive from now on, which knows nothing but what is stored."""
    yard.driver = Driver(yard.yard, yard.engine, check=lambda _tx: None, pulses=yard.pulses)


@pytest.mark.feature("EXP-22", "EXP-25")
def test_the_evidence_of_several_processes_is_judged_together(served: Rollouts):
    begun = canary(served, judge=OBSERVE)
    # Each call is a recorder of its own, as in another process.
    for seed in range(4):
        served.meet(500, failing=EQUAL, seed=seed)
    served.drive(begun)
    assert sum(counts(served, begun)) == 2000
    with served.yard.database.read() as tx:
        assert len({row.writer for row in tx.all(select(evidence))}) == 4


@pytest.mark.feature("DEP-13")
def test_a_controller_that_is_late_takes_in_nothing_and_goes_on_rightly_when_it_is_its_turn_again(served: Rollouts):
    begun = canary(served, judge=OBSERVE)
    first, second = (Controller(served.yard, served.engine, lease_s=10.0) for _ in range(2))
    assert first.lease.hold()
    served.meet(300, failing=EQUAL)
    first.drive(begun.id)
    served.clock.move(20)
    assert second.lease.hold()
    served.meet(300, failing=EQUAL, seed=2)
    with pytest.raises(LeaseLost):
        first.drive(begun.id)
    second.drive(begun.id)
    served.clock.move(20)
    served.meet(300, failing=EQUAL, seed=3)
    assert first.lease.hold()
    first.drive(begun.id)
    served.meet(300, failing=EQUAL, seed=4)
    with pytest.raises(LeaseLost):
        second.drive(begun.id)
    assert sum(counts(served, begun)) == 900
    first.drive(begun.id)
    assert sum(counts(served, begun)) == 1200
    for controller in (first, second):
        controller.stop()


@pytest.mark.feature("EXP-22")
def test_all_evidence_is_taken_in_before_a_step_is_left(served: Rollouts, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(judging, "MOST", 3)
    begun = canary(served)
    served.meet(1500, failing=EQUAL)
    served.meet(1500, failing=BAD, seed=2)
    # Time is over, and the first portions speak for it: the last ones do not.
    assert served.after(begun, 61).state == "ROLLED_BACK"


def test_a_portion_is_bounded_by_its_units_too(served: Rollouts, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(judging, "MOST_UNITS", 150)
    begun = canary(served, judge=OBSERVE)
    served.meet(1000, failing=EQUAL)
    served.drive(begun)
    assert sum(counts(served, begun)) == 1000


def test_more_trials_than_are_kept_in_memory_are_restored(served: Rollouts, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(judging, "MOST_TRIALS", 0)
    begun = canary(served, judge=OBSERVE)
    for seed in range(3):
        served.meet(300, failing=EQUAL, seed=seed)
        served.drive(begun)
    assert sum(counts(served, begun)) == 900


@pytest.mark.feature("DEP-09")
def test_flags_that_change_meanwhile_make_epochs_with_the_same_weights(served: Rollouts):
    begun = canary(served, judge=OBSERVE)
    served.meet(300, failing=EQUAL)
    flag = SetFlag(name="fraud", flag="beta", version="2.0.0", header="x-channel", equals="beta")
    served.call(SET_FLAG, flag)
    served.meet(300, failing=EQUAL, seed=2)
    served.drive(begun)
    found = explained(served, begun)
    assert sum(counts(served, begun)) == 600
    assert found.course[-1].challengers[0].weight == pytest.approx(0.1)


def test_evidence_of_an_older_epoch_counts_with_the_weights_of_that_epoch(served: Rollouts):
    begun = canary(served, judge=OBSERVE)
    served.meet(2000, failing=EQUAL)
    with served.yard.database.write() as tx:
        # What one process saw before the step is left reaches the database when it has been left.
        tx.run(update(evidence).where(evidence.c.number > 10).values(deployment_id="dp_elsewhere"))
    served.drive(begun)
    served.promote(begun)
    with served.yard.database.write() as tx:
        tx.run(update(evidence).where(evidence.c.number > 10).values(deployment_id=begun.id))
    served.meet(300, failing=EQUAL, seed=2)
    served.drive(begun)
    found = explained(served, begun)
    assert found.judgement is not None
    assert sum(counts(served, begun)) == 2300
    assert found.judgement.skew < 100, "with the weights of now, the lots of then would look wrong"


def test_a_clock_that_goes_back_loses_nothing(served: Rollouts):
    begun = canary(served, judge=OBSERVE)
    served.meet(300, failing=EQUAL)
    served.drive(begun)
    served.clock.move(-3600)
    served.meet(300, failing=EQUAL, seed=2)
    served.drive(begun)
    served.clock.move(7200)
    served.meet(300, failing=EQUAL, seed=3)
    served.drive(begun)
    assert sum(counts(served, begun)) == 900


@pytest.mark.feature("DEP-06")
def test_of_three_arms_each_is_judged_against_the_first_and_the_bad_one_is_named(served: Rollouts):
    begun = served.deploy("2.0.0", "ab-test", split={"1.0.0": 40, "3.0.0": 30})
    served.meet(900, failing={"1.0.0": 0.05, "2.0.0": 0.05, "3.0.0": 0.5})
    ended = served.drive(begun)
    assert (ended.state, ended.rollback and ended.rollback.evidence["version"]) == ("ROLLED_BACK", "3.0.0")
    found = explained(served, begun)
    assert found.judgement is not None
    assert found.judgement.limit == 40.0
    assert [one.version for one in found.course[-1].challengers] == ["2.0.0", "3.0.0"]


def test_who_is_superseded_aborted_or_tried_again_is_judged_by_what_is_his_own(served: Rollouts):
    first = canary(served)
    served.meet(500, failing=EQUAL)
    served.drive(first)
    second = canary(served, supersede=True)
    assert served.get(second).judgement is not None
    assert counts(served, first)[1] > 0
    served.meet(300, failing=EQUAL, seed=2)
    served.drive(second)
    assert sum(counts(served, second)) == 300
    served.abort(second)
    third = canary(served)
    said = served.get(third).judgement
    assert said is not None
    assert (said.position, said.challengers[0].units) == (0, 0)
    assert sum(counts(served, second)) == 300


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"\xc1",
        pack([Arrival("mv_nobody", 1)], []),
        pack([Arrival("mv_nobody", 2**63)], []),
        pack([Arrival("mv_nobody", -5)], []),
        pack([], []),
    ],
    ids=["nothing", "no message", "an unknown version", "an epoch that is too large", "one below zero", "no unit"],
)
def test_odd_evidence_stops_nobody(served: Rollouts, document: bytes):
    begun = canary(served)
    served.meet(300, failing=EQUAL)
    with served.yard.database.write() as tx:
        tx.run(update(evidence).where(evidence.c.number == 2).values(document=document))
    assert served.drive(begun).state == "STAGE"
    assert sum(counts(served, begun)) == 200
    with served.yard.database.read() as tx:
        assert not log.waits(tx, begun.id)


def test_who_goes_on_after_it_was_inconclusive_keeps_what_was_seen(served: Rollouts):
    begun = canary(served, min_requests=10_000, max_step_seconds=120)
    served.meet(300, failing=EQUAL)
    assert served.after(begun, 121).state == "PAUSED"
    other_process(served)
    served.resume(begun)
    served.meet(300, failing=EQUAL, seed=2)
    served.drive(begun)
    assert sum(counts(served, begun)) == 600


def test_a_checkpoint_is_written_now_and_then_and_what_stands_is_the_same_from_there_and_from_the_log(
    served: Rollouts, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(judging, "CHECKPOINT_EVERY", 5)
    begun = canary(served, judge=OBSERVE)
    for seed in range(4):
        served.meet(300, failing=EQUAL, seed=seed)
        served.drive(begun)
    with served.yard.database.read() as tx:
        row = known(log.judgement_of(tx, begun.id))
        assert (row.position, row.checkpoint_position) == (12, 12)
        assert [trial for _, trial in replayed(tx, row)][-1].state() == resumed(tx, row).state()


def test_a_judge_who_only_observes_halts_nothing(served: Rollouts):
    begun = canary(served, judge=OBSERVE)
    served.meet(1500, drawn="2.0.0")
    served.drive(begun)
    served.clock.move(40)
    served.meet(200, drawn="2.0.0", seed=2)
    assert served.drive(begun).state == "STAGE"
    said = served.get(begun).judgement
    assert said is not None
    assert said.void
    with served.yard.database.read() as tx:
        assert tx.scalar(select(judgements.c.position)) == said.position
