"""Models and versions: what a registry is asked all day."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from modelyard.domain import wire
from modelyard.domain.contract import Operation

# ------------------------------------------------------------------------------------------------------------- requests


@dataclass(frozen=True, kw_only=True)
class CreateModel:
    """A model to be, still without versions."""

    name: str
    description: str = ""
    owner: str = ""
    team: str = ""
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class NamedModel:
    """A model, by its name."""

    name: str


@dataclass(frozen=True, kw_only=True)
class NamedModelThen(NamedModel):
    """A model, now or at a moment."""

    as_of: str = ""
    """ISO 8601; a date alone is its beginning, and without an offset it is UTC."""


@dataclass(frozen=True, kw_only=True)
class UpdateModel:
    """What to change about a model; what is left out stays."""

    name: str
    description: str | None = None
    owner: str | None = None
    team: str | None = None
    tags: dict[str, str | None] = field(default_factory=dict)
    """Tags to set; a tag set to null is removed."""
    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class ListModels:
    """A page of models that meet all of some conditions."""

    owner: str = ""
    team: str = ""
    tag: str = ""
    """Only with this tag: `key`, with any value, or `key=value`."""
    stage: str = ""
    """Only models of which a version stands in this stage."""
    limit: int = 100
    page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class ListVersions:
    """A page of one model's versions, in a stage or with a label if given, now or at a moment."""

    name: str
    stage: str = ""
    label: str = ""
    limit: int = 100
    page_token: str = ""
    as_of: str = ""
    """See `NamedModelThen`."""


@dataclass(frozen=True, kw_only=True)
class ListAllVersions:
    """A page of all versions, in a stage or with a label if given."""

    stage: str = ""
    label: str = ""
    limit: int = 100
    page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class Search:
    """Words to find versions by: all of them must occur, each at least as the beginning of a word.

    What a version does not say of its own of owner, team and tags, its model says for it.
    """

    q: str
    stage: str = ""
    owner: str = ""
    team: str = ""
    tag: str = ""
    """See `ListModels`."""
    limit: int = 50
    page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class Named:
    """A version, by any reference."""

    reference: str


@dataclass(frozen=True, kw_only=True)
class NamedThen(Named):
    """A version, by any reference, now or at a moment; the reference is resolved as it was then."""

    as_of: str = ""
    """See `NamedModelThen`."""


@dataclass(frozen=True, kw_only=True)
class RegisterVersion(wire.Metadata):
    """A version to be. `status` is its label; without `version` it gets the next free number."""

    name: str
    version: str | None = None
    status: str = ""
    stage: str = ""
    parent: str | None = None
    create: bool = False
    """Create the model if it does not exist yet."""


@dataclass(frozen=True, kw_only=True)
class UpdateVersion:
    """Metadata to set, by field name; what is left out stays. A tag set to null is removed."""

    reference: str
    metadata: dict[str, Any] = field(default_factory=dict)
    status: str | None = None
    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class UpdateMetrics:
    """Metrics to add or to correct; those that are not named stay."""

    reference: str
    metrics: dict[str, float] = field(default_factory=dict)
    training_metrics: dict[str, float] = field(default_factory=dict)
    validation_metrics: dict[str, float] = field(default_factory=dict)
    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class Promote:
    """A version, the stage that it shall enter, and what it must meet."""

    reference: str
    target_stage: str
    requirements: dict[str, Any] = field(default_factory=dict)
    archive_previous: bool | None = None
    """Whether who stands in the stage now is archived; by default as the stage graph says."""
    comment: str = ""
    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class UpdateStage:
    """A version, and the stage that it shall enter."""

    reference: str
    stage: str
    archive_previous: bool | None = None
    comment: str = ""
    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class Explained:
    """A version, and why something is done to it."""

    reference: str
    reason: str = ""
    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class Deprecate(Explained):
    """A version that is not to be used any more, why, and what to use instead; `undo` takes it back."""

    successor: str = ""
    undo: bool = False


