"""Moving versions between stages, by MLflow's words and our gates.

Rules
- Where nobody has written a stage graph, every stage leads to every other one, as with MLflow.
- Where somebody has, its gates hold. A stage that is several legal moves away is reached by making them, all or none:
  MLflow's clients know no way but the direct one. A gate that refuses is named.
- `archive_existing_versions` archives the other holders at the same moment. Only Staging and Production have holders.
"""

from __future__ import annotations

from collections.abc import Sequence

from modelyard.domain.mlflow.stages import ACTIVE, NAMES, canonical, path
from modelyard.domain.stages import ModelStage
from modelyard.domain.wire import PromotionRecord
from modelyard.mlflow import fields, looking, model_versions
from modelyard.mlflow.desk import Answer, Desk, Fields, Route, invalid
from modelyard.mlflow.registered_models import unknown_stage
from modelyard.operations import UPDATE_STAGE, Promote, UpdateStage
from modelyard.registry.context import Context
from modelyard.registry.dispatch import change
from modelyard.registry.lookup import find, record
from modelyard.registry.moves import make_room, who_makes_room
from modelyard.registry.stages import promote


def transition(desk: Desk, request: Fields) -> Answer:
    """Move a version to a stage."""
    fields.required(request, "name", "version", "stage")
    stage, archives = _stage(fields.text(request, "stage")), fields.flag(request, "archive_existing_versions")
    if archives and stage not in ACTIVE:
        raise invalid(
            f"Model version transition cannot archive existing model versions because '{stage}' is not an Active stage."
            f" Valid stages are {', '.join(sorted(ACTIVE))}"
        )
    _move(desk.unbound, request, NAMES[stage], archives=archives)
    return model_versions.get(desk, request)


def _stage(text: str) -> str:
    found = canonical(text)
    if found is None:
        raise unknown_stage(text)
    return found


def _move(desk: Desk, request: Fields, target: ModelStage, *, archives: bool) -> None:
    with desk.reading(UPDATE_STAGE.permission) as context:
        row = looking.version_row(context, request)
        steps = path(context.graphs.of(row.model_id), ModelStage(row.stage), target)
    if archives and row.stage == target:
        _archive_others(desk, row.id, target)
        return
    if len(steps) <= 1:
        desk.call(UPDATE_STAGE, UpdateStage(reference=row.id, stage=str(target), archive_previous=archives))
        return
    wanted = UpdateStage(reference=row.id, stage=str(steps[0]))

    def walk(context: Context, _request: object) -> PromotionRecord:
        return _walk(context, row.id, steps, archives=archives)

    change(desk.yard, UPDATE_STAGE, wanted, walk, principal=desk.principal)


def _archive_others(desk: Desk, version_id: str, stage: ModelStage) -> None:
    """Archive the other holders of a stage where a version stands already."""
    wanted = UpdateStage(reference=version_id, stage=str(stage), archive_previous=True)

    def clear(context: Context, _request: object) -> PromotionRecord:
        row = find(context, version_id, lock=True)
        context.require(UPDATE_STAGE.permission, row.name, str(stage))
        others = who_makes_room(context, row, stage, archive_previous=True)
        for other in others:
            make_room(context, other, stage, {"cause": "replaced", "by": row.id})
        ids = [other.id for other in others]
        return PromotionRecord(version=record(context, row), from_stage=str(stage), to_stage=str(stage), archived=ids)

    change(desk.yard, UPDATE_STAGE, wanted, clear, principal=desk.principal)


def _walk(context: Context, version_id: str, steps: Sequence[ModelStage], *, archives: bool) -> PromotionRecord:
    """Make all moves in one transaction, or none."""
    for step in steps:
        is_last = step == steps[-1]
        wanted = Promote(reference=version_id, target_stage=str(step), archive_previous=archives and is_last)
        made = promote(context, wanted)
        if context.refusals:
            # Raised inside the transaction, it takes the moves before it back.
            raise context.refusals[0]
    return made


ROUTES: tuple[Route, ...] = (Route("POST", "model-versions/transition-stage", UPDATE_STAGE.permission, transition),)
