"""A deployment's life: the states, the moves between them, and what a controller decides next.

    PENDING ─ PREFLIGHT ─ STAGE ─┬─ BAKE ─ SUCCEEDED
       │          │       │ │    │   │
       │          │       │ PAUSED ──┤
       │          │       └──────────┴─ ROLLING_BACK ─ ROLLED_BACK
       │          └─ REJECTED
       └─ CANCELLED                     (any live state ─ SUPERSEDED)

Rules
1. STAGE stands for the step that `step` counts; PAUSED comes back to where it was, STAGE or BAKE.
2. A verdict REGRESSED or a dead new version counts in every state that has traffic, also in PAUSED and in BAKE. So it
   does of each version that is brought in beside the new one, as in a test of three arms.
3. There is no way back onto nothing: without a version that served before, the deployment halts (PAUSED, with the
   reason) and waits for a person. So it does where the old version is the one that is dead.
4. It goes on when the step's time is over, its requests are there, and nothing speaks against it. Without limits to
   hold the new version against, the step counts as unproven.
5. Lots that do not fall as the weights say halt it, once: a person looks at the router then.
6. A step whose longest time is over without that is inconclusive: it holds, goes on or goes back, as was chosen; it
   never passes in silence. A step that only a person ends holds instead of going on, and nothing goes on outside of
   its window; the way back is open at all times.
7. Ended is ended: terminal states never change.
8. What is decided depends on the arguments alone: the clock, the observations and the probes come in from outside.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from modelyard.domain.durations import elapsed, later
from modelyard.domain.judge import PENDING as NO_VERDICT
from modelyard.domain.judge import REGRESSED
from modelyard.domain.wire.delivery import Arm, DeploymentRecord, DeploymentVerdict, Route, Rule, Step
from modelyard.errors import DeploymentClosed

PENDING: Final = "PENDING"
PREFLIGHT: Final = "PREFLIGHT"
STAGE: Final = "STAGE"
PAUSED: Final = "PAUSED"
BAKE: Final = "BAKE"
SUCCEEDED: Final = "SUCCEEDED"
ROLLING_BACK: Final = "ROLLING_BACK"
ROLLED_BACK: Final = "ROLLED_BACK"
REJECTED: Final = "REJECTED"
CANCELLED: Final = "CANCELLED"
SUPERSEDED: Final = "SUPERSEDED"

TERMINAL: Final = frozenset({SUCCEEDED, ROLLED_BACK, REJECTED, CANCELLED, SUPERSEDED})
WITH_TRAFFIC: Final = frozenset({STAGE, PAUSED, BAKE})
BEFORE_TRAFFIC: Final = frozenset({PENDING, PREFLIGHT})
STATES: Final = TERMINAL | WITH_TRAFFIC | BEFORE_TRAFFIC | {ROLLING_BACK}

ROLLBACK_STRATEGY: Final = "rollback"
"""What the strategy of a deployment is called that a person's rollback made."""

_BACK: Final = frozenset({STAGE, PAUSED, BAKE})
EVENTS: Final[dict[str, tuple[frozenset[str], frozenset[str]]]] = {
    "created": (frozenset({""}), frozenset({PENDING, SUCCEEDED})),
    "preflight_started": (frozenset({PENDING}), frozenset({PREFLIGHT})),
    "preflight_passed": (frozenset({PREFLIGHT}), frozenset({STAGE})),
    "rejected": (frozenset({PREFLIGHT}), frozenset({REJECTED})),
    "advanced": (frozenset({STAGE, PAUSED}), frozenset({STAGE})),
    "paused": (frozenset({STAGE, BAKE}), frozenset({PAUSED})),
    "inconclusive": (frozenset({STAGE}), frozenset({PAUSED})),
    "halted": (_BACK, frozenset({PAUSED})),
    "resumed": (frozenset({PAUSED}), frozenset({STAGE, BAKE})),
    "baking": (frozenset({STAGE, PAUSED}), frozenset({BAKE})),
    "succeeded": (_BACK, frozenset({SUCCEEDED})),
    "rolling_back": (_BACK, frozenset({ROLLING_BACK})),
    "rolled_back": (frozenset({ROLLING_BACK}), frozenset({ROLLED_BACK})),
    "cancelled": (BEFORE_TRAFFIC, frozenset({CANCELLED})),
    "superseded": (STATES - TERMINAL, frozenset({SUPERSEDED})),
}
"""Event → the states that it starts from, and those that it may lead to."""