@dataclass(frozen=True, kw_only=True)
class Delete:
    """A version, or a model by its bare name."""

    reference: str
    force: bool = False
    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class Rollback:
    """Where to go back to: a version, a snapshot, or what was before.

    Where the model has an endpoint in the environment and no stage is given, the endpoint goes back: to its last
    healthy snapshot, or to the version or snapshot that is named. Else the stage is given back to an earlier version.
    """

    reference: str
    version: str | None = None
    stage: str = ""
    snapshot: str = ""
    environment: str = ""
    """The endpoint's environment; production when left out."""
    reason: str = ""
    dry_run: bool = False
    """Only tell what a rollback of the endpoint would change."""
    force: bool = False
    """Go back also to a version that does not answer probes, or is deprecated."""
    deprecate: bool = True
    """Whether the version that is left is marked as not to be used any more: a rollback means that it was faulty."""


@dataclass(frozen=True, kw_only=True)
class SetAlias:
    """An alias, and the version that it shall point to: `3`, `1.4.2`, `^1.4`, `@other`, or a full reference."""

    name: str
    alias: str
    version: str
    if_match: int | None = None
    """The alias's revision that the caller saw; 0 demands that it does not exist yet."""


@dataclass(frozen=True, kw_only=True)
class NamedAlias:
    """An alias of a model."""

    name: str
    alias: str
    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class ListEvents:
    """A page of events, oldest first unless said otherwise: of one version, of one model, or of all."""

    name: str = ""
    reference: str = ""
    after: int = 0
    """The sequence of the last event that was seen; negative for the last so many."""
    types: list[str] = field(default_factory=list)
    """Only events of these types, such as `version.registered` or `version.*`."""
    actor: str = ""
    """Only what somebody of this name did."""
    until: str = ""
    """Only up to this moment, itself included; written as for `NamedModelThen`."""
    newest_first: bool = False
    """From the newest back, down to the one behind `after`."""
    limit: int = 100
    page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class Empty:
    """A request that says nothing."""


@dataclass(frozen=True, kw_only=True)
class CollectGarbage:
    """Whether to remove files or only to count them, and how young files are spared."""

    dry_run: bool = False
    grace_seconds: float = 3600.0
    """Files younger than this are kept: an upload may be about to use them."""


# ----------------------------------------------------------------------------------------------------------------- rows

_REF = "/api/models/{reference}"

