"""What a file of a desired state can speak of: how each is looked up, compared, changed and written down.

Values are brought into the form in which the registry shows them before they are compared: an alias's version becomes
its SemVer, a stage graph gets its settled form.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar

from modelyard.domain.desired import ALIAS, GRAPH, MODEL, REGISTRY_GRAPH, TAG, Desired, Wish
from modelyard.domain.drift import CREATE, REMOVE, Present, Step
from modelyard.domain.graph_documents import graph_document, parse_graph
from modelyard.domain.wire import GraphRecord, ModelRecord
from modelyard.errors import InUse, InvalidConfig, ModelNotFound, ModelyardError, VersionNotFound
from modelyard.facade.arguments import selected
from modelyard.facade.base import Base
from modelyard.operations import (
    CREATE_MODEL,
    DELETE,
    DELETE_ALIAS,
    DESCRIBE_MODEL,
    GET_GRAPH,
    GET_MODEL_GRAPH,
    LIST_ALIASES,
    LIST_MODELS,
    RESET_MODEL_GRAPH,
    RESOLVE,
    SET_ALIAS,
    SET_GRAPH,
    SET_MODEL_GRAPH,
    UPDATE_MODEL,
)

_HELD = "a file removes no versions: `modelyard delete MODEL --force` deletes a model with them"
_WORDS = ("description", "owner", "team")


class Resource(Base):
    """One kind of thing."""

    kind: ClassVar[str]

    def settle(self, desired: Desired) -> Desired:
        """The wishes of this kind in the registry's own words; the others as they are."""
        mine = {wish.key: self.settled(wish, desired) for wish in self.wishes(desired) if not wish.absent}
        wishes = (mine.get(wish.key, wish) if wish.kind == self.kind else wish for wish in desired.wishes)
        return replace(desired, wishes=tuple(wishes))

    def settled(self, wish: Wish, desired: Desired) -> Wish:  # noqa: ARG002 - for those that need it
        """One wish in the registry's own words."""
        return wish

    def wishes(self, desired: Desired) -> list[Wish]:
        """The wishes of this kind."""
        return [wish for wish in desired.wishes if wish.kind == self.kind]

    def present(self, desired: Desired) -> dict[str, Present]:
        """What there is by key, as far as the file is concerned with it."""
        raise NotImplementedError

    def check(self, step: Step) -> None:
        """Refuse a step that cannot be made, before the first one is."""

    def make(self, step: Step) -> None:
        """Make one step."""
        raise NotImplementedError

    def dump(self, document: dict[str, Any]) -> None:
        """Write what there is into a document."""
        raise NotImplementedError

    def models(self) -> list[ModelRecord]:
        """All models by name."""
        return self._all(LIST_MODELS, lambda page: page.models, limit=None)


class Models(Resource):
    """Models, with their tags as fields of their own."""

    kind = MODEL

    def present(self, desired: Desired) -> dict[str, Present]:
        """The models that the file names; all where it says which ones there shall be."""
        if MODEL in desired.pruned:
            return {record.name: _model(record) for record in self.models()}
        found = {}
        for wish in self.wishes(desired):
            with suppress(ModelNotFound):
                found[wish.key] = _model(self._call(DESCRIBE_MODEL, name=wish.key))
        return found

    def make(self, step: Step) -> None:
        """Create, change or delete a model."""
        if step.action == REMOVE:
            try:
                self._call(DELETE, reference=step.key, if_match=step.revision)
            except InUse as error:
                # The plan was made before; there is no file that removes versions, whatever the error advises.
                error.hint = _HELD
                raise
            return
        fields = {name: value for name, value in step.wanted.items() if name in _WORDS}
        tags = {name.removeprefix(TAG): value for name, value in step.wanted.items() if name.startswith(TAG)}
        if step.action == CREATE:
            kept = {key: value for key, value in tags.items() if value is not None}
            self._call(CREATE_MODEL, name=step.key, tags=kept, **fields)
        else:
            self._call(UPDATE_MODEL, name=step.key, tags=tags, if_match=step.revision, **fields)

    def dump(self, document: dict[str, Any]) -> None:
        """Write every model with what is said about it and its aliases."""
        document["models"] = {
            record.name: {
                key: value
                for key in (*_WORDS, "tags", "aliases")
                if (value := getattr(record, key))
            }
            for record in self.models()
        }  # fmt: skip


