"""Tests between versions: what is recorded is taken in, a winner is found, and may end the deployment by itself.

Rules
- A test is a function of the record: evidence in the order in which the judge took it in, or feedback in the order in
  which it came. Whoever computes it gets the same to the last bit; what is kept of it only saves the time.
- Whoever controls takes in what is new every `EVERY_S` seconds, and keeps the state every `KEEP_S`, when there is a
  winner, and at the end. It is computed outside of the transaction that keeps it.
- With `promote_winner` the winner ends the deployment, by the same course as a person who names it; not while it is
  paused, nor outside of its window.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

from modelyard.delivery.controller import Job, Transactions
from modelyard.delivery.course import finish
from modelyard.domain import deployment as rules
from modelyard.domain.abtest import AbTest, restored, terms_of
from modelyard.domain.abtest_text import said_of
from modelyard.domain.durations import elapsed
from modelyard.domain.feedback import COST, LATENCY, MEASURED, SUCCESS, TOKENS
from modelyard.domain.sketch import middle_of
from modelyard.domain.units import COST_SCALE, NONE, Batch, Unit, unpack
from modelyard.domain.windows import is_open
from modelyard.domain.wire import AbArm, AbComparison, AbResult, AbStanding, DeploymentRecord
from modelyard.metadata import ab_tests, deployments, endpoints, evidence, feedback, models
from modelyard.metadata.database import Transaction, known
from modelyard.registry.context import Context, Yard

EVERY_S: Final = 2.0
KEEP_S: Final = 60.0
MOST_BATCHES: Final = 500
MOST_ROWS: Final = 5_000

_log = logging.getLogger("modelyard.watch")
_encode = msgspec.json.Encoder(order="sorted").encode

Value = Callable[[Unit], float | None]


class AbTests:
    """The tests of a registry, as one process has taken them in.

    Args:
        yard: the registry.
    """

    def __init__(self, yard: Yard) -> None:
        self._yard = yard
        self._known: dict[str, AbTest] = {}
        self._kept: dict[str, str] = {}
        """Deployment → when its test was kept."""

    def job(self) -> Job:
        """The work of whoever controls."""
        return Job(name="ab-tests", every_s=EVERY_S, wanted=self._is_wanted, run=self.run)

    def run(self, transaction: Transactions) -> None:
        """Take in what is new of all tests, keep what has to be kept, and end those that are won."""
        with self._yard.database.read() as tx:
            live = set(ab_tests.live(tx))
        for deployment_id in sorted(live | self._known.keys()):
            self._follow(deployment_id, transaction, is_live=deployment_id in live)

    def _is_wanted(self, tx: Transaction) -> bool:
        return bool(self._known) or ab_tests.are_live(tx)

    def _follow(self, deployment_id: str, transaction: Transactions, *, is_live: bool) -> None:
        with self._yard.database.read() as tx:
            found = deployments.record(known(deployments.by_id(tx, deployment_id)))
            if not rules.is_test(found):
                return
            # What fails half way is computed again from what was kept.
            test = self._known.pop(deployment_id, None) or test_of(tx, found)
            before, position = test.winner, test.position
            while advance(tx, found, test):
                pass
        self._known[deployment_id] = test
        if test.winner != before:
            _log.info("the test %s has a winner: %s", deployment_id, test.winner)
        if test.winner != before or not is_live or self._is_due(found, is_news=test.position > position):
            with transaction() as context:
                _keep(context, deployment_id, test)
            self._kept[deployment_id] = self._yard.clock()
        if is_live and test.winner and test.terms.options.promote_winner:
            with transaction() as context:
                _end(context, found, test)
        if not is_live:
            del self._known[deployment_id]
            self._kept.pop(deployment_id, None)

    def _is_due(self, found: DeploymentRecord, *, is_news: bool) -> bool:
        """Whether how a test stands has not been kept for long."""
        kept = self._kept.get(found.id, found.created_at)
        return is_news and elapsed(kept, self._yard.clock()) >= KEEP_S


def result_of(tx: Transaction, found: DeploymentRecord) -> AbResult:
    """Return how a test stands by all that is recorded now."""
    test = test_of(tx, found)
    while advance(tx, found, test):
        pass
    names = {arm.version_id: arm.version for arm in rules.step_of(found).arms}
    standing = _named(test.standing(), names)
    result = AbResult(
        deployment_id=found.id,
        name=found.name,
        environment=found.environment,
        state=found.state,
        options=test.terms.options,
        reference=names[test.terms.reference],
        winner=names.get(test.winner, ""),
        standing=standing,
    )
    return replace(result, said=said_of(result))


def test_of(tx: Transaction, found: DeploymentRecord) -> AbTest:
    """Return a test as it was kept; a new one where nothing was."""
    terms = terms_of(found)
    row = ab_tests.one(tx, found.id)
    return AbTest(terms) if row is None else restored(terms, row.checkpoint)


def advance(tx: Transaction, found: DeploymentRecord, test: AbTest) -> bool:
    """Take in the next part of what is recorded behind a test's position; False where there is none."""
    weights = _Weights(tx, found)
    if test.terms.options.metric in MEASURED:
        return _take_evidence(tx, found, test, weights)
    rows = feedback.behind(tx, found.id, test.terms.options.metric, after=test.position, most=MOST_ROWS)
    for row in rows:
        test.take(row.version_id, weights[row.epoch], int(row.key_hash, 16), row.value)
        test.position = row.seq
    return bool(rows)


