"""The judge of a deployment at work: he begins with the traffic, takes in evidence, and says what follows.

Rules
- What he goes by is fixed in the transaction that gives the new version its first traffic.
- Evidence is taken in by whoever controls, in batches whose order is written down in the same transaction as what he
  says then. So what he says can be computed again from the log, to the last bit (`replayed`).
- His state is in memory only as long as it is also in the database: who takes over restores the last checkpoint, and
  takes in again what came behind it.
- A batch that cannot be read counts as one without units, and is told of; what cannot be made out any more, because
  the log has a hole, voids the trial. Neither stops the deployment: limits and probes go on counting.
- Where there is nothing to compare and no limit, nobody judges.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Row

from modelyard.delivery.runnables import runnable_of
from modelyard.domain.canonical import encoded
from modelyard.domain.deployment import WITH_TRAFFIC
from modelyard.domain.duel import LATENCY, QUANTILES, TOKENS
from modelyard.domain.durations import later
from modelyard.domain.judge import INCONCLUSIVE
from modelyard.domain.parameters import LLMS
from modelyard.domain.sketch import Sketch, bin_of
from modelyard.domain.trial import Shares, Trial, restored
from modelyard.domain.units import Batch, unpack
from modelyard.domain.verdicts import OFF, judged, weights_of
from modelyard.domain.wire import DeploymentRecord, Judgement, Terms
from modelyard.errors import RegistryCorrupt
from modelyard.metadata import deployments, endpoints, evidence, observations
from modelyard.metadata.database import Transaction, known
from modelyard.registry.context import Context
from modelyard.telemetry.windows import LIVE

BASELINE_S = 86_400.0
"""How far back the old version is looked at for the thresholds."""
LATE_S = 10.0
"""How much longer than any request lasts lots have to look wrong."""
FEWEST = 200
"""Requests of the old version below which the thresholds come from the first units instead."""
MOST = 64
"""Batches that are taken in at once."""
MOST_UNITS = 20_000
"""Units that are taken in at once, unless one batch alone has more: nobody else writes to SQLite meanwhile."""
MOST_TRIALS = 32
"""Trials that are kept in memory; the others are restored when they go on."""
LARGEST_EPOCH = 2**31 - 1
CHECKPOINT_EVERY = 64
"""Batches between two checkpoints."""

_terms = msgspec.json.Decoder(Terms).decode
_judgement = msgspec.json.Decoder(Judgement).decode


def begin(context: Context, found: DeploymentRecord) -> None:
    """Fix what a deployment is judged by, where there is anything; the caller gives it its first traffic."""
    terms = terms_of(context.tx, found, context.now)
    if terms is None:
        return
    trial = Trial(terms)
    values = {
        "deployment_id": found.id,
        "position": 0,
        "terms": encoded(terms).decode(),
        "checkpoint_position": 0,
        "checkpoint": _packed(trial),
        "document": encoded(judged(trial, names_of(found), now=context.now)).decode(),
        "updated_at": context.now,
    }
    evidence.add_judgement(context.tx, values)


def terms_of(tx: Transaction, found: DeploymentRecord, now: str) -> Terms | None:
    """Return what a deployment is judged by; None where nothing can be."""
    options, base = found.options.judge, found.base_id or ""
    challengers = [name for name in names_of(found) if name != base]
    steps = [{arm.version_id: arm.weight for arm in step.arms} for step in found.plan.steps]
    is_comparable = any(step.get(base) and step.get(found.version_id) for step in steps)
    provider = runnable_of(tx, found.version_id).provider
    weights = weights_of(options, has_tokens=provider.get("kind") in LLMS, is_comparable=is_comparable)
    if options.mode == OFF or not weights or found.version_id == base:
        return None
    endpoint = known(endpoints.by_id(tx, found.endpoint_id))
    return Terms(
        base_id=base,
        challengers=challengers,
        options=options,
        weights=weights,
        thresholds=_thresholds(tx, found, now) if base else {},
        # What is late comes with the timeouts, and a moment later it is written.
        hold_s=endpoints.configuration_of(endpoint).timeout_s + LATE_S,
    )


def names_of(found: DeploymentRecord) -> dict[str, str]:
    """Version id → version of all that a deployment brings into the traffic, the deployed one first."""
    arms = [arm for step in found.plan.steps for arm in step.arms if arm.weight]
    return {found.version_id: found.version, **{arm.version_id: arm.version for arm in arms}}


def judgement_of(tx: Transaction, deployment_id: str) -> Judgement | None:
    """Return what the judge said last; None where nobody judges."""
    document = evidence.document_of(tx, deployment_id)
    return None if document is None else _said_last(document)


class Taken(NamedTuple):
    """What came of taking in: the trial, to be kept once that is committed, and what the judge says now."""

    trial: Trial | None
    said: Judgement | None


class Bench:
    """Where the judge sits: the trials of the deployments that this process controls."""

    def __init__(self) -> None:
        self._trials: dict[str, Trial] = {}
        self._lost: set[str] = set()
        """Deployments whose trial could not be restored; nothing more is taken in for them here."""

    def has_work(self, tx: Transaction, found: DeploymentRecord) -> bool:
        """Whether there is evidence to take in."""
        return found.state in WITH_TRAFFIC and found.id not in self._lost and evidence.waits(tx, found.id)

    def take_in(self, context: Context, found: DeploymentRecord) -> Taken:
        """Take in what evidence there is, and write down what follows; `keep` the trial once that is committed."""
        tx = context.tx
        row = evidence.judgement_of(tx, found.id)
        if row is None:
            return Taken(None, None)
        trial = self._trials.pop(found.id, None)
        before = _said_last(row.document)
        if trial is None or trial.position != row.position:
            try:
                trial = resumed(tx, row)
            except RegistryCorrupt as error:
                said = _lost(before, error.message)
                _write(context, found.id, row.position, said)
                return Taken(None, said)
        rows = _at_once(evidence.waiting(tx, found.id, MOST))
        evidence.take(tx, rows, trial.position)
        damaged = before.damaged + take_all(trial, rows, Routes(tx, found.endpoint_id))
        dropped = before.dropped + sum(row.dropped for row in rows)
        said = judged(trial, names_of(found), now=context.now, dropped=dropped, damaged=damaged)
        _write(context, found.id, trial.position, said)
        if trial.position - row.checkpoint_position >= CHECKPOINT_EVERY:
            evidence.set_checkpoint(tx, found.id, trial.position, _packed(trial))
        return Taken(trial, said)

    def keep(self, deployment_id: str, taken: Taken) -> None:
        """Remember a trial whose state was committed, or that there is none any more."""
        if taken.trial is not None:
            self._trials[deployment_id] = taken.trial
            for name in list(self._trials)[:-MOST_TRIALS]:
                self._trials.pop(name, None)
        elif taken.said is not None:
            self._lost.add(deployment_id)

    def forget(self, deployment_id: str) -> None:
        """Forget a trial: its deployment has ended."""
        self._trials.pop(deployment_id, None)
        self._lost.discard(deployment_id)


class Routes:
    """The weights of an endpoint's epochs, each read once: what a trial takes as its shares.

    Args:
        tx: where they are read.
        endpoint_id: the endpoint.
    """

    def __init__(self, tx: Transaction, endpoint_id: str) -> None:
        self._tx, self._endpoint_id = tx, endpoint_id
        self._found: dict[int, dict[str, float]] = {}

    def of(self, batch: Batch) -> Shares:
        """Return the weights of the epochs that a batch comes from; what never was an epoch is missing."""
        for epoch in {arrival.epoch for arrival in batch.arms} - self._found.keys():
            if 0 < epoch <= LARGEST_EPOCH:
                entry = endpoints.route_at(self._tx, self._endpoint_id, epoch)
                self._found[epoch] = {} if entry is None else {arm.version_id: arm.weight for arm in entry.route.arms}
        return self._found


def resumed(tx: Transaction, row: Row[Any]) -> Trial:
    """Return the trial of a judgement's row as it is now: its checkpoint, and all that was taken in since.

    Raises:
        RegistryCorrupt: what is stored does not tell, not even from the first batch on.
    """
    routes = Routes(tx, endpoint_of(tx, row.deployment_id))
    trial = checkpoint_of(row) or Trial(terms_in(row))
    for rows in _pages(tx, row, after=trial.position):
        take_all(trial, rows, routes)
    if trial.position != row.position:
        raise RegistryCorrupt(f"evidence of the deployment {row.deployment_id} is missing in its log")
    return trial


def checkpoint_of(row: Row[Any]) -> Trial | None:
    """Return the trial of a judgement's row as it was at its checkpoint; None where that cannot be read any more."""
    try:
        return restored(terms_in(row), _unpacked(row.checkpoint))
    except RegistryCorrupt:
        return None


