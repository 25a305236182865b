"""Replays of trials that go on: they are gone on with, and come to the same as one from the first batch on."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text, update

from components.rollouts import Rollouts
from modelyard.delivery import judging, replaying
from modelyard.domain.units import pack
from modelyard.domain.wire import DeploymentRecord, Explanation, JudgeOptions
from modelyard.metadata.tables import evidence, judgements
from modelyard.operations import EXPLAIN_DEPLOYMENT, ExplainDeployment

EQUAL = {"1.0.0": 0.05, "2.0.0": 0.05}


@pytest.fixture
def begun(served: Rollouts, monkeypatch: pytest.MonkeyPatch) -> DeploymentRecord:
    """A canary whose judge only observes, and has checkpoints at each fifth batch or so."""
    monkeypatch.setattr(judging, "CHECKPOINT_EVERY", 5)
    options: dict[str, Any] = {"steps": [10, 50], "step_seconds": 60, "judge": JudgeOptions(mode="observe")}
    return served.deploy("2.0.0", "canary", **options)


def explained(yard: Rollouts, deployment: DeploymentRecord, *, full: bool = False) -> Explanation:
    """Ask for the explanation."""
    return yard.call(EXPLAIN_DEPLOYMENT, ExplainDeployment(id=deployment.id, full=full))


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of each batch that a replay takes in."""
    numbers: list[int] = []
    take_all = judging.take_all

    def counting(trial: Any, rows: Any, routes: Any) -> int:
        numbers.append(trial.position + 1)
        return take_all(trial, rows, routes)

    monkeypatch.setattr(judging, "take_all", counting)
    return numbers


@pytest.mark.feature("EXP-22", "OBS-04")
def test_what_was_computed_before_is_gone_on_with_and_comes_to_the_same(served, begun, monkeypatch):
    monkeypatch.setattr(replaying, "MOST_POINTS", 5)
    for seed, size in enumerate((300, 100, 0, 1200, 700, 100, 2500)):
        if size:
            served.meet(size, failing=EQUAL, seed=seed)
            served.drive(begun)
        found = explained(served, begun)
        assert found == explained(served, begun, full=True)
        assert found.replayed is True
        assert 1 <= len(found.course) <= 5
        assert found.judgement is not None
        assert found.course[-1].position == found.judgement.position
        assert found.course[-1].challengers[0].e_value == found.judgement.challengers[0].e_value
    assert found.judgement is not None
    assert found.judgement.position == 49
    assert [point.position for point in found.course] == [8, 16, 24, 32, 49]


@pytest.mark.feature("OBS-04")
def test_a_replay_reads_what_is_new_and_all_of_it_once_it_is_over_or_where_that_is_asked_for(served, begun, taken):
    for seed in range(3):
        served.meet(500, failing=EQUAL, seed=seed)
        served.drive(begun)
        taken.clear()
        for _ in range(3):
            assert explained(served, begun).replayed is True
        assert taken == list(range(5 * seed + 1, 5 * seed + 6))
    taken.clear()
    assert explained(served, begun, full=True).replayed is True
    assert taken == list(range(1, 16))
    served.abort(begun)
    taken.clear()
    for _ in range(2):
        assert explained(served, begun).replayed is True
    assert taken == 2 * list(range(1, 16))


def test_a_log_or_a_checkpoint_that_is_changed_behind_a_replay_is_found_out(served, begun):
    for seed in range(3):
        served.meet(500, failing=EQUAL, seed=seed)
        served.drive(begun)
    assert explained(served, begun).replayed is True
    with served.yard.database.write() as tx:
        tx.run(update(evidence).where(evidence.c.position == 2).values(document=pack([], [])))
    assert explained(served, begun, full=True).replayed is False
    served.abort(begun)
    assert explained(served, begun).replayed is False


@pytest.mark.parametrize(
    ("damage", "times"),
    [({"terms": text("replace(terms, '0.05', '0.06')")}, 1), ({"checkpoint_position": 7}, 2)],
    ids=["its terms", "its checkpoint"],
)
def test_a_replay_that_does_not_fit_what_stands_is_begun_anew(served, begun, taken, damage, times):
    for seed in range(3):
        served.meet(500, failing=EQUAL, seed=seed)
        served.drive(begun)
    assert explained(served, begun).replayed is True
    taken.clear()
    with served.yard.database.write() as tx:
        tx.run(update(judgements).values(**damage))
    for _ in range(2):
        assert explained(served, begun).replayed is False
    # One that did not agree with a checkpoint is not gone on with either.
    assert taken == times * list(range(1, 16))


def test_only_some_replays_are_kept(served, begun, taken, monkeypatch):
    monkeypatch.setattr(replaying, "MOST_KEPT", 0)
    served.meet(300, failing=EQUAL)
    served.drive(begun)
    taken.clear()
    for _ in range(2):
        assert explained(served, begun).replayed is True
    assert taken == [1, 2, 3, 1, 2, 3]
