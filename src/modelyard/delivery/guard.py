"""The guard of an endpoint: limits that hold at all times, and a way back when they are exceeded.

Rules
- What is judged is the version with the largest share, on what it did since it serves, or since the beginning of the
  window, whichever is shorter.
- Too few requests prove nothing: the guard stays quiet, and says so.
- With a live deployment the way back is the deployment's own rollback. Nothing goes back to the version that is beyond
  the limits, nor to one that may not serve or, started and probed before the transaction, does not answer: the report
  says so, and nothing moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import takewhile

from modelyard.delivery.changes import configure
from modelyard.delivery.endpoints import check_limits, check_within, find_endpoint
from modelyard.delivery.going_back import Why, check_probe, go_back, main_version, probed, target_of
from modelyard.domain import deployment as rules
from modelyard.domain.durations import later
from modelyard.domain.evidence import Finding
from modelyard.domain.judge import REGRESSED, AbsoluteLimits
from modelyard.domain.permissions import Principal
from modelyard.domain.wire import Arm, DeploymentVerdict, GuardReport, Limits, Observation, RouteEntry
from modelyard.errors import NotDeployable, SnapshotNotFound
from modelyard.metadata import endpoints
from modelyard.metadata.database import known
from modelyard.operations import CHECK_GUARD, CheckGuard
from modelyard.registry.context import Context, Yard
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import find_model
from modelyard.telemetry.windows import observed

LIMIT = "limit"
LOOKED_AT = 100
"""Changes of a route, by flags for instance, through which a version is followed back."""
LONGEST_WINDOW_S = 366 * 86_400.0


def _prepare(yard: Yard, request: CheckGuard, principal: Principal) -> Mapping[str, Finding]:
    check_limits(request.limits)
    check_within("window_s", request.window_s, 1, LONGEST_WINDOW_S)
    with yard.database.read() as tx:
        context = Context(yard=yard, tx=tx, principal=principal, now=yard.clock(), permission=CHECK_GUARD.permission)
        endpoint_id = find_endpoint(context, request.name, request.environment).id
    return probe_way_back(yard, principal, endpoint_id, request.limits, request.window_s)


@serves(CHECK_GUARD, prepare=_prepare)
def check_guard(context: Context, request: CheckGuard) -> GuardReport:
    """Hold an endpoint to limits now, and from now on if they are to be kept.

    Raises:
        EndpointNotFound: nothing was ever deployed there.
    """
    check_limits(request.limits)
    check_within("window_s", request.window_s, 1, LONGEST_WINDOW_S)
    find_model(context, request.name, lock=True)
    row = find_endpoint(context, request.name, request.environment)
    if request.keep:
        configure(context, row, replace(endpoints.configuration_of(row), guard=request.limits))
    return guarded(context, row.id, request.limits, request.window_s)


def guarded(context: Context, endpoint_id: str, limits: Limits, window_s: float) -> GuardReport:
    """Judge an endpoint, and roll it back where it is beyond its limits; the caller holds the model's lock."""
    row = known(endpoints.by_id(context.tx, endpoint_id))
    seen, verdict = judged(context, endpoint_id, limits, window_s)
    if seen is None or verdict.state != REGRESSED:
        return GuardReport(triggered=False, reason=verdict.reason, observed=[seen] if seen else [])
    try:
        target = target_of(context, row, None, "")
    except (SnapshotNotFound, NotDeployable) as nowhere:
        return GuardReport(triggered=False, reason=f"{verdict.reason}; but {nowhere.message}", observed=[seen])
    if main_version(target) == seen.version_id:
        # A deployment is live, and what it would go back to is what went beyond the limits.
        reason = f"{verdict.reason}; but {seen.version} is what it would go back to"
        return GuardReport(triggered=False, reason=reason, observed=[seen])
    try:
        check_probe(context)
        done = go_back(context, row, target, Why(reason=verdict.reason, cause=LIMIT, evidence=verdict.evidence))
    except NotDeployable as refusal:
        return GuardReport(triggered=False, reason=f"{verdict.reason}; but {refusal.message}", observed=[seen])
    return GuardReport(triggered=True, reason=verdict.reason, observed=[seen], rollback=done)


def probe_way_back(
    yard: Yard, principal: Principal, endpoint_id: str, limits: Limits, window_s: float
) -> Mapping[str, Finding]:
    """Start and probe what an endpoint beyond its limits would go back to; nothing is found of one within them."""
    with yard.database.read() as tx:
        context = Context(yard=yard, tx=tx, principal=principal, now=yard.clock(), permission=CHECK_GUARD.permission)
        _, verdict = judged(context, endpoint_id, limits, window_s)
        if verdict.state != REGRESSED:
            return {}
        row = known(endpoints.by_id(tx, endpoint_id))
        try:
            version_id = main_version(target_of(context, row, None, ""))
        except (SnapshotNotFound, NotDeployable):
            return {}
        configuration = endpoints.configuration_of(row)
    return probed(yard, version_id, configuration)


def judged(
    context: Context, endpoint_id: str, limits: Limits, window_s: float
) -> tuple[Observation | None, DeploymentVerdict]:
    """Return what the main version of an endpoint did, and what follows from it."""
    row = known(endpoints.by_id(context.tx, endpoint_id))
    route = endpoints.route_of(row)
    arm = rules.main_arm(route)
    if arm is None:
        return None, DeploymentVerdict(reason="nothing is served")
    served = takewhile(lambda entry: _is_main(entry, arm), endpoints.history(context.tx, row.id, LOOKED_AT))
    epochs = [entry.epoch for entry in served]
    seen = observed(context.tx, row.id, arm.version_id, epochs=epochs, since=later(context.now, -window_s))
    return seen, AbsoluteLimits(limits).judge(seen)


def _is_main(entry: RouteEntry, arm: Arm) -> bool:
    main = rules.main_arm(entry.route)
    return main is not None and main.version_id == arm.version_id