def replayed(tx: Transaction, row: Row[Any], trial: Trial | None = None) -> Iterator[tuple[str, Trial]]:
    """Yield a judgement's trial after each batch, with the batch's moment; always the same object.

    Args:
        tx: where the log is read.
        row: of the judgement.
        trial: goes on from where it stands; a new one, from the first batch on, where it is left out.

    Raises:
        RegistryCorrupt: what it was judged by cannot be read any more.
    """
    trial = trial or Trial(terms_in(row))
    routes = Routes(tx, endpoint_of(tx, row.deployment_id))
    for rows in _pages(tx, row, after=trial.position):
        for one in rows:
            take_all(trial, [one], routes)
            yield one.at, trial


def take_all(trial: Trial, rows: Sequence[Row[Any]], routes: Routes) -> int:
    """Let a trial take in rows of evidence, in their order; return how many could not be read."""
    damaged = 0
    for row in rows:
        try:
            batch = unpack(row.document)
        except RegistryCorrupt:
            batch, damaged = Batch((), ()), damaged + 1
        trial.take(batch, routes.of(batch), row.at)
    return damaged


def terms_in(row: Row[Any]) -> Terms:
    """Return what a judgement's row says that is gone by.

    Raises:
        RegistryCorrupt: it cannot be read.
    """
    try:
        return _terms(row.terms)
    except (msgspec.MsgspecError, ValueError) as error:
        raise RegistryCorrupt(f"what the deployment {row.deployment_id} is judged by is damaged: {error}") from error


