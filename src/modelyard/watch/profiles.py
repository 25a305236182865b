"""Profiles of inputs and outputs, and how far they have drifted.

Rules
- A version has one training reference, made by whoever trained it; a new one replaces it, and each is an event of the
  model with the digest of the profile. The version itself stays as it is.
- The baseline is what is asked for, else the reference, else the live profile of the nearest version before.
- Nothing follows from drift by itself: it is told, and alerts may go by it. No deployment is rolled back for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from blake3 import blake3
from sqlalchemy import Row

from modelyard.config import Settings
from modelyard.delivery.controller import Job, Transactions
from modelyard.domain import durations
from modelyard.domain.divergence import TOO_FEW, aligned, drift_of_feature, worst
from modelyard.domain.moments import moment
from modelyard.domain.names import shown
from modelyard.domain.profiles import Feature, Profile, check_profile
from modelyard.domain.signature import Signature
from modelyard.domain.wire import DriftReport, FeatureDrift, ReferenceRecord
from modelyard.domain.wording import counted
from modelyard.errors import EndpointNotFound, ProfileNotFound
from modelyard.metadata import endpoints, profiles, versions
from modelyard.metadata.database import Transaction, known
from modelyard.operations import DRIFT, GET_REFERENCE, SET_REFERENCE, Drift, GetReference, SetReference
from modelyard.registry.context import Context, Yard
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import document, find, find_model, find_within
from modelyard.registry.serving import shares_of_versions

REFERENCE: Final = "reference"
MOST_ROWS: Final = 24 * 31
"""Stored hours that one profile is added up from, at most; the newest."""
FORGET_EVERY_S: Final = 3600.0
LISTED: Final = 3


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What is compared with: a profile, and where it comes from (`reference`, a version, or empty for none)."""

    profile: Profile
    against: str = ""


@serves(SET_REFERENCE)
def set_reference(context: Context, request: SetReference) -> ReferenceRecord:
    """Record the training reference of a version.

    Raises:
        InvalidRequest: the profile has no rows, or cannot be one.
    """
    check_profile(request.profile)
    row = find(context, request.reference, lock=True)
    profiles.put_reference(context.tx, row.id, request.profile, context.now)
    made = _record(row, known(profiles.reference_of(context.tx, row.id)))
    facts = {"rows": made.rows, "answers": made.answers, "features": len(made.features), "digest": made.digest}
    context.tell(model_id=row.model_id, kind="version.reference_set", version_id=row.id, data=facts)
    return made


@serves(GET_REFERENCE)
def get_reference(context: Context, request: GetReference) -> ReferenceRecord:
    """Return the training reference of a version.

    Raises:
        ProfileNotFound: it has none.
    """
    row = find(context, request.reference)
    return _record(row, _reference(context.tx, row))


@serves(DRIFT)
def drift(context: Context, request: Drift) -> DriftReport:
    """Tell how far the inputs and predictions of a version have moved.

    Raises:
        EndpointNotFound: the model was never deployed to the environment.
        ProfileNotFound: the reference is asked for, and there is none.
    """
    model = find_model(context, request.name)
    endpoint = endpoints.by_name(context.tx, model.name, request.environment) if request.environment else None
    if request.environment and endpoint is None:
        raise EndpointNotFound(f"{model.name} was never deployed to {shown(request.environment)}")
    row = find_within(context, model.name, request.version) if request.version else _busiest(context, model, endpoint)
    against = request.against
    if against not in {"", REFERENCE}:
        against = find_within(context, model.name, against).id
    is_length = durations.is_duration(request.since)
    since = (
        durations.later(context.now, -durations.seconds(request.since, "since"))
        if is_length
        else moment(request.since, context.now)
    )
    return drift_of(context.tx, row.id, endpoint=endpoint, since=since, until=context.now, against=against)


def drift_of(
    tx: Transaction, version_id: str, *, endpoint: Row[Any] | None = None, since: str, until: str, against: str = ""
) -> DriftReport:
    """Tell how far the inputs and predictions of a version have moved; for use cases and for alerts.

    Args:
        tx: the transaction to read in.
        version_id: a version that is there.
        endpoint: the row of the endpoint whose traffic counts; None for all of them.
        since: a moment; the whole hour that it lies in counts. The report tells a later one where more than can be
            added up came in since.
        until: the present moment.
        against: `reference`, the id of a version, or empty for what is there.

    Raises:
        ProfileNotFound: the reference is asked for, and there is none.
    """
    row = known(versions.by_id(tx, version_id))
    place = endpoint.id if endpoint is not None else ""
    came = profiles.live_of(tx, row.id, endpoint_id=place, since=_hour_of(since), most=MOST_ROWS)
    live = came.profile
    baseline = _baseline(tx, row, against, place)
    schema = Signature.of(document(row)).inputs
    names = [item.name for item in schema] if all(not item.shape for item in schema) else []
    sides = [
        ("input", *aligned(baseline.profile.inputs, live.inputs, names), baseline.profile.rows, live.rows),
        ("prediction", *aligned(baseline.profile.outputs, live.outputs), baseline.profile.answers, live.answers),
    ]
    found = [one for role, a, b, n, m in sides for one in _features(role, (a, b), (n, m))]
    found.sort(key=lambda one: (-(one.psi or 0.0), one.role, one.feature))
    outcome = worst(one.drift for one in found)
    return DriftReport(
        name=row.name,
        version=row.version,
        version_id=row.id,
        environment=endpoint.environment if endpoint is not None else "",
        since=came.since,
        until=until,
        against=baseline.against,
        drift=outcome,
        reason=_reason(baseline, live, found, outcome),
        baseline_rows=baseline.profile.rows,
        rows=live.rows,
        features=found,
        only_in_baseline=_only_in_first([(a, b) for _role, a, b, _n, m in sides if m]),
        only_live=_only_in_first([(b, a) for _role, a, b, n, _m in sides if n]),
    )


