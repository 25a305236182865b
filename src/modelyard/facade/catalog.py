"""Finding models and versions, and adding to what is recorded of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from modelyard.domain.wire import AliasRecord, EventRecord, ModelRecord, Resolved, VersionRecord
from modelyard.errors import InvalidName
from modelyard.facade.arguments import (
    LABEL,
    alias_of,
    metadata_of,
    moment_of,
    name_of,
    reference_of,
    selected,
    selector_of,
    stage_of,
    taken,
)
from modelyard.facade.base import Base
from modelyard.facade.deprecated import warned
from modelyard.operations import (
    BEST,
    DELETE_ALIAS,
    DESCRIBE_MODEL,
    GET_VERSION,
    LATEST,
    LIST_ALIASES,
    LIST_ALL_VERSIONS,
    LIST_EVENTS,
    LIST_MODELS,
    LIST_VERSIONS,
    RESOLVE,
    SEARCH,
    SET_ALIAS,
    UPDATE_METRICS,
    UPDATE_MODEL,
    UPDATE_VERSION,
)


class Catalog(Base):
    """The methods of `ModelRegistry` that find and describe."""

    def get_model(
        self,
        model_id: str,
        version: str | int | None = None,
        *,
        stage: str | None = None,
        as_of: str | date | datetime | None = None,
    ) -> VersionRecord:
        """Return everything that is recorded about a version.

        Args:
            model_id: an id or any other reference; or the name of a model, with one of the following.
            version: a SemVer, a range or a number within the model.
            stage: a stage; its highest version is meant.
            as_of: the record as it was at a moment, and the reference as it was then: ISO 8601, a date (its beginning,
                in UTC), or a datetime with a time zone.

        Raises:
            VersionNotFound, ModelNotFound, AliasNotFound: nothing answers to it.
        """
        reference = selected(model_id, version, stage)
        return self._call(GET_VERSION, reference=reference, as_of=moment_of("as_of", as_of))

    def resolve(self, reference: str, *, as_of: str | date | datetime | None = None) -> Resolved:
        """Tell in short which version a reference names now, or named at a moment.

        A deprecated one is told with a `DeprecatedVersionWarning`, its reason and its successor.
        """
        found = self._call(RESOLVE, reference=reference_of(reference), as_of=moment_of("as_of", as_of))
        warned(found)
        return found

    def get_latest_version(self, name: str, *, stage: str | None = None) -> VersionRecord:
        """Return a model's highest version by SemVer, or the highest in a stage; it equals its id."""
        return self._call(LATEST, name=name_of(name), stage=stage_of(stage))

    def get_best_model(
        self, name: str, metric: str, *, stage: str | None = None, direction: str | None = None
    ) -> VersionRecord:
        """Return the version with the best value of a metric; it equals its id.

        Args:
            name: the model's name.
            metric: the name under which the metric was registered.
            stage: only versions that stand in it.
            direction: "higher" or "lower", for metrics of which modelyard does not know what is better.

        Raises:
            InvalidMetric: it is not known what is better.
            VersionNotFound: no version has the metric.
        """
        return self._call(BEST, name=name_of(name), metric=metric, stage=stage_of(stage), direction=direction)

    def list_models(
        self,
        stage: str | None = None,
        limit: int | None = None,
        label: str | None = None,
        name: str | None = None,
    ) -> list[VersionRecord]:
        """Return the versions of all models, the newest first; `models()` lists the models themselves.

        Args:
            stage: only versions that stand in it.
            limit: the most to return; None for all.
            label: only versions with this label.
            name: only versions of this model.
        """
        if name is not None:
            return self.list_versions(name, stage=stage, label=label, limit=limit)
        filters = {"stage": stage_of(stage), "label": label}
        return self._all(LIST_ALL_VERSIONS, lambda page: page.versions, limit=limit, **filters)

    def list_versions(
        self,
        name: str,
        *,
        stage: str | None = None,
        label: str | None = None,
        limit: int | None = None,
        as_of: str | date | datetime | None = None,
    ) -> list[VersionRecord]:
        """Return the versions of one model, the newest first, now or as they were at a moment.

        The arguments are those of `list_models`; `as_of` is that of `get_model`.
        """
        wanted = {"stage": stage_of(stage), "label": label, "as_of": moment_of("as_of", as_of)}
        return self._all(LIST_VERSIONS, lambda page: page.versions, limit=limit, name=name_of(name), **wanted)

    def models(
        self,
        *,
        owner: str | None = None,
        team: str | None = None,
        tag: str | None = None,
        stage: str | None = None,
        limit: int | None = None,
    ) -> list[ModelRecord]:
        """Return the models by name, also those without versions.

        Args:
            owner: only models of this owner.
            team: only models of this team.
            tag: only models with this tag: "key", with any value, or "key=value".
            stage: only models of which a version stands in this stage.
            limit: the most to return; None for all.
        """
        filters = {"owner": owner, "team": team, "tag": tag, "stage": stage_of(stage)}
        return self._all(LIST_MODELS, lambda page: page.models, limit=limit, **filters)

    def describe_model(self, name: str, *, as_of: str | date | datetime | None = None) -> ModelRecord:
        """Return one model, now or at a moment: owner, tags, latest version, who stands in which stage, aliases."""
        return self._call(DESCRIBE_MODEL, name=name_of(name), as_of=moment_of("as_of", as_of))

    def search_models(
        self,
        query: str,
        *,
        stage: str | None = None,
        owner: str | None = None,
        team: str | None = None,
        tag: str | None = None,
        limit: int | None = 50,
    ) -> list[VersionRecord]:
        """Return the versions that have every word of the query, or words that begin so, the newest first.

        Looked at are name, version, description, tags, framework, kind of model, architecture, owner and team.

        Args:
            query: the words.
            stage: only versions that stand in it.
            owner: only versions of this owner; what a version does not say of its own, here and in what follows, its
                model says for it.
            team: only versions of this team.
            tag: only versions with this tag: "key", with any value, or "key=value".
            limit: the most to return; None for all.
        """
        filters = {"stage": stage_of(stage), "owner": owner, "team": team, "tag": tag}
        return self._all(SEARCH, lambda page: page.versions, limit=limit, q=query, **filters)

    def get_history(self, reference: str | None = None, *, limit: int | None = None) -> list[EventRecord]:
        """Return what happened, the oldest first: to a model (by its name), to one version, or to everything."""
        return self._all(LIST_EVENTS, lambda page: page.events, limit=limit, **_subject(reference))

    def update_model(
        self,
        name: str,
        *,
        description: str | None = None,
        owner: str | None = None,
        team: str | None = None,
        tags: Mapping[str, Any] | None = None,
        if_match: int | None = None,
    ) -> ModelRecord:
        """Change a model's description, owner, team or tags; what is None stays, and a tag set to None is removed.

        Raises:
            PreconditionFailed: `if_match` is given, and the model's revision is another one.
        """
        changes = {"description": description, "owner": owner, "team": team, "if_match": if_match}
        return self._call(UPDATE_MODEL, name=name_of(name), tags=_tag_changes(tags), **changes)

    def update_version(self, model_id: str, *, if_match: int | None = None, **metadata: Any) -> VersionRecord:
        """Record more about a version, or correct it; files never change.

        Args:
            model_id: the version.
            if_match: demand that the version's revision is still this one.
            **metadata: the fields of `register_model`; each replaces what was there, but tags are merged, and a tag set
                to None is removed. label (or status) changes the label; an empty one removes it. allow_breaking may
                come with schemas that break callers whom the version's number promises to serve.

        Raises:
            PreconditionFailed: the version has another revision.
            BreakingChange: the schemas break such callers, and allow_breaking does not say why they may.
        """
        given = dict(metadata)
        label = taken(given, LABEL)
        tags = given.pop("tags", None)
        fields = metadata_of("update_version", given)
        if tags is not None:
            fields["tags"] = _tag_changes(tags)
        reference = reference_of(model_id)
        return self._call(UPDATE_VERSION, reference=reference, metadata=fields, status=label, if_match=if_match)

    def set_tags(self, model_id: str, tags: Mapping[str, Any]) -> VersionRecord:
        """Set tags of a version; others stay, and a tag set to None is removed."""
        return self.update_version(model_id, tags=tags)

    def update_model_metrics(
        self,
        model_id: str,
        metrics: Mapping[str, float] | None = None,
        *,
        training_metrics: Mapping[str, float] | None = None,
        validation_metrics: Mapping[str, float] | None = None,
        if_match: int | None = None,
    ) -> VersionRecord:
        """Add to or correct the metrics of a version; metrics that are not named stay.

        Raises:
            InvalidMetric: a value is no finite number.
        """
        given = {
            "metrics": metrics,
            "training_metrics": training_metrics,
            "validation_metrics": validation_metrics,
        }
        fields = metadata_of("update_model_metrics", given)
        return self._call(UPDATE_METRICS, reference=reference_of(model_id), if_match=if_match, **fields)

    def set_alias(self, name: str, alias: str, version: str | int, *, if_match: int | None = None) -> AliasRecord:
        """Point an alias of a model to a version.

        Args:
            name: the model's name.
            alias: such as "champion".
            version: a SemVer, a number, an id, or any reference to a version of this model.
            if_match: demand that the alias's revision is still this one; 0 demands that it is new.
        """
        target = selector_of(version)
        return self._call(SET_ALIAS, name=name_of(name), alias=alias_of(alias), version=target, if_match=if_match)

    def delete_alias(self, name: str, alias: str, *, if_match: int | None = None) -> list[AliasRecord]:
        """Remove an alias, and return those that are left."""
        return self._call(DELETE_ALIAS, name=name_of(name), alias=alias_of(alias), if_match=if_match).aliases

    def list_aliases(self, name: str, *, as_of: str | date | datetime | None = None) -> list[AliasRecord]:
        """Return a model's aliases by name, now or as they were at a moment."""
        return self._call(LIST_ALIASES, name=name_of(name), as_of=moment_of("as_of", as_of)).aliases


def _subject(reference: object) -> dict[str, str]:
    """Whose events are meant: those of a model, by its bare name, of a version, or all."""
    if reference is None:
        return {}
    try:
        return {"name": name_of(reference)} if not isinstance(reference, VersionRecord) else {"reference": reference.id}
    except InvalidName:
        return {"reference": reference_of(reference)}


def _tag_changes(tags: object) -> dict[str, str | None] | None:
    """Tags checked and as text; those set to None stay None."""
    if not isinstance(tags, Mapping):
        return None if tags is None else metadata_of("tags", {"tags": tags})
    removed = {str(key): None for key, value in tags.items() if value is None}
    kept = metadata_of("tags", {"tags": {key: value for key, value in tags.items() if value is not None}})
    return {**kept.get("tags", {}), **removed}
