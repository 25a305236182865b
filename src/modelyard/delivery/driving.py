"""Drives one deployment as far as it goes by itself: look, decide, write, look again.

Rules
- What is seen is read first; what follows from it is decided by `domain.deployment.decide`, and written under the
  model's lock only if the deployment is still as it was seen.
- Nothing is in memory only: a driver that dies is followed by another one that sees the same. A rollback that has begun
  is finished before anything else.
- No step is left before the process that runs the versions serves its epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from modelyard.delivery.changes import Change, apply
from modelyard.delivery.course import begin_rollback, end_rollback, finish, go_on, start_traffic
from modelyard.delivery.judging import Bench, judgement_of
from modelyard.delivery.observing import culprit_of, observed_in_step, verdict_on
from modelyard.delivery.refusals import refuse_undeployable
from modelyard.delivery.snapshots import distrust
from modelyard.domain import deployment as rules
from modelyard.domain.deployment import Decision, Sight
from modelyard.domain.durations import elapsed
from modelyard.domain.health import Pulse, judge_probes
from modelyard.domain.judge import REGRESSED
from modelyard.domain.permissions import local
from modelyard.domain.verdicts import ACT
from modelyard.domain.windows import is_open
from modelyard.domain.wire import DeploymentRecord, DeploymentVerdict, EndpointConfiguration, Judgement, Observation
from modelyard.errors import DeploymentClosed, ModelyardError, NotDeployable
from modelyard.metadata import deployments, endpoints, models, versions
from modelyard.metadata.database import Transaction, known
from modelyard.registry.context import Context, Engine, Yard
from modelyard.registry.deprecation import deprecate_row

ACTOR = "controller"
STUCK_S = 30.0
"""After how long a route that cannot be served counts as a new version that does not answer."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A deployment, its endpoint, and what its versions did in its step."""

    deployment: DeploymentRecord
    configuration: EndpointConfiguration
    epoch: int
    observed: tuple[Observation, ...]
    judgement: Judgement | None