def endpoint_of(tx: Transaction, deployment_id: str) -> str:
    """Return the id of a deployment's endpoint."""
    return str(known(deployments.by_id(tx, deployment_id)).endpoint_id)


def _thresholds(tx: Transaction, found: DeploymentRecord, now: str) -> dict[str, list[int]]:
    """The quantiles of the old version before the deployment, where it did enough."""
    since = later(now, -BASELINE_S)
    rows = observations.of_version(tx, found.endpoint_id, known(found.base_id), role=LIVE, since=since)
    latencies, sizes = Sketch(), Sketch()
    for row in rows:
        latencies.merge(Sketch.from_json(row.latency))
        sizes.merge(Sketch.from_json(row.sizes))
    wanted = ((LATENCY, latencies), (TOKENS, sizes))
    return {
        metric: [bin_of(sketch.quantile(share) or 0.0) for share in QUANTILES]
        for metric, sketch in wanted
        if sketch.count >= FEWEST
    }


def _pages(tx: Transaction, row: Row[Any], *, after: int) -> Iterator[Sequence[Row[Any]]]:
    """The log behind a position, some batches at a time, up to the last one that was taken in."""
    for first in range(after, row.position, MOST):
        yield evidence.taken(tx, row.deployment_id, after=first, last=min(first + MOST, row.position))


def _at_once(rows: Sequence[Row[Any]]) -> Sequence[Row[Any]]:
    """The first of some rows, as many as are not too many units for one transaction; one at least."""
    sums = accumulate(row.units for row in rows)
    return rows[: max(1, sum(1 for units in sums if units <= MOST_UNITS))]


def _write(context: Context, deployment_id: str, position: int, said: Judgement) -> None:
    values = {"position": position, "document": encoded(said).decode(), "updated_at": context.now}
    evidence.set_judgement(context.tx, deployment_id, values)


def _said_last(document: str) -> Judgement:
    """What a judgement's row says; where that cannot be read, that nothing follows any more."""
    try:
        return _judgement(document)
    except (msgspec.MsgspecError, ValueError) as error:
        return _lost(Judgement(), f"what the judge said last is damaged: {error}")


def _lost(before: Judgement, why: str) -> Judgement:
    """What is said where a trial cannot go on."""
    return replace(before, state=INCONCLUSIVE, reason=f"nothing follows: {why}", void=why)


def _packed(trial: Trial) -> bytes:
    return zlib.compress(trial.state(), 1)


def _unpacked(stored: bytes) -> bytes:
    try:
        return zlib.decompress(stored)
    except zlib.error as error:
        raise RegistryCorrupt(f"the stored state of a trial is damaged: {error}") from error
