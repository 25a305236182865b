"""Publish: make a model, make a version of it.

Rules
- A version is whole or absent: its row, its manifest, its number, its words and its event are one transaction, and that
  transaction looks whether every file is in the store before it ends.
- Numbers count up by one; a SemVer is taken for ever, also after its version was deleted.
- Without a SemVer the first version is 0.1.0, and a later one follows the highest there ever was by a patch.
- A version may enter in the initial stage, or in one that a legal move reaches from there; never past a gate.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Row, exc

from modelyard.domain import checks
from modelyard.domain import metadata as rules
from modelyard.domain.manifest import Manifest
from modelyard.domain.names import model_name
from modelyard.domain.permissions import LOCAL, Principal
from modelyard.domain.search import document as search_document
from modelyard.domain.stages import ModelStage, normalise_stage
from modelyard.domain.versions import SemVer, next_version, precedence_key
from modelyard.domain.wire import METADATA_FIELDS, ModelRecord, VersionRecord
from modelyard.errors import Conflict, InvalidArtifact, InvalidTransition, ModelExists, VersionExists
from modelyard.metadata import journal, manifests, models, search, versions
from modelyard.metadata.database import known
from modelyard.operations import CREATE_MODEL, REGISTER_VERSION, CreateModel, RegisterVersion
from modelyard.registry.context import Context, Yard
from modelyard.registry.dispatch import change, serves
from modelyard.registry.lookup import find, find_model, model_record, record
from modelyard.registry.views import mark_stale

NO_FILES = Manifest(files=())
ATTEMPTS = 10


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

    def use_case(context: Context, _request: object) -> VersionRecord:
        return register(context, request, manifest)

    asked = (request, manifest.digest)
    return change(yard, "upload", VersionRecord, asked, use_case, principal=principal, idempotency_key=idempotency_key)


def register(context: Context, request: RegisterVersion, manifest: Manifest) -> VersionRecord:
    """Register a version in the transaction of the context."""
    document = _document(request)
    model = _model_for(context, request)
    version = _free_version(context, model, request.version)
    stage = _entry_stage(context, request.stage)
    parent_id = _parent(context, request.parent)
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
        "parent_id": parent_id,
        "digest": manifest.digest if manifest.files else "",
        "model_hash": manifest.model_hash if manifest.files else "",
        "size": manifest.total_size,
        "framework": document.get("framework", "")[:100],
        "document": encode(document),
        "created_at": context.now,
        "updated_at": context.now,
    }
    seq = versions.add(context.tx, values, rules.performance(document))
    stored = Stored(seq, str(values["id"]), model.name, version.text)
    index_words(context, stored, document)
    _tell(context, model, values, document)
    mark_stale(context, stored)
    return record(context, known(versions.by_id(context.tx, stored.id)))


def encode(document: dict[str, Any]) -> str:
    """Return a metadata document as the text that is stored."""
    return msgspec.json.encode(document).decode()


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
    given = {name: getattr(request, name) for name in METADATA_FIELDS}
    return rules.check_fields({name: value for name, value in given.items() if value not in ("", None, {}, [])})


def _model_for(context: Context, request: RegisterVersion) -> Row[Any]:
    if not request.create:
        return find_model(context, request.name, lock=True)
    wanted = CreateModel(name=model_name(request.name), owner=request.owner, team=request.team)
    for _ in range(ATTEMPTS):
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
    journal.append(context.tx, model_id=model_id, kind="model.created", at=context.now, actor=context.actor, data=facts)
    return models.by_id(context.tx, model_id)


def _free_version(context: Context, model: Row[Any], text: str | None) -> SemVer:
    if text is None:
        highest = versions.highest_ever(context.tx, model.id)
        version = next_version([SemVer.parse(highest)] if highest else [])
        while versions.is_taken(context.tx, model.id, version.text):
            version = version.bump("patch")
        return version
    version = SemVer.parse(text)
    if versions.is_taken(context.tx, model.id, version.text):
        raise VersionExists(
            f"{model.name} has, or had, a version {version.text}", details={"name": model.name, "version": version.text}
        )
    return version


def _entry_stage(context: Context, text: str) -> ModelStage:
    graph = context.yard.graph
    stage = normalise_stage(graph, text) if text else context.yard.default_stage
    if not graph.can_start_in(stage):
        raise InvalidTransition(
            f"Invalid transition: a new version cannot start in {stage}",
            hint=f"register it in {graph.initial}, then promote it",
        )
    return stage


def _parent(context: Context, text: str | None) -> str | None:
    if not text:
        return None
    row = find(context, text)
    versions.hold(context.tx, row.id)
    # Held, it stays; but until then another transaction may have deleted it.
    return str(find(context, row.id).id)


def _check_files(context: Context, manifest: Manifest) -> None:
    """Make sure, under a lock that keeps collectors away, that every file is still in the store."""
    context.tx.guard_artifacts(alone=False)
    for entry in manifest.files:
        if not context.yard.store.exists(entry.blake3):
            raise InvalidArtifact(
                f"the file {entry.path!r} is not in the store any more", hint="repeat the registration"
            )


def _tell(context: Context, model: Row[Any], values: dict[str, Any], document: dict[str, Any]) -> None:
    facts = {
        key: values[key]
        for key in ("number", "version", "stage", "label", "digest", "model_hash", "size")
        if values[key] != ""
    }
    if values["parent_id"]:
        facts["parent_id"] = values["parent_id"]
    facts["metadata"] = document
    journal.append(
        context.tx,
        model_id=model.id,
        kind="version.registered",
        at=context.now,
        actor=context.actor,
        version_id=values["id"],
        data=facts,
    )
