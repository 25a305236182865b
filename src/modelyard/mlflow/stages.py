"""Moving versions between stages, by MLflow's words and our gates.

Rules
- Where nobody has written a stage graph, every stage leads to every other one, as with MLflow.
- Where somebody has, its gates hold. A stage that is several legal moves away is reached by making them, all or none:
  MLflow's clients know no way but the direct one. A gate that refuses is named.
- `archive_existing_versions` archives the other holders at the same moment. Only Staging and Production have holders.
  Where it is not asked for, a stage that a written graph makes exclusive still has one holder.
- A deprecated version does not enter Production, be there a written graph or not.
"""

from __future__ import annotations

from collections.abc import Sequence

from modelyard.domain.mlflow.stages import ACTIVE, FREE_GRAPH, NAMES, canonical, path
from modelyard.domain.stages import ModelStage
from modelyard.domain.wire import PromotionRecord
from modelyard.mlflow import fields, looking, model_versions
from modelyard.mlflow.desk import Answer, Desk, Fields, Route, invalid
from modelyard.mlflow.registered_models import unknown_stage
from modelyard.operations import UPDATE_STAGE, Promote, UpdateStage
from modelyard.registry.context import Context
from modelyard.registry.dispatch import change
from modelyard.registry.lookup import find
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
        # Where no way leads there, the one step says so; where the version stands there already, it changes nothing.
        steps = path(context.graphs.of(row.model_id), ModelStage(row.stage), target) or (target,)

    def walk(context: Context, _request: object) -> PromotionRecord:
        made = _walk(context, row.id, steps, archives=archives)
        if archives and not context.refusals:
            _archive_others(context, row.id, target)
        return made

    # What has to be found out beforehand is found out for the first step.
    first = UpdateStage(reference=row.id, stage=str(steps[0]))
    change(desk.yard, UPDATE_STAGE, first, walk, principal=desk.principal)


def _walk(context: Context, version_id: str, steps: Sequence[ModelStage], *, archives: bool) -> PromotionRecord:
    """Make all moves in one transaction, or none."""
    for step in steps:
        replaces = _replaces(context, version_id, archives=archives) if step == steps[-1] else False
        made = promote(context, Promote(reference=version_id, target_stage=str(step), archive_previous=replaces))
        if context.refusals and len(steps) > 1:
            # Raised inside the transaction, it takes the moves before it back.
            raise context.refusals[0]
    return made


def _replaces(context: Context, version_id: str, *, archives: bool) -> bool | None:
    """Whether the newcomer archives the holders of its stage; None for what a graph that somebody wrote says."""
    if archives:
        return True
    return False if context.graphs.of(find(context, version_id).model_id) is FREE_GRAPH else None


def _archive_others(context: Context, version_id: str, stage: ModelStage) -> None:
    """Archive who else holds a stage: where the version stood there already, the move has not done it."""
    row = find(context, version_id)
    for other in who_makes_room(context, row, stage, archive_previous=True):
        make_room(context, other, stage, {"cause": "replaced", "by": row.id})


ROUTES: tuple[Route, ...] = (Route("POST", "model-versions/transition-stage", UPDATE_STAGE.permission, transition),)
