"""Making models and versions."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelyard.domain.wire import ModelRecord
from modelyard.errors import InvalidArtifact, InvalidRequest, ModelyardError
from modelyard.facade.arguments import (
    LABEL,
    PARENT,
    build,
    metadata_of,
    name_of,
    reference_of,
    selector_of,
    stage_of,
    taken,
)
from modelyard.facade.base import Base
from modelyard.facade.caller import Caller, Progress
from modelyard.facade.sources import names_a_model, opened_source
from modelyard.integrations.git import GitRepository
from modelyard.operations import CREATE_MODEL, REGISTER_VERSION, RegisterVersion


class Publishing(Base):
    """The methods of `ModelRegistry` that make something new."""

    def __init__(self, caller: Caller, *, repository: Path | None = None) -> None:
        super().__init__(caller)
        self._repository = repository

    def register_model(
        self,
        model: object = None,
        name: str | None = None,
        version: str | None = None,
        *,
        stage: str | None = None,
        input_example: object = None,
        progress: Progress | None = None,
        **metadata: Any,
    ) -> str:
        """Register a model object, a file or a folder as a new version, and make the model if it is new.

        `register_model("gemini", "Google Gemini LLM")` makes a model without versions instead, as `create_model` does,
        and returns its id: two texts and nothing else, where the first is a name and no path (no separator, no file
        suffix, nothing of that name on disk) and is a provider's name, or the second has a blank as descriptions have.

        Args:
            model: a fitted model (scikit-learn, or any object that pickles), or the path of a file or folder.
            name: the model's name.
            version: a semantic version; without it 0.1.0, or the highest there ever was plus a major, minor or patch
                number, as the change of the signature demands.
            stage: where the version enters; development unless the configuration says otherwise.
            input_example: some rows of input; the first ones are stored, and tell the input schema.
            progress: called with the number of bytes done since the last call.
            **metadata: any field of `VersionRecord` that people record, also by its other common names: description,
                tags, performance_metrics (metrics), training_metrics, validation_metrics, metric_samples, sample_size,
                hyperparams (hyperparameters), data_lineage, training_data, data_version, code_version, created_by,
                owner, team, changelog, migration_notes, known_issues …; parent (the version that this one comes from);
                label or status (stable, beta, experimental); allow_breaking (why the number may promise more than the
                signature keeps); extra for everything else.

        Returns:
            The version's id, which every other method takes.

        Raises:
            InvalidArtifact: nothing lies at the path, it cannot be registered, or the object cannot be written.
            ModelExists: a model was to be made, and there is one of this name.
            InvalidMetadata, InvalidMetric, InvalidName, InvalidVersion: an argument cannot be recorded.
            VersionExists: the model has, or had, this version.
            BreakingChange: the signature breaks callers whom the number promises to serve; `details["changes"]` tells
                how, and `details["next_version"]` the number that may.
        """
        if version is stage is input_example is None and not metadata and names_a_model(model, name):
            return self.create_model(str(model), str(name)).id
        given = dict(metadata)
        model = taken({"model": model, "model_path": given.pop("model_path", None)}, ("model", "model_path"))
        name = taken({"name": name, "model_name": given.pop("model_name", None)}, ("name", "model_name"))
        if model is None:
            raise InvalidArtifact("the model is None", hint="give the fitted model, or the path of a file or folder")
        values = self._version_values("register_model", name, version, stage, given)
        return self._upload(model, {**values, "create": True}, input_example, progress)

    def register_version(
        self,
        name: str,
        version: str | None = None,
        status: str | None = None,
        *,
        model: object = None,
        stage: str | None = None,
        input_example: object = None,
        create: bool = False,
        **metadata: Any,
    ) -> str:
        """Register a version under a model that exists, with or without files, and return its id.

        A version without files stands for something that runs elsewhere, such as an LLM of a provider: `provider` says
        what, such as `provider={"kind": "gemini", "model": "…", "prompt": "Summarise: {input}"}`. Under a model named
        gemini, openai, anthropic or claude it may be left out, and that provider's usual model is recorded.

        Args:
            name: the model's name.
            version: as in `register_model`.
            status: the label: stable, beta or experimental.
            model: an object or a path, as in `register_model`; None for a version without files.
            stage: as in `register_model`.
            input_example: as in `register_model`; of a version with a provider, what its probes ask for.
            create: make the model if it is new.
            **metadata: as in `register_model`.

        Raises:
            ModelNotFound: there is no such model; `create_model` makes one.
            VersionExists: the model has, or had, this version.
        """
        given = {**metadata, "status": status}
        values = {**self._version_values("register_version", name, version, stage, given), "create": create}
        if model is not None:
            return self._upload(model, values, input_example, None)
        if input_example is not None:
            if "provider" not in values:
                raise InvalidRequest("an input example needs a model or a provider", hint="give input_schema instead")
            values |= metadata_of("register_version", {"input_example": input_example})
        return self._call(REGISTER_VERSION, **values).id

    def create_model(
        self,
        name: str,
        description: str = "",
        *,
        owner: str = "",
        team: str = "",
        tags: Mapping[str, Any] | None = None,
    ) -> ModelRecord:
        """Make a model that has no versions yet.

        Raises:
            ModelExists: there is one of this name.
        """
        checked = metadata_of("create_model", {"tags": tags})
        return self._call(
            CREATE_MODEL, name=name_of(name), description=description, owner=owner, team=team, tags=checked.get("tags")
        )

    def _version_values(
        self, method: str, name: object, version: object, stage: object, given: dict[str, Any]
    ) -> dict[str, Any]:
        """The fields of a `RegisterVersion`, of what the two methods above share."""
        parent = taken(given, PARENT)
        label = taken(given, LABEL)
        fields = metadata_of(method, given)
        commit = "" if "code_version" in fields else self._commit()
        return {
            **fields,
            **({"code_version": commit} if commit else {}),
            "name": name_of(name),
            "version": selector_of(version),
            "status": label,
            "stage": stage_of(stage),
            "parent": None if parent is None else reference_of(parent),
        }

    def _upload(
        self, model: object, values: dict[str, Any], input_example: object, progress: Progress | None, key: str = ""
    ) -> str:
        with opened_source(model, input_example) as source:
            extra = {**source.metadata.get("extra", {}), **values.get("extra", {})}
            merged = {**source.metadata, **values, **({"extra": extra} if extra else {})}
            request = build(RegisterVersion, merged)
            return self._caller.upload(request, source.path, progress=progress, idempotency_key=key).id

    def _commit(self) -> str:
        """The commit of the repository that the configuration names, and whether files differ from it.

        Empty where the configuration names none, or git says nothing.
        """
        if self._repository is None:
            return ""
        try:
            return GitRepository(self._repository).code_version()
        except ModelyardError as error:
            warnings.warn(f"versioning.git.enabled is on, and no commit is recorded: {error}", stacklevel=5)
            return ""


def register_arrival(
    registry: Publishing, name: str, version: str | None, folder: Path | None, facts: Mapping[str, Any], key: str
) -> str:
    """Register what comes from another system: once for each key, and without the commit of who happens to bring it.

    Args:
        registry: where to.
        name: the model, which is made if it is new.
        version: as in `register_model`.
        folder: the files; None where there are none.
        facts: metadata, and `parent` where there is one.
        key: repeats under one key, also at the same moment and from elsewhere, get the first answer; empty for none.

    Raises:
        IdempotencyConflict: the key was used with other facts.
        ModelyardError: as in `register_model`.
    """
    given = dict(facts)
    parent = given.pop("parent", None)
    values = {
        **metadata_of("import", given),
        "name": name_of(name),
        "version": selector_of(version),
        "parent": parent,
        "create": True,
    }
    # A part of the class that needs no name in its public interface.
    if folder is not None:
        return registry._upload(folder, values, None, None, key)  # noqa: SLF001 - see above
    request = build(RegisterVersion, values)
    return registry._caller.call(REGISTER_VERSION, request, idempotency_key=key).id  # noqa: SLF001 - see above