def _take_evidence(tx: Transaction, found: DeploymentRecord, test: AbTest, weights: _Weights) -> bool:
    rows = evidence.taken(tx, found.id, after=test.position, last=test.position + MOST_BATCHES)
    measured = MEASURES[test.terms.options.metric]
    for row in rows:
        _take_batch(test, unpack(row.document), weights, measured)
        test.position = row.position
    return bool(rows)


def _take_batch(test: AbTest, batch: Batch, weights: _Weights, measured: Value) -> None:
    for unit in batch.units:
        arm, value = batch.arms[unit.arm], measured(unit)
        if value is not None:
            is_whole = unit.place != NONE
            test.take(arm.version_id, weights[arm.epoch], unit.key, value, is_whole=is_whole)


def _bin(place: int, *, scale: float = 1.0) -> float | None:
    return None if place == NONE else middle_of(place) / scale


MEASURES: Final[Mapping[str, Value]] = {
    SUCCESS: lambda unit: 0.0 if unit.failed else 1.0,
    LATENCY: lambda unit: _bin(unit.place),
    TOKENS: lambda unit: _bin(unit.size) if unit.place != NONE else None,
    COST: lambda unit: _bin(unit.cost, scale=COST_SCALE) if unit.place != NONE else None,
}
"""Metric → what it is of a unit; None where nothing was measured."""


class _Weights(dict[int, Mapping[str, float]]):
    """Epoch → the weights of the versions in it, looked up once."""

    def __init__(self, tx: Transaction, found: DeploymentRecord) -> None:
        super().__init__()
        self._tx, self._found = tx, found

    def __missing__(self, epoch: int) -> Mapping[str, float]:
        entry = endpoints.route_at(self._tx, self._found.endpoint_id, epoch)
        is_ours = entry is not None and entry.route.deployment_id == self._found.id
        arms = entry.route.arms if entry is not None and is_ours else []
        self[epoch] = {arm.version_id: arm.weight for arm in arms}
        return self[epoch]


def _keep(context: Context, deployment_id: str, test: AbTest) -> None:
    values: dict[str, Any] = {
        "position": test.position,
        "checkpoint": test.state(),
        "document": _encode(test.standing()).decode(),
        "updated_at": context.now,
    }
    ab_tests.keep(context.tx, deployment_id, values)


def _end(context: Context, seen: DeploymentRecord, test: AbTest) -> None:
    """End a deployment with its winner, if it is still going on."""
    models.lock_by_id(context.tx, known(endpoints.by_id(context.tx, seen.endpoint_id)).model_id)
    found = deployments.record(known(deployments.by_id(context.tx, seen.id)))
    window = found.options.window
    if found.state != rules.STAGE or not rules.is_test(found) or (window and not is_open(window, context.now)):
        return
    arm = next(one for one in rules.step_of(found).arms if one.version_id == test.winner)
    result = result_of(context.tx, found)
    proof = {"metric": result.options.metric, "alpha": result.options.alpha, "units": test.units, "limit": test.limit}
    finish(context, found, result.said, arms=[replace(arm, weight=1.0)], evidence={**proof, "winner": arm.version})


def _named(standing: AbStanding, names: Mapping[str, str]) -> AbStanding:
    def named(ones: Iterable[Any]) -> list[Any]:
        return [replace(one, version=names.get(one.version_id, "")) for one in ones]

    arms: list[AbArm] = named(standing.arms)
    comparisons: list[AbComparison] = named(standing.comparisons)
    return replace(standing, arms=arms, comparisons=comparisons)