def forgetting(yard: Yard, settings: Settings) -> Job:
    """Return the job that deletes profiles of live traffic after `telemetry.profiles_days`."""
    seconds = settings["telemetry.profiles_days"] * 86_400.0

    def before() -> str:
        return durations.later(yard.clock(), -seconds)

    def run(transaction: Transactions) -> None:
        with transaction() as context:
            profiles.forget(context.tx, before())

    return Job(
        name="profiles", every_s=FORGET_EVERY_S, wanted=lambda tx: profiles.are_old(tx, before()), run=run
    )  # fmt: skip


def _only_in_first(pairs: Sequence[tuple[dict[str, Feature], dict[str, Feature]]]) -> list[str]:
    """The features that the first of a pair has, and the second has not."""
    return [name for one, other in pairs for name in one if name not in other]


def _features(
    role: str, sides: tuple[dict[str, Feature], dict[str, Feature]], rows: tuple[int, int]
) -> list[FeatureDrift]:
    baseline, live = sides
    return [
        drift_of_feature(name, role, baseline=baseline[name], baseline_rows=rows[0], live=live[name], rows=rows[1])
        for name in baseline
        if name in live
    ]


def _baseline(tx: Transaction, row: Row[Any], against: str, endpoint_id: str) -> Baseline:
    if against == REFERENCE:
        return Baseline(profile=profiles.profile_of(_reference(tx, row)), against=REFERENCE)
    if not against:
        reference = profiles.reference_of(tx, row.id)
        if reference is not None:
            return Baseline(profile=profiles.profile_of(reference), against=REFERENCE)
        against = profiles.seen_before(tx, row)
    other = versions.by_id(tx, against) if against else None
    if other is None:
        return Baseline(profile=Profile())
    seen = profiles.live_of(tx, other.id, endpoint_id=endpoint_id, most=MOST_ROWS)
    return Baseline(profile=seen.profile, against=other.version)


def _reference(tx: Transaction, row: Row[Any]) -> Row[Any]:
    found = profiles.reference_of(tx, row.id)
    if found is None:
        raise ProfileNotFound(f"{row.name} {row.version} has no training reference")
    return found


def _busiest(context: Context, model: Row[Any], endpoint: Row[Any] | None) -> Row[Any]:
    """The version with the most traffic there, else the highest one."""
    shares = shares_of_versions(context, [model.id])
    place = endpoint.environment if endpoint is not None else ""
    served = {key: there.get(place, 0.0) if place else max(there.values()) for key, there in shares.items()}
    if served and max(served.values()) > 0:
        busiest = max(sorted(served), key=served.__getitem__)
        return find(context, busiest)
    return find(context, model.name)


def _reason(baseline: Baseline, live: Profile, found: Sequence[FeatureDrift], outcome: str) -> str:
    if not baseline.against:
        return "there is nothing to compare with: set a reference, or deploy a second version"
    seen = f"{counted(live.rows, 'sampled row')} against {counted(baseline.profile.rows, 'row')} of {baseline.against}"
    if not live.rows and not live.answers:
        return "no prediction of this time was sampled"
    if not found:
        return f"{seen} have no feature in common"
    if outcome == TOO_FEW:
        return f"{seen} are too few to tell anything"
    moved = [one.feature for one in found if one.drift == outcome]
    more = f" and {len(moved) - LISTED} more" if len(moved) > LISTED else ""
    words = {"none": "no drift", "slight": "slight drift", "strong": "strong drift"}[outcome]
    where = "" if outcome == "none" else f" of {', '.join(moved[:LISTED])}{more}"
    return f"{words}{where}: {seen}"


def _record(row: Row[Any], stored: Row[Any]) -> ReferenceRecord:
    profile = profiles.document_of(stored)
    return ReferenceRecord(
        name=row.name,
        version=row.version,
        version_id=row.id,
        rows=profile.rows,
        answers=profile.answers,
        features=list(profile.inputs),
        outputs=list(profile.outputs),
        digest=blake3(profiles.encoded(profile)).hexdigest(),
        updated_at=stored.updated_at,
        profile=profile,
    )


def _hour_of(at: str) -> str:
    return f"{at[:13]}:00:00.000000Z"
