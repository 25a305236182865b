"""Publish: make a model, make a version of it.

Rules
- A version is whole or absent: its row, its manifest, its number, its words and its event are one transaction, and that
  transaction looks whether every file is in the store before it ends.
- Numbers count up by one; a SemVer is taken for ever, also after its version was deleted.
- A SemVer promises that the signature goes on serving its callers; `numbering` chooses and judges it.
- A version may enter in the initial stage, or in one that a legal move reaches from there; never past a gate, and into
  any other than the usual stage only by who may move versions there.
- A version has files or a provider, never both. Where it has neither, and its model is named after a provider, that
  provider's usual model is written into its metadata, so that it is seen and stays.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Row, exc

from modelyard.artifacts.schemas import schemas_of_stored
from modelyard.domain import checks
from modelyard.domain import metadata as rules
from modelyard.domain.graph import StageGraph, normalise_stage
from modelyard.domain.manifest import Manifest
from modelyard.domain.names import model_name
from modelyard.domain.permissions import LOCAL, Principal
from modelyard.domain.provider import check_provider, implied
from modelyard.domain.search import document as search_document
from modelyard.domain.signature import Signature
from modelyard.domain.stages import ModelStage
from modelyard.domain.versions import precedence_key
from modelyard.domain.wire import METADATA_FIELDS, ModelRecord, VersionRecord
from modelyard.errors import Conflict, InvalidArtifact, InvalidMetadata, InvalidTransition, ModelExists
from modelyard.metadata import lineage, manifests, models, search, tags, versions
from modelyard.metadata.database import known
from modelyard.operations import CREATE_MODEL, REGISTER_VERSION, UPDATE_STAGE, CreateModel, RegisterVersion
from modelyard.registry.context import SEEING, Context, Yard
from modelyard.registry.dispatch import change, serves
from modelyard.registry.forwards import forward
from modelyard.registry.lookup import find, find_model, model_record, record
from modelyard.registry.numbering import number
from modelyard.registry.views import mark_stale

logger = logging.getLogger(__name__)

NO_FILES = Manifest(files=())
ATTEMPTS = 10
UPLOAD = replace(REGISTER_VERSION, name="upload")
"""Registering a version with files; no row, because files travel by other ways."""


class Stored(NamedTuple):
    """The facts about a version that the rest of a registration needs."""

    seq: int
    id: str
    name: str
    version: str


@serves(CREATE_MODEL)
def create_model(context: Context, request: CreateModel) -> ModelRecord:
    """Make a model without versions.

    Raises:
        ModelExists: a live model has the name.
    """
    context.require(CREATE_MODEL.permission, model_name(request.name))
    row = _add_model(context, request)
    if row is None:
        raise ModelExists(
            f"there is a model named {request.name!r} already",
            hint="register versions under it, or choose another name",
            details={"name": request.name},
        )
    return model_record(context, row)


@serves(REGISTER_VERSION)
def register_version(context: Context, request: RegisterVersion) -> VersionRecord:
    """Register a version without files."""
    return register(context, request, NO_FILES)


def publish(
    yard: Yard, request: RegisterVersion, manifest: Manifest, *, principal: Principal = LOCAL, idempotency_key: str = ""
) -> VersionRecord:
    """Register a version whose files are in the store already.

    Raises:
        VersionExists: the SemVer is taken.
        InvalidArtifact: there is no file, or one has left the store meanwhile.
    """
    if not manifest.files:
        raise InvalidArtifact("there is no file to register", hint="give a file or a folder with files in it")

    # Files are read before the transaction begins, which holds the model's lock.
    complete = _with_schemas(yard, request, manifest)

    def use_case(context: Context, _request: object) -> VersionRecord:
        return register(context, complete, manifest)

    asked = (request, manifest.digest)
    principal.require(UPLOAD.permission)
    return change(yard, UPLOAD, asked, use_case, principal=principal, idempotency_key=idempotency_key)


def register(context: Context, request: RegisterVersion, manifest: Manifest) -> VersionRecord:
    """Register a version in the transaction of the context."""
    document = _document(request)
    model = _model_for(context, request)
    _settle_provider(context, model.name, document, manifest)
    parent = _parent(context, request.parent)
    version, broken = number(context, model, request.version, document, parent)
    if not broken:
        document.pop("allow_breaking", None)
    stage = _entry_stage(context, context.graphs.of(model.id), request.stage)
    if stage != context.yard.default_stage:
        context.require(UPDATE_STAGE.permission, model.name, stage)
    _check_files(context, manifest)
    manifests.add(context.tx, manifest)
    values = {
        "id": context.yard.new_id("mv"),
        "model_id": model.id,
        "number": models.take_number(context.tx, model, context.now),
        "version": version.text,
        "precedence": precedence_key(version),
        "label": checks.check_label(request.status),
        "stage": str(stage),
        "status": "READY",
        "revision": 1,
        "parent_id": parent.id if parent is not None else None,
        "digest": manifest.digest if manifest.files else "",
        "model_hash": manifest.model_hash if manifest.files else "",
        "size": manifest.total_size,
        **columns(document),
        "source": document.get("source"),
        "created_at": context.now,
        "updated_at": context.now,
    }
    seq = versions.add(context.tx, values, rules.performance(document))
    stored = Stored(seq, str(values["id"]), model.name, version.text)
    index_words(context, stored, document)
    lineage.index(context.tx, seq, model.id, document)
    tags.of_version(context.tx, seq, document.get("tags", {}))
    _tell(context, model, values, document, broken)
    forward(context, model_id=model.id, version_id=stored.id, document=document)
    if manifest.files or "source" not in document:
        # What another system keeps has no files here, and so no tree to find them in.
        mark_stale(context, stored)
    return record(context, known(versions.by_id(context.tx, stored.id)))


def encode(document: dict[str, Any]) -> str:
    """Return a metadata document as the text that is stored."""
    return msgspec.json.encode(document).decode()


def columns(document: dict[str, Any]) -> dict[str, Any]:
    """Return what a version's row holds of its metadata document: the document, and copies of fields to search by."""
    return {
        "document": encode(document),
        "framework": document.get("framework", "")[:100],
        "signature": Signature.of(document).fingerprint,
        "run_id": document.get("training_run_id", "")[: tags.HEAD],
        "owner": document.get("owner", "")[: tags.HEAD],
        "team": document.get("team", "")[: tags.HEAD],
    }


