"""Moving versions through their lives: promote, roll back, archive, deprecate, delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from modelyard.domain.wire import Deleted, ModelRecord, PromotionRecord, RollbackRecord, SnapshotRecord, VersionRecord
from modelyard.errors import InvalidRequest
from modelyard.facade.arguments import name_of, plain_requirements, reference_of, selector_of, stage_of
from modelyard.facade.base import Base
from modelyard.operations import ARCHIVE, DELETE, DEPRECATE, PROMOTE, RENAME_MODEL, ROLLBACK, UPDATE_STAGE


class RollbackOptions(TypedDict, total=False):
    """What `rollback_model` takes for endpoints."""

    snapshot: str | SnapshotRecord
    """The snapshot to go back to."""
    environment: str
    """The endpoint's environment; production when left out."""
    dry_run: bool
    """Only tell what would change."""
    force: bool
    """Go back also to a version that does not answer probes, or is deprecated."""


class Lifecycle(Base):
    """The methods of `ModelRegistry` that change where a version stands."""

    def promote_model(
        self,
        model_id: str,
        target_stage: str,
        requirements: Mapping[str, Any] | None = None,
        *,
        archive_previous: bool | None = None,
        comment: str = "",
        if_match: int | None = None,
    ) -> PromotionRecord:
        """Move a version to a stage if it meets the requirements; otherwise nothing changes.

        Args:
            model_id: the version.
            target_stage: a `ModelStage` or its word, in any case.
            requirements: bounds such as min_accuracy and max_latency_ms, and truths such as tests_passed,
                validation_required and documentation_complete.
            archive_previous: whether who stands in the stage now is archived; by default only in production.
            comment: kept in the event.
            if_match: demand that the version's revision is still this one.

        Returns:
            The version as it is now, the verdict on each requirement, and who was archived.

        Raises:
            GateRefused: a requirement is not met; `details["verdicts"]` tells each one. A ValueError.
            InvalidTransition: the stage graph has no such move. A ValueError.
            InvalidStage: there is no such stage.
        """
        return self._call(
            PROMOTE,
            reference=reference_of(model_id),
            target_stage=stage_of(target_stage, none="none"),
            requirements=plain_requirements(requirements),
            archive_previous=archive_previous,
            comment=comment,
            if_match=if_match,
        )

    def update_model_stage(
        self,
        model_id: str,
        stage: str,
        *,
        archive_previous: bool | None = None,
        comment: str = "",
        if_match: int | None = None,
    ) -> PromotionRecord:
        """Move a version along the stage graph, with no requirements beyond the graph's own; see `promote_model`."""
        return self._call(
            UPDATE_STAGE,
            reference=reference_of(model_id),
            stage=stage_of(stage, none="none"),
            archive_previous=archive_previous,
            comment=comment,
            if_match=if_match,
        )

    def rollback_model(
        self,
        model_id: str,
        target_version: str | int | None = None,
        *,
        stage: str | None = None,
        reason: str = "",
        deprecate: bool = True,
        **options: Unpack[RollbackOptions],
    ) -> RollbackRecord:
        """Go back: bring back what an endpoint served before, or give a stage back to an earlier version.

        A model that was deployed goes back as a whole: route, configuration, aliases and stages, to its last healthy
        snapshot or to what is named. Where nothing was deployed, or a stage is named, who stands in the stage now is
        archived, and deprecated, and an earlier version takes its place.

        Args:
            model_id: the model, by its name or by any of its versions.
            target_version: where to go back to: a SemVer, a number, an id or a record; without it, what was there
                before.
            stage: the stage to give back; production where nothing was deployed.
            reason: kept in the event.
            deprecate: whether the version that leaves is marked as not to be used any more; False where it was not at
                fault.
            options: see `RollbackOptions`.

        Returns:
            The version that came back; `endpoint` tells what became of the endpoint, and how long it took.

        Raises:
            VersionNotFound: there is no such version, or none held the stage before.
            SnapshotNotFound: the endpoint has nothing to go back to.
            Conflict: the version stands there already, or is deprecated.
            NotDeployable: it does not answer probes, or is deprecated; `force` takes it all the same.
        """
        snapshot = options.pop("snapshot", "")
        return self._call(
            ROLLBACK,
            reference=reference_of(model_id),
            version=selector_of(target_version),
            stage=stage_of(stage),
            snapshot=snapshot.id if isinstance(snapshot, SnapshotRecord) else snapshot,
            reason=reason,
            deprecate=deprecate,
            **options,
        )

    def archive_model(self, model_id: str, *, reason: str = "", if_match: int | None = None) -> PromotionRecord:
        """Move a version to the archive, from wherever it stands; a rollback brings it back."""
        return self._call(ARCHIVE, reference=reference_of(model_id), reason=reason, if_match=if_match)

    def deprecate_model(
        self,
        model_id: str,
        reason: str = "",
        *,
        successor: str | int | None = None,
        undo: bool = False,
        if_match: int | None = None,
    ) -> VersionRecord:
        """Mark a version as not to be used any more: ranges pass it over, and it enters production no more.

        Args:
            model_id: the version.
            reason: why; told to whoever still uses it.
            successor: what to use instead.
            undo: take the deprecation back.
            if_match: demand that the version's revision is still this one.
        """
        return self._call(
            DEPRECATE,
            reference=reference_of(model_id),
            reason=reason,
            successor=selector_of(successor),
            undo=undo,
            if_match=if_match,
        )

    def delete_model(self, model_id: str, force: bool = False, *, if_match: int | None = None) -> Deleted:
        """Delete a version; or a whole model with its versions, where only its name is given.

        Args:
            model_id: the version, or the name of the model.
            force: delete also what an alias, a child, production, a snapshot, or a version of the model holds; never
                what an endpoint serves, or a live deployment needs.
            if_match: demand that the revision is still this one.

        Raises:
            InUse: something holds it; `details["holders"]` lists what.
        """
        if not isinstance(force, bool):
            raise InvalidRequest(f"force is {force!r}, not True or False")
        return self._call(DELETE, reference=reference_of(model_id), force=force, if_match=if_match)

    def rename_model(
        self, name: str, new_name: str, *, force: bool = False, if_match: int | None = None
    ) -> ModelRecord:
        """Give a model another name; its versions, aliases and history stay, and the old name is free at once.

        Args:
            name: the model.
            new_name: the name that it shall have.
            force: rename it also where an endpoint of it serves; whoever calls it by the old name gets an error then.
            if_match: demand that the model's revision is still this one.

        Raises:
            ModelExists: another model has the new name.
            InUse: an endpoint of the model serves; `details["holders"]` names it.
        """
        return self._call(RENAME_MODEL, name=name_of(name), new_name=name_of(new_name), force=force, if_match=if_match)