class Driver:
    """Drives deployments of one registry.

    Args:
        yard: the registry.
        engine: what runs versions; without one nothing is probed.
        check: called in each transaction that changes something; raises if this process may not.
        pulses: the pulses of versions that are probed while they serve, by version id.
        ends: whether this process is about to end, so that what fails now may fail because of that.
    """

    def __init__(
        self,
        yard: Yard,
        engine: Engine | None,
        *,
        check: Callable[[Transaction], None],
        pulses: Mapping[str, Pulse],
        ends: Callable[[], bool] = lambda: False,
    ) -> None:
        self._yard, self._engine = yard, engine
        self._check, self._pulses, self._ends = check, pulses, ends
        self._bench = Bench()

    def drive(self, deployment_id: str) -> DeploymentRecord:
        """Take a deployment as far as it goes now, and return it."""
        while True:
            while self._take_in(deployment_id) and not self._ends():
                pass
            seen = self._look(deployment_id)
            after = self._moved(seen)
            if after is None:
                if not seen.deployment.live:
                    self._bench.forget(deployment_id)
                return seen.deployment

    def _take_in(self, deployment_id: str) -> bool:
        """Let the judge take in some of the evidence; whether he has to see more before anything is decided."""
        with self._yard.database.read() as tx:
            found = deployments.record(known(deployments.by_id(tx, deployment_id)))
            if not self._bench.has_work(tx, found):
                return False
        with self.transaction() as context:
            taken = self._bench.take_in(context, found)
        self._bench.keep(deployment_id, taken)
        return taken.said is not None and taken.said.state != REGRESSED

    def _look(self, deployment_id: str) -> Seen:
        with self._yard.database.read() as tx:
            found = deployments.record(known(deployments.by_id(tx, deployment_id)))
            endpoint = known(endpoints.by_id(tx, found.endpoint_id))
            observed = observed_in_step(tx, found) if found.state in rules.WITH_TRAFFIC else []
            return Seen(
                deployment=found,
                configuration=endpoints.configuration_of(endpoint),
                epoch=endpoint.epoch,
                observed=tuple(observed),
                judgement=judgement_of(tx, found.id),
            )

    def _moved(self, seen: Seen) -> DeploymentRecord | None:
        """Make the next change; None where there is none now."""
        found = seen.deployment
        match found.state:
            case rules.PENDING:
                return self._begin(found)
            case rules.PREFLIGHT:
                return self._preflight(seen)
            case rules.ROLLING_BACK:
                return self._write(found, self._rolled_back)
            case rules.STAGE | rules.PAUSED | rules.BAKE:
                return self._go(seen)
        return None

    def _begin(self, found: DeploymentRecord) -> DeploymentRecord | None:
        now, window = self._yard.clock(), found.options.window
        if found.options.start_at > now or (window is not None and not is_open(window, now)):
            return None
        change = Change(event="preflight_started", state=rules.PREFLIGHT, reason=found.reason)
        return self._write(found, lambda context, now_is: apply(context, now_is, change))

    def _preflight(self, seen: Seen) -> DeploymentRecord | None:
        found = seen.deployment
        passed, reason, evidence = self._probed(seen)
        if passed:
            return self._write(found, lambda context, now: _admitted(context, now, reason, evidence))
        return self._write(found, lambda context, now: _rejected(context, now, reason, evidence))

    def _probed(self, seen: Seen) -> tuple[bool, str, dict[str, object]]:
        """Start and probe every version that the plan brings into traffic."""
        found, engine = seen.deployment, self._engine
        if engine is None:
            return True, "nothing here could probe it", {}
        probes = found.options.probes
        configuration = seen.configuration
        if found.options.replicas is not None:
            configuration = replace(configuration, replicas=found.options.replicas)
        answer: tuple[bool, str, dict[str, object]] = (True, "it was started", {})
        for arm in newcomers(found):
            try:
                made = engine.preflight(arm, configuration, probes)
            except ModelyardError as error:
                if self._ends():
                    # That this process ends says nothing of the version; who controls next does the preflight again.
                    raise
                return False, f"it cannot be started: {error.message}", {"code": error.code, "version_id": arm}
            if probes:
                passed, reason, evidence = judge_probes(made, found.options.max_probe_s)
                answer = (passed, reason, {**evidence, "version_id": arm})
            if not answer[0]:
                break
        return answer

    def _go(self, seen: Seen) -> DeploymentRecord | None:
        found = seen.deployment
        sight, verdict = self._sight(seen)
        decision = rules.decide(found, sight)
        if decision is not None and decision.event == "rolling_back":
            decision = self._confirmed(found, sight, decision)
        if decision is None or (decision.event in FORWARD and not self._is_applied(seen)):
            return None
        return self._write(replace(found, verdict=verdict), lambda context, now: act(context, now, decision))

    def _sight(self, seen: Seen) -> tuple[Sight, DeploymentVerdict]:
        found = seen.deployment
        by_version = {one.version_id: one for one in seen.observed}
        candidate = by_version.get(found.version_id, Observation(version_id=found.version_id))
        verdict = verdict_on(found, seen.configuration, seen.observed, seen.judgement)
        now, window = self._yard.clock(), found.options.window
        is_acting = found.options.judge.mode == ACT
        sight = Sight(
            moment=now,
            verdict=verdict,
            requests=candidate.requests,
            alive=False if self._is_stuck(seen, now) else self._alive(found.version_id),
            base_alive=self._alive(found.base_id) if found.base_id else None,
            dead=next((arm.version for arm in rules.companions(found) if self._alive(arm.version_id) is False), ""),
            window_open=window is None or is_open(window, now),
            skew=seen.judgement.void if seen.judgement is not None and is_acting else "",
        )
        return sight, verdict or found.verdict

    def _is_stuck(self, seen: Seen, now: str) -> bool:
        """Whether this process has long been unable to serve the route: the version passed its probes and fell over."""
        found = seen.deployment
        if self._engine is None or self._is_applied(seen) or elapsed(found.since, now) < STUCK_S:
            return False
        return bool(self._engine.fault(found.endpoint_id))

    def _alive(self, version_id: str) -> bool | None:
        pulse = self._pulses.get(version_id)
        return None if pulse is None else pulse.alive

    def _confirmed(self, found: DeploymentRecord, sight: Sight, decision: Decision) -> Decision | None:
        """Look whether what served before would answer, before the traffic goes back to it."""
        if self._engine is None or found.base_id is None:
            return decision
        probe = self._engine.probe(found.base_id)
        if probe is None or probe[0]:
            return decision
        return rules.decide(found, replace(sight, base_alive=False))

    def _is_applied(self, seen: Seen) -> bool:
        applied = self._engine.applied(seen.deployment.endpoint_id) if self._engine is not None else None
        return applied is None or applied >= seen.epoch

    def _rolled_back(self, context: Context, found: DeploymentRecord) -> DeploymentRecord:
        ended = end_rollback(context, found)
        row = versions.by_id(context.tx, culprit_of(found))
        if found.options.deprecate and row is not None and row.deprecation is None:
            deprecate_row(context, row, f"rolled back: {found.reason}", successor=f"{found.name}/{found.base}")
        return ended

    def _write(
        self, seen: DeploymentRecord, make: Callable[[Context, DeploymentRecord], DeploymentRecord]
    ) -> DeploymentRecord | None:
        """Write a change if the deployment is still what was seen; else None-like: it is looked at again."""
        try:
            with self.transaction() as context:
                models.lock_by_id(context.tx, known(endpoints.by_id(context.tx, seen.endpoint_id)).model_id)
                now = deployments.record(known(deployments.by_id(context.tx, seen.id)))
                if (now.state, now.revision) != (seen.state, seen.revision):
                    return now
                return make(context, replace(now, verdict=seen.verdict))
        except DeploymentClosed:
            # It has moved meanwhile, and nothing of this change was written.
            return seen

    @contextmanager
    def transaction(self) -> Iterator[Context]:
        """Open a transaction in which this process may change what it controls."""
        with self._yard.database.write() as tx:
            self._check(tx)
            yield Context(yard=self._yard, tx=tx, principal=local(ACTOR), now=self._yard.clock())