def index_words(context: Context, stored: Any, document: dict[str, Any]) -> None:
    """Store the words by which a version is found; `stored` needs `seq`, `name` and `version`."""
    tags = document.get("tags", {})
    parts = (
        stored.name,
        stored.version,
        document.get("description", ""),
        document.get("framework", ""),
        document.get("model_type", ""),
        document.get("architecture", ""),
        document.get("owner", ""),
        document.get("team", ""),
        *tags,
        *tags.values(),
    )
    search.index(context.tx, stored.seq, search_document(parts))


def _document(request: RegisterVersion) -> dict[str, Any]:
    """Check a request's metadata and leave out what is empty."""
    rules.check_extra(request.extra)
    given = {name: getattr(request, name) for name in METADATA_FIELDS}
    return rules.check_fields({name: value for name, value in given.items() if value not in ("", None, {}, [])})


def _settle_provider(context: Context, name: str, document: dict[str, Any], manifest: Manifest) -> None:
    """Refuse a provider beside files, and add the one that the model's name tells."""
    if manifest.files and "provider" in document:
        raise InvalidMetadata(
            "a version has files or a provider, and this one has both",
            hint="register what runs elsewhere without files: register_version(name, version, provider={…})",
        )
    found = {} if manifest.files or "source" in document else implied(name, context.yard.llm_models)
    if found and "provider" not in document:
        document["provider"] = check_provider(found)


