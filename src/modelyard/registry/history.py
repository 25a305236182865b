"""The past: records as they were at a moment, and who was live then.

Rules
- A model is found by the name that it had then, deleted or not; its state is the fold of its events up to the moment.
- Records are those of the present in every field, except that a file that was deleted since has no path any more.
- What took traffic then is what the routes said that were in force at the moment, whatever the stages.
- Who asks needs the permission of the operation on the model, as in the present.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from modelyard.domain import history
from modelyard.domain.checks import check_label
from modelyard.domain.graph import normalise_stage
from modelyard.domain.history import ModelState, VersionState
from modelyard.domain.metadata import completeness
from modelyard.domain.moments import moment
from modelyard.domain.names import model_name, shown
from modelyard.domain.paging import check_limit, number_of, token_after
from modelyard.domain.references import Reference
from modelyard.domain.stages import ModelStage
from modelyard.domain.wire import (
    AliasPage,
    AliasRecord,
    AsOfRecord,
    ChainedEvent,
    ModelRecord,
    Opinion,
    Resolved,
    VersionPage,
    VersionRecord,
)
from modelyard.errors import InvalidReference, ModelNotFound, VersionNotFound
from modelyard.metadata import audit, manifests
from modelyard.operations import WHO_WAS_LIVE, ListVersions, WhoWasLive
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import UNSHOWN
from modelyard.registry.serving import endpoints_then, main_versions_then, shares_then

_STAGE_FACTS = ("stage", "from", "to")
_DECISIONS = {"promotion.approved": "approved", "promotion.rejected": "rejected"}


@serves(WHO_WAS_LIVE)
def who_was_live(context: Context, request: WhoWasLive) -> AsOfRecord:
    """Tell which version stood in a stage at a moment, who put it there, and on which evidence.

    Raises:
        InvalidRequest: it is no moment, or lies in the future.
        InvalidStage: no stage graph has the stage, and no event of the model names it.
        ModelNotFound: no model had the name at that moment.
    """
    at = _moment(context, context.now if request.at is None else request.at)
    stage = str(ModelStage(request.stage or ModelStage.PRODUCTION))
    state = model_then(context, request.name, at)
    _check_stage(context, state.id, stage)
    events = [entry.event for entry in audit.chain(context.tx, state.id)]
    there = AsOfRecord(
        name=state.name,
        stage=stage,
        at=at,
        version=None,
        aliases={name: state.versions[alias.version_id].version for name, alias in sorted(state.aliases.items())},
        endpoints=endpoints_then(state, events),
    )
    standing = history.in_stage(state, stage)
    if not standing:
        return there
    version = standing[0]
    entered = version.standing_in(stage)
    assert entered is not None  # noqa: S101 - that is how it was found
    event = events[entered.position - 1]
    promotion = [other for other in events if _of_promotion(other, event.data.get("promotion"))]
    return replace(
        there,
        version=_record(context, state, version),
        since=entered.since,
        until=_until(events, version.id, stage, state.events),
        by=event.actor,
        event=event,
        verdicts=_verdicts(event, promotion),
        approvals=[_opinion(other) for other in promotion if other.type in _DECISIONS],
        promotion=promotion,
        others=[other.version for other in standing[1:]],
    )


def version_then(context: Context, reference: str, as_of: str) -> VersionRecord:
    """Return the record of the version that a reference named at a moment, as it was then.

    Raises:
        InvalidRequest: it is no moment, or lies in the future.
        ModelNotFound, VersionNotFound: nothing answered to it then.
    """
    return _record(context, *_find(context, reference, _moment(context, as_of)))


def resolved_then(context: Context, reference: str, as_of: str) -> Resolved:
    """Tell which version a reference named at a moment; errors as in `version_then`."""
    state, version = _find(context, reference, _moment(context, as_of))
    told = version.deprecation or {}
    return Resolved(
        id=version.id,
        name=state.name,
        number=version.number,
        version=version.version,
        stage=version.stage,
        digest=version.digest,
        model_size_bytes=version.size,
        deprecated=version.deprecation is not None,
        deprecation_reason=told.get("reason", ""),
        successor=told.get("successor", ""),
    )


def versions_then(context: Context, request: ListVersions) -> VersionPage:
    """Return a page of the versions that a model had at a moment, the newest first."""
    limit = check_limit(request.limit)
    label = check_label(request.label)
    before = number_of(request.page_token)
    state = model_then(context, request.name, _moment(context, request.as_of))
    stage = str(ModelStage(request.stage)) if request.stage else ""
    found = [
        version
        for version in reversed(state.live)
        if (not stage or version.standing_in(stage))
        and (not label or version.label == label)
        and (before is None or version.number < before)
    ]
    token = token_after(found[limit - 1].number) if len(found) > limit else ""
    return VersionPage(versions=_records(context, state, found[:limit]), next_page_token=token)


def described_then(context: Context, name: str, as_of: str) -> ModelRecord:
    """Return the record of a model at a moment."""
    state = model_then(context, name, _moment(context, as_of))
    latest = history.highest(state)
    stages = {standing.stage for version in state.live for standing in version.standings.values()}
    return ModelRecord(
        id=state.id,
        name=state.name,
        description=state.description,
        owner=state.owner,
        team=state.team,
        tags=state.tags,
        revision=state.revision,
        created_at=state.created_at,
        updated_at=state.updated_at,
        versions=len(state.live),
        latest_version=latest.version if latest is not None else None,
        stages={stage: history.in_stage(state, stage)[0].version for stage in sorted(stages) if stage not in UNSHOWN},
        aliases={name: state.versions[alias.version_id].version for name, alias in sorted(state.aliases.items())},
        serving=main_versions_then(state),
    )


def aliases_then(context: Context, name: str, as_of: str) -> AliasPage:
    """Return the aliases that a model had at a moment, by name."""
    state = model_then(context, name, _moment(context, as_of))
    return AliasPage(
        aliases=[
            AliasRecord(
                name=state.name,
                alias=name,
                version=state.versions[alias.version_id].version,
                number=state.versions[alias.version_id].number,
                version_id=alias.version_id,
                revision=alias.position,
                updated_at=alias.since,
            )
            for name, alias in sorted(state.aliases.items())
        ]
    )


def model_then(context: Context, name: str, at: str) -> ModelState:
    """Return the model that had a name at a moment.

    Raises:
        InvalidName: no model can have the name.
        ModelNotFound: none had it then.
    """
    checked = model_name(name)
    context.require(context.permission, checked)
    homes = audit.homes(context.tx, checked)
    for model_id in homes:
        state = _state(context, model_id, at)
        if state.events and not state.deleted and state.name == checked:
            return state
    made = [event.at for home in homes if (event := audit.at_position(context.tx, home, 1)) and event.at > at]
    told = f": it was created at {min(made)}" if made else ""
    raise ModelNotFound(f"there was no model named {shown(name)} at {at}{told}", details={"name": name, "as_of": at})


def _check_stage(context: Context, model_id: str, stage: str) -> None:
    """Refuse a stage that no graph has now, and that no event of the model names."""
    if stage in context.graphs.stages:
        return
    events = (entry.event for entry in audit.chain(context.tx, model_id))
    if not any(stage in {event.data.get(key) for key in _STAGE_FACTS} for event in events):
        normalise_stage(context.graphs.of(model_id), stage)


def _find(context: Context, text: str, at: str) -> tuple[ModelState, VersionState]:
    reference = Reference.parse(text)
    if reference.model is None:
        return _find_anywhere(context, reference, at)
    state = model_then(context, reference.model, at)
    version = history.find(state, reference)
    if version is None:
        raise _lost(reference, at)
    return state, version


def _find_anywhere(context: Context, reference: Reference, at: str) -> tuple[ModelState, VersionState]:
    """Find a version by its id or its content; whose model may not be seen, is told the same as who names nothing."""
    if reference.kind == "digest":
        homes = audit.homes_of_content(context.tx, reference.value.partition(":")[2])
    else:
        home = audit.home_of(context.tx, reference.value)
        homes = [home] if home is not None else []
    states = [_state(context, model_id, at) for model_id in homes]
    seen = [(state, history.find(state, reference)) for state in states if context.sees(state.name)]
    found = [(state, version) for state, version in seen if version is not None]
    if not found:
        raise _lost(reference, at)
    if len(found) > 1:
        names = [f"{state.name}/{version.version}" for state, version in found]
        raise InvalidReference(
            f"{len(found)} versions had this content: {', '.join(names[:5])}",
            hint="name one of them",
            details={"versions": names},
        )
    context.require(context.permission, found[0][0].name)
    return found[0]


def _lost(reference: Reference, at: str) -> VersionNotFound:
    details = {"reference": str(reference), "as_of": at}
    return VersionNotFound(f"no version answered to {str(reference)!r} at {at}", details=details)


def _state(context: Context, model_id: str, at: str) -> ModelState:
    return history.fold(entry.event for entry in audit.chain(context.tx, model_id, until=at))


def _moment(context: Context, text: str) -> str:
    return moment(text, context.now)


def _record(context: Context, state: ModelState, version: VersionState) -> VersionRecord:
    return _records(context, state, [version])[0]


def _records(context: Context, state: ModelState, versions: Sequence[VersionState]) -> list[VersionRecord]:
    contents = manifests.files(context.tx, [version.digest for version in versions])
    there = audit.live_ids(context.tx, state.id)
    exclusive = context.graphs.of(state.id).exclusive
    served = shares_then(state)
    made = []
    for version in versions:
        files = contents.get(version.digest, [])
        told = version.deprecation or {}
        path = context.yard.views.locate(state.name, version.version, files) if files and version.id in there else None
        made.append(
            VersionRecord(
                **version.document,
                id=version.id,
                name=state.name,
                number=version.number,
                version=version.version,
                stage=version.stage,
                label=version.label,
                revision=version.revision,
                parent_id=version.parent_id,
                aliases=history.aliases_of(state, version.id),
                environments=dict(sorted(version.environments.items())),
                deployed=version.id in served
                or version.stage == ModelStage.PRODUCTION
                or not exclusive.isdisjoint(_places(version)),
                serving=served.get(version.id, {}),
                deprecated=version.deprecation is not None,
                deprecation_reason=told.get("reason", ""),
                successor=told.get("successor", ""),
                created_at=version.created_at,
                updated_at=version.updated_at,
                digest=version.digest,
                model_hash=version.model_hash,
                model_size_bytes=version.size,
                artifact_path=path,
                artifact_uri=f"models:/{state.name}/{version.number}",
                files=files,
                completeness=completeness(version.document),
            )
        )
    return made


def _places(version: VersionState) -> list[ModelStage]:
    return [ModelStage(stage) for stage in version.environments.values()]


def _until(events: Sequence[ChainedEvent], version_id: str, stage: str, known: int) -> str | None:
    """Return when a version that stood in a stage after the first `known` events left it; None if it never did."""
    state = history.fold(events[:known])
    for event in events[known:]:
        history.apply(state, event)
        version = state.versions[version_id]
        if version.deleted or version.standing_in(stage) is None:
            return event.at
    return None


def _of_promotion(event: ChainedEvent, promotion: Any) -> bool:
    return bool(promotion) and event.type.startswith("promotion.") and event.data.get("promotion") == promotion


def _verdicts(event: ChainedEvent, promotion: Sequence[ChainedEvent]) -> list[dict[str, Any]]:
    """Return the verdicts of a move: its own, or the last that its promotion was given."""
    told = [other.data["verdicts"] for other in (*promotion, event) if other.data.get("verdicts")]
    return list(told[-1]) if told else []


def _opinion(event: ChainedEvent) -> Opinion:
    comment = event.data.get("comment") or event.data.get("reason") or ""
    # Where nobody has to prove who they are, whoever sent the request may speak for another.
    by = str(event.data.get("by") or event.actor)
    return Opinion(decision=_DECISIONS[event.type], by=by, at=event.at, comment=str(comment))
