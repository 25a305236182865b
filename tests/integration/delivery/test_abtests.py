"""Tests between versions, on what predictions did and on feedback: who wins, when, and what becomes of it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import delete

from components.rollouts import Rollouts
from modelyard.domain.prediction_ids import Stamp
from modelyard.domain.routing import CompiledRoute
from modelyard.domain.units import key_hash
from modelyard.domain.wire import AbResult, DeploymentRecord, JudgeOptions, Window
from modelyard.errors import DeploymentNotFound, InvalidRequest
from modelyard.metadata import ab_tests, secrets, tables
from modelyard.operations import AB_RESULT, RECORD_FEEDBACK, NamedDeployment, RecordFeedback
from modelyard.watch.abtests import AbTests

pytestmark = pytest.mark.feature("DEP-06", "DEP-22")

CONVERTED: dict[str, Any] = {"metric": "converted", "promote_winner": True}


def started(yard: Rollouts, options: Mapping[str, Any] | None = None, **more: Any) -> DeploymentRecord:
    """Begin a test of 2.0.0 beside 1.0.0, which serves."""
    test = yard.deploy("2.0.0", "ab-test", options=dict(CONVERTED if options is None else options), **more)
    assert test.state == "STAGE", test
    return test


def answers(yard: Rollouts, test: DeploymentRecord, keys: Sequence[bytes]) -> list[tuple[str, str]]:
    """The names of predictions that users got by lot, each with the version that answered."""
    with yard.yard.database.read() as tx:
        secret = secrets.secret(tx, secrets.PREDICTIONS)
    endpoint = yard.endpoint()
    route, names = CompiledRoute(endpoint.route), {arm.version_id: arm.version for arm in endpoint.route.arms}
    stamps = {name: Stamp(secret, endpoint.id, endpoint.epoch, name, test.id) for name in names}
    chance, found = random.Random(len(keys)), []
    for key in keys:
        version_id = route.drawn(key) or ""
        name = stamps[version_id].name(chance.getrandbits(64), drawn=True, key=key_hash(key, b""))
        found.append((name, names[version_id]))
    return found


def convert(yard: Rollouts, test: DeploymentRecord, rates: Mapping[str, float], users: range) -> None:
    """Let users come, and the application tell who of them bought something."""
    chance = random.Random(users.start)
    items: list[dict[str, Any]] = [
        {"prediction_id": name, "metric": "converted", "value": chance.random() < rates[version]}
        for name, version in answers(yard, test, [b"user %d" % user for user in users])
    ]
    for start in range(0, len(items), 1000):
        yard.call(RECORD_FEEDBACK, RecordFeedback(items=items[start : start + 1000]))


def look(yard: Rollouts, test: DeploymentRecord) -> AbResult:
    """How a test stands."""
    return yard.call(AB_RESULT, NamedDeployment(id=test.id))


def observing() -> JudgeOptions:
    """A judge that only says what it would have done, so that it does not end the test before."""
    return JudgeOptions(mode="observe")


def run(yard: Rollouts, tests: AbTests) -> None:
    """Let whoever controls do his work once."""
    tests.run(yard.driver.transaction)


def test_the_winner_by_feedback_ends_the_test_and_serves(served: Rollouts):
    test, tests = started(served), AbTests(served.yard)
    run(served, tests)
    assert look(served, test).said == "nobody has won yet: nothing is known of converted"
    convert(served, test, {"1.0.0": 0.1, "2.0.0": 0.3}, range(1000))
    found = look(served, test)
    assert (found.winner, found.reference, found.state) == ("2.0.0", "1.0.0", "STAGE")
    run(served, tests)
    ended = served.get(test)
    assert (ended.state, served.shares()) == ("SUCCEEDED", {"2.0.0": 1.0})
    assert ended.reason.startswith("2.0.0 won by converted")
    assert ended.history[-1].actor == "controller"
    assert ended.history[-1].evidence["winner"] == "2.0.0"
    assert look(served, test).standing == found.standing


def test_the_version_that_served_before_wins_where_the_new_one_is_worse(served: Rollouts):
    test, tests = started(served), AbTests(served.yard)
    convert(served, test, {"1.0.0": 0.3, "2.0.0": 0.1}, range(1000))
    run(served, tests)
    assert (served.get(test).state, served.shares()) == ("SUCCEEDED", {"1.0.0": 1.0})


def test_without_promote_winner_a_person_ends_it(served: Rollouts):
    test, tests = started(served, {"metric": "converted"}), AbTests(served.yard)
    convert(served, test, {"1.0.0": 0.1, "2.0.0": 0.3}, range(1000))
    run(served, tests)
    assert (served.get(test).state, look(served, test).winner) == ("STAGE", "2.0.0")
    assert served.promote(test, winner="2.0.0").state == "SUCCEEDED"


def test_a_paused_test_and_one_outside_of_its_window_are_not_ended(served: Rollouts):
    window = Window(days=["tue"])
    test, tests = started_at_once(served, window), AbTests(served.yard)
    convert(served, test, {"1.0.0": 0.1, "2.0.0": 0.3}, range(1000))
    run(served, tests)
    assert served.get(test).state == "STAGE"
    served.pause(test)
    served.clock.move(86_400)
    run(served, tests)
    assert served.get(test).state == "PAUSED"
    served.resume(test)
    run(served, tests)
    assert served.get(test).state == "SUCCEEDED"


def started_at_once(yard: Rollouts, window: Window) -> DeploymentRecord:
    """Begin a test on a Tuesday that may go on on Tuesdays only, and go back to Wednesday morning."""
    yard.clock.move(86_400)
    test = started(yard, window=window)
    yard.clock.move(6 * 86_400)
    return test


def test_equal_versions_have_no_winner_and_the_answer_says_how_far_it_is(served: Rollouts):
    test, tests = started(served), AbTests(served.yard)
    convert(served, test, {"1.0.0": 0.2, "2.0.0": 0.2}, range(1500))
    run(served, tests)
    found = look(served, test)
    assert (found.winner, found.standing.units, served.get(test).state) == ("", 1500, "STAGE")
    assert found.said.startswith("nobody has won yet by converted, after 1,500 units")
    [comparison] = found.standing.comparisons
    assert comparison.low is not None
    assert comparison.high is not None
    assert comparison.low < 0 < comparison.high
    assert {arm.version: arm.weight for arm in found.standing.arms} == {"1.0.0": 0.5, "2.0.0": 0.5}


def test_what_is_kept_and_what_is_computed_from_the_record_are_the_same(served: Rollouts):
    test, tests = started(served, {"metric": "converted"}), AbTests(served.yard)
    convert(served, test, {"1.0.0": 0.2, "2.0.0": 0.25}, range(400))
    before = look(served, test)
    run(served, tests)
    served.clock.move(120)
    convert(served, test, {"1.0.0": 0.2, "2.0.0": 0.25}, range(400, 700))
    run(served, tests)
    with served.yard.database.read() as tx:
        row = ab_tests.one(tx, test.id)
    assert row is not None
    assert row.position > 0
    kept = look(served, test)
    with served.yard.database.write() as tx:
        tx.run(delete(tables.ab_tests))
    assert (look(served, test), before.standing.units) == (kept, 400)
    assert kept.standing.units == 700


def test_the_state_at_the_end_is_kept(served: Rollouts):
    test, tests = started(served, {"metric": "converted"}), AbTests(served.yard)
    run(served, tests)
    convert(served, test, {"1.0.0": 0.2, "2.0.0": 0.25}, range(200))
    served.promote(test, winner="1.0.0")
    run(served, tests)
    with served.yard.database.read() as tx:
        row = ab_tests.one(tx, test.id)
        assert not tests.job().wanted(tx), "there is nothing more to do"
    assert row is not None
    assert '"units":200' in row.document


def test_a_user_counts_once_however_much_is_told_of_him(served: Rollouts):
    test = started(served, {"metric": "converted"})
    for _ in range(3):
        items: list[dict[str, Any]] = [
            {"prediction_id": name, "metric": "converted", "value": True}
            for name, _ in answers(served, test, [b"user %d" % user for user in range(60)])
        ]
        served.clock.move(1)
        again = [{**item, "prediction_id": item["prediction_id"]} for item in items]
        served.call(RECORD_FEEDBACK, RecordFeedback(items=again))
    assert look(served, test).standing.units == 60


def test_three_versions_are_compared_with_the_one_that_served_before(served: Rollouts):
    test = started(served, {"metric": "converted"}, split={"1.0.0": 40, "3.0.0": 30})
    convert(served, test, {"1.0.0": 0.1, "2.0.0": 0.1, "3.0.0": 0.35}, range(1500))
    found = look(served, test)
    assert (found.winner, found.reference, round(found.standing.limit)) == ("3.0.0", "1.0.0", 80)
    assert [one.version for one in found.standing.comparisons] == ["3.0.0", "2.0.0"]


@pytest.mark.parametrize(
    ("metric", "worse"),
    [("success", {"failing": {"2.0.0": 0.2}}), ("latency", {"seconds": {"2.0.0": 0.15}})],
    ids=["success", "latency"],
)
def test_what_modelyard_measures_decides_too(served: Rollouts, metric: str, worse: dict[str, Any]):
    options = {"metric": metric, "promote_winner": True}
    test, tests = started(served, options, judge=observing()), AbTests(served.yard)
    for second in range(8):
        served.clock.move(1)
        served.meet(200, users=100_000, seed=second, **worse)
        served.drive(test)
    found = look(served, test)
    assert (found.winner, found.standing.kind) == ("1.0.0", "binary" if metric == "success" else "numeric")
    means = {arm.version: arm.mean for arm in found.standing.arms}
    if metric == "success":
        assert means == {"1.0.0": 1.0, "2.0.0": pytest.approx(0.8, abs=0.05)}
    else:
        assert means["2.0.0"] == pytest.approx(1.5 * (means["1.0.0"] or 0), rel=0.2)
    run(served, tests)
    assert (served.get(test).state, served.shares()) == ("SUCCEEDED", {"1.0.0": 1.0})


@pytest.mark.parametrize(
    "options",
    [
        {"metrik": "converted"},
        {"metric": "not a name"},
        {"metric": 7},
        {"alpha": 0},
        {"alpha": "5%"},
        {"alpha": 0.7},
        {"promote_winner": "yes"},
        {"metric": "latency", "higher_is_better": True},
    ],
)
def test_options_that_no_test_has_are_refused(served: Rollouts, options: dict[str, Any]):
    with pytest.raises(InvalidRequest) as refusal:
        served.begin("2.0.0", "ab-test", options=options)
    assert refusal.value.hint


def test_only_tests_have_a_result(served: Rollouts):
    canary = served.deploy("2.0.0", "canary")
    with pytest.raises(InvalidRequest, match="is no test"):
        look(served, canary)
    with pytest.raises(DeploymentNotFound):
        served.call(AB_RESULT, NamedDeployment(id="dp_none"))