CREATE_MODEL = Operation(
    "create_model", "POST", "/api/models/register", "model.create", CreateModel, wire.ModelRecord,
    "Create a model, still without versions", 201, {"name": "fraud", "description": "Flags card payments"},
)  # fmt: skip
LIST_MODELS = Operation(
    "list_models", "GET", "/api/models", "model.read", ListModels, wire.ModelPage, "List the models by name"
)
DESCRIBE_MODEL = Operation(
    "describe_model", "GET", "/api/models/{name}", "model.read", NamedModelThen, wire.ModelRecord, "Show one model"
)
UPDATE_MODEL = Operation(
    "update_model", "PATCH", "/api/models/{name}", "model.update", UpdateModel, wire.ModelRecord,
    "Change a model's description, owner, team or tags", example={"owner": "risk"},
)  # fmt: skip
LIST_ALL_VERSIONS = Operation(
    "list_all_versions", "GET", "/api/models/versions", "version.read", ListAllVersions, wire.VersionPage,
    "List all versions of all models, the newest first",
)  # fmt: skip
LIST_VERSIONS = Operation(
    "list_versions", "GET", "/api/models/{name}/versions", "version.read", ListVersions, wire.VersionPage,
    "List the versions of one model, the newest first",
)  # fmt: skip
SEARCH = Operation(
    "search", "GET", "/api/search", "version.read", Search, wire.VersionPage,
    "Find versions by words in their names, descriptions and tags",
)  # fmt: skip
REGISTER_VERSION = Operation(
    "register_version", "POST", "/api/models/{name}/versions/register", "version.create", RegisterVersion,
    wire.VersionRecord, "Register a version without files, such as one served by an LLM provider", 201,
    {"version": "1.0.0", "status": "stable"},
)  # fmt: skip
GET_VERSION = Operation(
    "get_version", "GET", _REF + "/metadata", "version.read", NamedThen, wire.VersionRecord,
    "Show everything that is recorded about a version",
)  # fmt: skip
RESOLVE = Operation(
    "resolve",
    "GET",
    _REF + "/resolve",
    "version.read",
    NamedThen,
    wire.Resolved,
    "Tell which version a reference names",
)
UPDATE_VERSION = Operation(
    "update_version", "PATCH", _REF + "/metadata", "version.update", UpdateVersion, wire.VersionRecord,
    "Add to or correct a version's metadata", example={"metadata": {"description": "Trained on March data"}},
)  # fmt: skip
UPDATE_METRICS = Operation(
    "update_metrics", "PATCH", _REF + "/metrics", "version.update", UpdateMetrics, wire.VersionRecord,
    "Add to or correct a version's metrics", example={"metrics": {"accuracy": 0.94}},
)  # fmt: skip
PROMOTE = Operation(
    "promote", "POST", _REF + "/promote", "stage.move", Promote, wire.PromotionRecord,
    "Move a version to a stage if it meets the requirements",
    example={"target_stage": "staging", "requirements": {"min_accuracy": 0.8}},
)  # fmt: skip
UPDATE_STAGE = Operation(
    "update_stage", "PUT", _REF + "/stage", "stage.move", UpdateStage, wire.PromotionRecord,
    "Move a version along the stage graph", example={"stage": "staging"},
)  # fmt: skip
ARCHIVE = Operation(
    "archive", "POST", _REF + "/archive", "stage.move", Explained, wire.PromotionRecord, "Archive a version"
)
DEPRECATE = Operation(
    "deprecate", "POST", _REF + "/deprecate", "version.deprecate", Deprecate, wire.VersionRecord,
    "Mark a version as not to be used any more, or take that back", example={"reason": "leaks labels"},
)  # fmt: skip
DELETE = Operation(
    "delete", "DELETE", _REF, "version.delete", Delete, wire.Deleted,
    "Delete a version, or a whole model where only its name is given",
)  # fmt: skip
ROLLBACK = Operation(
    "rollback", "POST", _REF + "/rollback", "stage.move", Rollback, wire.RollbackRecord,
    "Give a stage back to an earlier version", example={"version": "1.0.0"},
)  # fmt: skip
LIST_ALIASES = Operation(
    "list_aliases", "GET", "/api/models/{name}/aliases", "version.read", NamedModelThen, wire.AliasPage,
    "List a model's aliases",
)  # fmt: skip
SET_ALIAS = Operation(
    "set_alias", "PUT", "/api/models/{name}/aliases/{alias}", "alias.move", SetAlias, wire.AliasRecord,
    "Point an alias to a version", example={"version": "1.4.2"},
)  # fmt: skip
DELETE_ALIAS = Operation(
    "delete_alias", "DELETE", "/api/models/{name}/aliases/{alias}", "alias.move", NamedAlias, wire.AliasPage,
    "Remove an alias",
)  # fmt: skip
LINEAGE = Operation(
    "lineage", "GET", _REF + "/lineage", "version.read", Named, wire.VersionPage,
    "List a version's line of ancestors, the oldest first and the version itself last",
)  # fmt: skip
LIST_EVENTS = Operation(
    "list_events", "GET", "/api/events", "event.read", ListEvents, wire.EventPage, "List what happened, in order"
)
STATS = Operation(
    "stats", "GET", "/api/stats", "model.read", Empty, wire.Stats, "Show the registry in numbers", everywhere=True
)
EXPORT = Operation(
    "export", "GET", "/api/export", "registry.export", Empty, wire.RegistryExport,
    "Export all models, versions and events of one moment",
)  # fmt: skip
VERIFY = Operation(
    "verify", "POST", _REF + "/verify", "version.read", Named, wire.Verification,
    "Read a version's bytes back and check every digest", long=True,
)  # fmt: skip
COLLECT_GARBAGE = Operation(
    "collect_garbage", "POST", "/api/gc", "registry.admin", CollectGarbage, wire.GarbageReport,
    "Remove stored files that no version refers to", example={"dry_run": True}, long=True,
)  # fmt: skip