SKEW: Final = "skew"
"""The cause of a halt because lots do not fall as the weights say."""
HALTED: Final = "halted: "
"""How the reason of a deployment begins that waits because there is nothing healthy to go back to."""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What a controller sees of a deployment.

    Attributes:
        moment: when it looks.
        verdict: what the judge says; None where there is nothing to hold the new version against.
        requests: how many requests the new version answered in this step.
        alive: whether the new version answers probes; None where nobody has asked yet.
        base_alive: the same of the version that served before.
        dead: another version that the step brings in and that does not answer probes; empty where there is none.
        window_open: whether it may go on at this time of the week.
        skew: why nothing follows from the evidence, if lots do not fall as the weights say; else empty.
    """

    moment: str
    verdict: DeploymentVerdict | None = None
    requests: int = 0
    alive: bool | None = None
    base_alive: bool | None = None
    dead: str = ""
    window_open: bool = True
    skew: str = ""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What happens next, why, and on what evidence; `cause` says what kind of reason it is."""

    event: str
    reason: str
    cause: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)


def check_move(event: str, source: str, target: str) -> None:
    """Refuse a move that the table of events does not have.

    Raises:
        DeploymentClosed: the deployment has ended, or is in a state that this event does not start from.
    """
    sources, targets = EVENTS[event]
    if source not in sources or target not in targets:
        raise DeploymentClosed(
            f"a deployment that is {source or 'new'} cannot be {event.replace('_', ' ')}",
            details={"state": source, "event": event},
        )


def decide(deployment: DeploymentRecord, sight: Sight) -> Decision | None:
    """Say what a controller does next with a deployment that has traffic; None for nothing."""
    if deployment.state not in WITH_TRAFFIC:
        return None
    danger = _danger(deployment, sight)
    if danger is not None or deployment.state == PAUSED:
        return danger
    if sight.skew and not deployment.skew_told:
        return _halt(deployment, sight.skew, SKEW, {"skew": sight.skew})
    if deployment.state == BAKE:
        over = elapsed(deployment.since, sight.moment) >= deployment.plan.bake_seconds
        return Decision(event="succeeded", reason="nothing spoke against it") if over and sight.window_open else None
    return _next(deployment, sight)


def _danger(deployment: DeploymentRecord, sight: Sight) -> Decision | None:
    verdict = sight.verdict
    if verdict is not None and verdict.state == REGRESSED:
        return _way_back(deployment, sight, "verdict", verdict.reason, verdict.evidence)
    dead = deployment.version if sight.alive is False else sight.dead
    if dead:
        evidence = {"version": dead} if dead != deployment.version else {}
        return _way_back(deployment, sight, "probe", f"{dead} does not answer probes", evidence)
    base_serves = any(arm.version_id == deployment.base_id for arm in step_of(deployment).arms if arm.weight)
    if sight.base_alive is False and base_serves:
        return _halt(deployment, f"{deployment.base}, which served before, does not answer probes", "probe", {})
    return None


def _way_back(
    deployment: DeploymentRecord, sight: Sight, cause: str, reason: str, evidence: dict[str, Any]
) -> Decision | None:
    if deployment.base_id is None:
        return _halt(deployment, f"{reason}; nothing served before that could take over", cause, evidence)
    if sight.base_alive is False:
        return _halt(deployment, f"{reason}; but {deployment.base} does not answer probes either", cause, evidence)
    return Decision(event="rolling_back", reason=reason, cause=cause, evidence=evidence)


def _halt(deployment: DeploymentRecord, reason: str, cause: str, evidence: dict[str, Any]) -> Decision | None:
    if deployment.state == PAUSED and deployment.reason.startswith(HALTED):
        return None
    return Decision(event="halted", reason=HALTED + reason, cause=cause, evidence=evidence)


def _next(deployment: DeploymentRecord, sight: Sight) -> Decision | None:
    step = step_of(deployment)
    waited = elapsed(deployment.since, sight.moment)
    is_asked = _is_measured(step) or deployment.options.judge.asks_proof
    undecided = sight.verdict is not None and sight.verdict.state == NO_VERDICT and is_asked
    ready = waited >= step.min_seconds and sight.requests >= step.min_requests and not undecided
    if ready and not step.hold and sight.window_open:
        return Decision(event=after(deployment), reason=_why(step, sight), evidence=_evidence(sight))
    if not ready and step.max_seconds is not None and waited >= step.max_seconds:
        return _inconclusive(deployment, sight, step)
    return None


def _is_measured(step: Step) -> bool:
    """Whether a step asks for requests: one that does not cannot wait for a verdict on them."""
    return step.min_requests > 0