def _model_for(context: Context, request: RegisterVersion) -> Row[Any]:
    if not request.create:
        return find_model(context, request.name, lock=True)
    wanted = CreateModel(name=model_name(request.name), owner=request.owner, team=request.team)
    context.require(context.permission, wanted.name)
    for _ in range(ATTEMPTS):
        if models.by_name(context.tx, wanted.name) is None:
            context.require(CREATE_MODEL.permission, wanted.name)
        _add_model(context, wanted)
        row = models.lock(context.tx, wanted.name)
        # None: another transaction deleted the model while this one waited for its lock.
        if row is not None:
            return row
    raise Conflict(
        f"the model {wanted.name!r} is being deleted and made by others all the time", hint="repeat it later"
    )


def _add_model(context: Context, request: CreateModel) -> Row[Any] | None:
    """Insert a model and its first event; None if a live model has the name."""
    name = model_name(request.name)
    checked = {
        "description": checks.check_text("description", request.description),
        "owner": checks.check_text("owner", request.owner, 250),
        "team": checks.check_text("team", request.team, 250),
        "tags": checks.check_tags(request.tags),
    }
    if models.by_name(context.tx, name) is not None:
        return None
    model_id = context.yard.new_id("md")
    try:
        with context.tx.savepoint():
            models.add(context.tx, {"id": model_id, "name": name, "at": context.now, **checked})
    except exc.IntegrityError:
        # Another transaction made it between the look and the insert; the unique name is what decides.
        return None
    models.lock_by_id(context.tx, model_id)
    facts = {"id": model_id, **{key: value for key, value in checked.items() if value}}
    context.tell(model_id=model_id, kind="model.created", data=facts)
    return models.by_id(context.tx, model_id)


def _with_schemas(yard: Yard, request: RegisterVersion, manifest: Manifest) -> RegisterVersion:
    """Add the schemas that the files tell and the caller does not."""
    if request.input_schema and request.output_schema:
        return request
    told = schemas_of_stored(yard.store, manifest, lambda trouble: logger.warning("%s: %s", request.name, trouble))
    inputs, outputs = (told.get(name, {}) for name in ("input_schema", "output_schema"))
    return replace(request, input_schema=request.input_schema or inputs, output_schema=request.output_schema or outputs)


def _entry_stage(context: Context, graph: StageGraph, text: str) -> ModelStage:
    stage = normalise_stage(graph, text) if text else context.yard.default_stage
    if not text and not (stage in graph.stages and graph.can_start_in(stage)):
        stage = graph.initial
    if not graph.can_start_in(stage):
        raise InvalidTransition(
            f"Invalid transition: a new version cannot start in {stage}",
            hint=f"register it in {graph.initial}, then promote it",
        )
    return stage


def _parent(context: Context, text: str | None) -> Row[Any] | None:
    if not text:
        return None
    row = find(context, text, permission=SEEING)
    versions.hold(context.tx, row.id)
    # Held, it stays; but until then another transaction may have deleted it.
    return find(context, row.id, permission=SEEING)


def _check_files(context: Context, manifest: Manifest) -> None:
    """Make sure, under a lock that keeps collectors away, that every file is still in the store."""
    context.tx.guard_artifacts(alone=False)
    for entry in manifest.files:
        if not context.yard.store.exists(entry.blake3):
            raise InvalidArtifact(
                f"the file {entry.path!r} is not in the store any more", hint="repeat the registration"
            )


def _tell(
    context: Context, model: Row[Any], values: dict[str, Any], document: dict[str, Any], broken: dict[str, Any]
) -> None:
    facts = {
        key: values[key]
        for key in ("number", "version", "stage", "label", "digest", "model_hash", "size")
        if values[key] != ""
    }
    if values["parent_id"]:
        facts["parent_id"] = values["parent_id"]
    if broken:
        facts["allow_breaking"] = {"reason": document["allow_breaking"], **broken}
    facts["metadata"] = document
    context.tell(
        model_id=model.id,
        kind="version.registered",
        version_id=values["id"],
        data=facts,
    )
