"""The judge of a deployment at work: he begins with the traffic, takes in evidence, and says what follows.

Rules
- What he goes by is fixed in the transaction that gives the new version its first traffic.
- Evidence is taken in by whoever controls, in batches whose order is written down in the same transaction as what he
  says then. So what he says can be computed again from the log, to the last bit (`replayed`).
- His state is in memory only as long as it is also in the database: who takes over restores the last checkpoint, and
  takes in again what came behind it.
- Where there is nothing to compare and no limit, nobody judges.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row

from modelyard.delivery.runnables import runnable_of
from modelyard.domain.canonical import encoded
from modelyard.domain.deployment import WITH_TRAFFIC
from modelyard.domain.duel import LATENCY, QUANTILES, TOKENS
from modelyard.domain.durations import later
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
FEWEST = 200
"""Requests of the old version below which the thresholds come from the first units instead."""
MOST = 64
"""Batches that are taken in at once."""
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
        hold_s=endpoints.configuration_of(endpoint).timeout_s,
    )


def names_of(found: DeploymentRecord) -> dict[str, str]:
    """Version id → version of all that a deployment brings into the traffic, the deployed one first."""
    arms = [arm for step in found.plan.steps for arm in step.arms if arm.weight]
    return {found.version_id: found.version, **{arm.version_id: arm.version for arm in arms}}


def judgement_of(tx: Transaction, deployment_id: str) -> Judgement | None:
    """Return what the judge said last; None where nobody judges."""
    row = evidence.judgement_of(tx, deployment_id)
    return None if row is None else _judgement(row.document)


class Bench:
    """Where the judge sits: the trials of the deployments that this process controls."""

    def __init__(self) -> None:
        self._trials: dict[str, Trial] = {}

    def has_work(self, tx: Transaction, found: DeploymentRecord) -> bool:
        """Whether there is evidence to take in."""
        return found.state in WITH_TRAFFIC and evidence.waits(tx, found.id)

    def take_in(self, context: Context, found: DeploymentRecord) -> Trial | None:
        """Take in what evidence there is, and write down what follows; `keep` the trial once that is committed."""
        tx = context.tx
        row = evidence.judgement_of(tx, found.id)
        if row is None:
            return None
        trial = self._trials.pop(found.id, None)
        if trial is None or trial.position != row.position:
            trial = resumed(tx, row)
        rows = evidence.waiting(tx, found.id, MOST)
        evidence.take(tx, rows, trial.position)
        take_all(tx, trial, rows, found.endpoint_id)
        is_due = trial.position - row.checkpoint_position >= CHECKPOINT_EVERY
        said = judged(trial, names_of(found), now=context.now, dropped=evidence.dropped(tx, found.id))
        values = {
            "position": trial.position,
            "checkpoint_position": trial.position if is_due else row.checkpoint_position,
            "checkpoint": _packed(trial) if is_due else row.checkpoint,
            "document": encoded(said).decode(),
            "updated_at": context.now,
        }
        evidence.set_judgement(tx, found.id, values)
        return trial

    def keep(self, deployment_id: str, trial: Trial | None) -> None:
        """Remember a trial whose state was committed."""
        if trial is not None:
            self._trials[deployment_id] = trial

    def forget(self, deployment_id: str) -> None:
        """Forget a trial: its deployment has ended."""
        self._trials.pop(deployment_id, None)


def resumed(tx: Transaction, row: Row[Any]) -> Trial:
    """Return the trial of a judgement's row as it is now: its checkpoint, and all that was taken in since."""
    trial = restored(_terms(row.terms), _unpacked(row.checkpoint))
    rows = evidence.taken(tx, row.deployment_id, after=row.checkpoint_position, last=row.position)
    take_all(tx, trial, rows, endpoint_of(tx, row.deployment_id))
    if trial.position != row.position:
        raise RegistryCorrupt(f"evidence of the deployment {row.deployment_id} is missing in its log")
    return trial


def replayed(tx: Transaction, row: Row[Any]) -> Iterator[tuple[str, Trial]]:
    """Yield a judgement's trial from its beginning on, batch by batch, with the moment of each; always the same object."""
    trial = Trial(_terms(row.terms))
    endpoint_id = endpoint_of(tx, row.deployment_id)
    for one in evidence.taken(tx, row.deployment_id, after=0, last=row.position):
        take_all(tx, trial, [one], endpoint_id)
        yield one.at, trial


def take_all(tx: Transaction, trial: Trial, rows: Sequence[Row[Any]], endpoint_id: str) -> None:
    """Let a trial take in rows of evidence, in their order."""
    batches = [(unpack(row.document), row.at) for row in rows]
    shares = shares_of(tx, endpoint_id, [batch for batch, _ in batches])
    for batch, at in batches:
        trial.take(batch, shares, at)


def shares_of(tx: Transaction, endpoint_id: str, batches: Sequence[Batch]) -> Shares:
    """Return the weights of the epochs that batches come from."""
    found: dict[int, dict[str, float]] = {}
    for epoch in {arrival.epoch for batch in batches for arrival in batch.arms}:
        entry = endpoints.route_at(tx, endpoint_id, epoch)
        if entry is not None:
            found[epoch] = {arm.version_id: arm.weight for arm in entry.route.arms}
    return found


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


def _packed(trial: Trial) -> bytes:
    return zlib.compress(trial.state(), 1)


def _unpacked(stored: bytes) -> bytes:
    try:
        return zlib.decompress(stored)
    except zlib.error as error:
        raise RegistryCorrupt(f"the stored state of a trial is damaged: {error}") from error