def _inconclusive(deployment: DeploymentRecord, sight: Sight, step: Step) -> Decision | None:
    missing = max(0, step.min_requests - sight.requests)
    needed = f"about {missing} more requests of {deployment.version} are needed" if missing else _why(step, sight)
    reason = f"no verdict in {step.max_seconds:g} s: {needed}"
    evidence = {**_evidence(sight), "missing_requests": missing}
    policy = deployment.options.on_inconclusive
    if policy == "promote" and not step.hold:
        goes_on = Decision(event=after(deployment), reason=f"{reason}; it goes on as was chosen", evidence=evidence)
        return goes_on if sight.window_open else None
    if policy == "rollback":
        return _way_back(deployment, sight, "inconclusive", reason, evidence)
    return Decision(event="inconclusive", reason=reason, cause="inconclusive", evidence=evidence)


def _why(step: Step, sight: Sight) -> str:
    if sight.verdict is None:
        if not step.min_seconds and not step.min_requests:
            return "it serves, and nothing speaks against it"
        return f"its time is over and {sight.requests} requests were answered"
    if sight.verdict.state == NO_VERDICT and not step.min_requests:
        return f"it serves; no verdict yet: {sight.verdict.reason}"
    if sight.verdict.state == NO_VERDICT:
        return f"its time is over, with {sight.verdict.reason}"
    return sight.verdict.reason


def _evidence(sight: Sight) -> dict[str, Any]:
    return dict(sight.verdict.evidence) if sight.verdict is not None else {"requests": sight.requests}


def after(deployment: DeploymentRecord) -> str:
    """The event that takes a deployment on from its step."""
    if deployment.step + 1 < len(deployment.plan.steps):
        return "advanced"
    return "baking" if deployment.plan.bake_seconds > 0 else "succeeded"


def step_of(deployment: DeploymentRecord) -> Step:
    """The step that a deployment is at; the last one through the bake."""
    return deployment.plan.steps[min(deployment.step, len(deployment.plan.steps) - 1)]


def companions(deployment: DeploymentRecord) -> list[Arm]:
    """Further versions that a step brings into traffic beside the new one, as a test of three arms does."""
    known = {deployment.version_id, deployment.base_id}
    return [arm for arm in step_of(deployment).arms if arm.weight and arm.version_id not in known]


def is_test(deployment: DeploymentRecord) -> bool:
    """Whether a deployment is a test between versions, which a person ends by naming the winner."""
    return step_of(deployment).hold and len(step_of(deployment).arms) > 1


def route_of_step(deployment: DeploymentRecord, step: Step, present: Route, rules: list[Rule]) -> Route:
    """The route of a step, one epoch behind the present one."""
    return Route(
        epoch=present.epoch + 1,
        deployment_id=deployment.id,
        salt=deployment.id,
        arms=list(step.arms),
        rules=rules,
        shadow=list(step.shadow),
        warm=list(step.warm),
    )


def final_route(deployment: DeploymentRecord, arms: list[Arm], present: Route, rules: list[Rule]) -> Route:
    """The route that a deployment ends with, one epoch behind the present one."""
    served = {arm.version_id for arm in arms}
    return Route(
        epoch=present.epoch + 1,
        deployment_id=deployment.id,
        salt=deployment.id,
        arms=arms,
        rules=rules,
        warm=[version for version in deployment.plan.warm if version not in served],
    )


def same_traffic(one: Route, two: Route) -> bool:
    """Whether two routes treat every request alike and keep the same versions loaded."""
    parts_of_one = (one.salt, one.arms, one.rules, one.shadow, one.warm)
    return parts_of_one == (two.salt, two.arms, two.rules, two.shadow, two.warm)


def weight_of(route: Route, version_id: str) -> float:
    """The share of the traffic that a route gives to a version."""
    return sum(arm.weight for arm in route.arms if arm.version_id == version_id)


def main_arm(route: Route) -> Arm | None:
    """The version with the largest share; None where nothing is served."""
    return max(route.arms, key=lambda arm: arm.weight, default=None)


def is_at_rest(deployment: DeploymentRecord, now: str) -> bool:
    """Whether a deployment with traffic waits for a person, for requests, or for its time; else it would go on now."""
    due = due_of(deployment, now=now)
    return due is None or due > now or step_of(deployment).min_requests > 0


def due_of(deployment: DeploymentRecord, *, now: str) -> str | None:
    """When a deployment may move by itself at the earliest; None where only a person moves it."""
    if deployment.state == BAKE:
        return later(deployment.since, deployment.plan.bake_seconds)
    if deployment.state != STAGE:
        return now if deployment.state in {PREFLIGHT, ROLLING_BACK} else None
    step = step_of(deployment)
    return None if step.hold else later(deployment.since, step.min_seconds)