FORWARD = frozenset({"advanced", "baking", "succeeded"})
"""Decisions that leave a step behind."""


def act(context: Context, found: DeploymentRecord, decision: Decision) -> DeploymentRecord:
    """Write what was decided."""
    evidence = {**decision.evidence, **({"cause": decision.cause} if decision.cause else {})}
    match decision.event:
        case "advanced" | "baking":
            return go_on(context, found, decision.event, decision.reason, evidence)
        case "succeeded":
            return finish(context, found, decision.reason, evidence=evidence)
        case "rolling_back":
            if found.verdict.state == REGRESSED:
                distrust(context, found.endpoint_id, culprit_of(found))
            return begin_rollback(
                context, found, reason=decision.reason, cause=decision.cause, evidence=dict(decision.evidence)
            )
    resumes = found.resumes or found.state
    change = Change(
        event=decision.event,
        state=rules.PAUSED,
        reason=decision.reason,
        evidence=evidence,
        fields={"resumes": resumes, "skew_told": found.skew_told or decision.cause == rules.SKEW},
    )
    return apply(context, found, change)


def newcomers(found: DeploymentRecord) -> list[str]:
    """The ids of all versions that a plan brings in, the new one first; what serves already is not asked."""
    arms = [arm.version_id for step in found.plan.steps for arm in (*step.arms, *step.shadow)]
    return [name for name in dict.fromkeys([found.version_id, *arms]) if name != found.base_id]


def _admitted(context: Context, found: DeploymentRecord, reason: str, evidence: dict[str, object]) -> DeploymentRecord:
    """Begin with the traffic, unless a version of it was withdrawn since the deployment was asked for."""
    try:
        for version_id in newcomers(found):
            refuse_undeployable(context, known(versions.by_id(context.tx, version_id)))
    except NotDeployable as refusal:
        return _rejected(context, found, refusal.message, {"code": refusal.code, **refusal.details})
    return start_traffic(context, found, reason, evidence)


def _rejected(context: Context, found: DeploymentRecord, reason: str, evidence: dict[str, object]) -> DeploymentRecord:
    return apply(context, found, Change(event="rejected", state=rules.REJECTED, reason=reason, evidence=evidence))