class Aliases(Resource):
    """Aliases; one that is wished for by a range or a number points to the version that this names now."""

    kind = ALIAS

    def settled(self, wish: Wish, desired: Desired) -> Wish:  # noqa: ARG002 - the base's signature
        """The wish with the version's SemVer."""
        model = wish.key.rpartition("@")[0]
        try:
            found = self._call(RESOLVE, reference=selected(model, wish.fields["version"]))
        except ModelNotFound:
            message = f"the model {model!r} has no versions yet, and so {wish.key} has nothing to point to"
            hint = "register a version, and apply the file again; until then leave the alias out"
            raise located(wish, VersionNotFound(message, hint=hint)) from None
        except ModelyardError as error:
            raise located(wish, error) from None
        return replace(wish, fields={"version": found.version})

    def present(self, desired: Desired) -> dict[str, Present]:
        """The aliases of all models of which the file names one, or says which ones there shall be."""
        names = dict.fromkeys(wish.key.rpartition("@")[0] for wish in self.wishes(desired))
        found = {}
        for name in dict.fromkeys([*names, *sorted(desired.pruned_aliases)]):
            with suppress(ModelNotFound):
                for record in self._call(LIST_ALIASES, name=name).aliases:
                    fields = {"version": record.version}
                    found[f"{name}@{record.alias}"] = Present(fields=fields, revision=record.revision)
        return found

    def make(self, step: Step) -> None:
        """Set or remove an alias."""
        name, _, alias = step.key.rpartition("@")
        if step.action == REMOVE:
            self._call(DELETE_ALIAS, name=name, alias=alias, if_match=step.revision)
        else:
            version = step.wanted["version"]
            self._call(SET_ALIAS, name=name, alias=alias, version=version, if_match=step.revision)

    def dump(self, document: dict[str, Any]) -> None:
        """Aliases stand with their models."""


class Graphs(Resource):
    """Stage graphs: the registry's, and those of models that have one of their own."""

    kind = GRAPH

    def settled(self, wish: Wish, desired: Desired) -> Wish:  # noqa: ARG002 - the base's signature
        """The wish with the graph in its settled form."""
        document = wish.fields["document"]
        try:
            settled = graph_document(parse_graph(document))
        except InvalidConfig:
            # The registry may know gates that were added to it; it checks the graph without setting it.
            try:
                settled = self._call(SET_GRAPH, document=dict(document), dry_run=True).document
            except ModelyardError as error:
                raise located(wish, error) from None
        return replace(wish, fields={"document": settled})

    def present(self, desired: Desired) -> dict[str, Present]:
        """The graphs that the file names or takes away, where they are a model's own or the registry's."""
        found = {}
        for key in dict.fromkeys([*(wish.key for wish in self.wishes(desired)), *sorted(desired.pruned_graphs)]):
            record = self._graph(key)
            if record is not None and (record.own or key == REGISTRY_GRAPH):
                found[key] = Present(fields={"document": record.document}, revision=record.revision)
        return found

    def make(self, step: Step) -> None:
        """Set a graph, or let a model follow the registry's again."""
        if step.action == REMOVE:
            self._call(RESET_MODEL_GRAPH, name=step.key, if_match=step.revision)
        elif step.key == REGISTRY_GRAPH:
            self._call(SET_GRAPH, document=step.wanted["document"], if_match=step.revision)
        else:
            self._call(SET_MODEL_GRAPH, name=step.key, document=step.wanted["document"], if_match=step.revision)

    def dump(self, document: dict[str, Any]) -> None:
        """Write the registry's graph if it was ever set, and those of models that have their own."""
        record = self._graph(REGISTRY_GRAPH)
        if record is not None and record.own:
            document["stages"] = record.document
        models: Mapping[str, dict[str, Any]] = document.get("models", {})
        for name, facts in models.items():
            own = self._graph(name)
            if own is not None and own.own:
                facts["stages"] = own.document

    def _graph(self, key: str) -> GraphRecord | None:
        if key == REGISTRY_GRAPH:
            return self._call(GET_GRAPH)
        with suppress(ModelNotFound):
            return self._call(GET_MODEL_GRAPH, name=key)
        return None


def _model(record: ModelRecord) -> Present:
    tags = {TAG + key: value for key, value in record.tags.items()}
    fields = {**{name: getattr(record, name) for name in _WORDS}, **tags}
    versions = f"{record.versions} version{'' if record.versions == 1 else 's'}"
    held = f"it has {versions}; `modelyard delete {shlex.quote(record.name)} --force` deletes them with it"
    return Present(fields=fields, revision=record.revision, held=held if record.versions else "")


def located(wish: Wish, error: ModelyardError) -> ModelyardError:
    """The error with the line of the wish that it is about."""
    if wish.where:
        error.message = f"line {wish.where}: {error.message}"
        error.details["line"] = wish.where
    return error
