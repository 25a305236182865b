"""THE TABLE: every operation of modelyard, declared once.

A row says what an operation is called, where it lives over REST, which permission it needs, and the types of its
request and response. The REST routes, their OpenAPI document, the remote half of `ModelRegistry` and the tests that
walk every operation are all made from these rows; the use case behind a row is a function marked `@serves(ROW)` in
`modelyard.registry`.

How a request's fields travel: by name in the path where the template has them, in the `If-Match` header for
`if_match`, in the query for GET and DELETE, and otherwise in the JSON body. `{reference}` takes any reference of
`modelyard.domain.references` and may hold slashes: `/api/models/fraud/1.4.2/metadata` and
`/api/models/fraud@champion/metadata` both work.

Streams (upload, download) are not rows: they carry bytes, are few, and are written by hand in `modelyard.server`.
"""

from __future__ import annotations

import re
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Generic, TypeVar

from modelyard.domain import wire

Request = TypeVar("Request")
Response = TypeVar("Response")

PLACEHOLDER = re.compile(r"\{(\w+)\}")
IF_MATCH = "if_match"


@dataclass(frozen=True)
class Operation(Generic[Request, Response]):
    """One row: the contract of one operation.

    `mutates` decides the kind of transaction; `example` is a request for the documentation; `status` is the HTTP
    status of success. A `long` operation reads or deletes files: its use case opens short transactions of its own.
    """

    name: str
    method: str
    path: str
    permission: str
    request: type[Request]
    response: type[Response]
    summary: str
    status: int = 200
    example: dict[str, Any] = field(default_factory=dict)
    long: bool = False

    @property
    def mutates(self) -> bool:
        """Whether the operation may change the registry."""
        return self.method != "GET"

    @property
    def path_fields(self) -> tuple[str, ...]:
        """The request fields that stand in the path."""
        return tuple(PLACEHOLDER.findall(self.path))

    @property
    def query_fields(self) -> tuple[str, ...]:
        """The request fields that stand in the query string."""
        return self._rest() if self.method in {"GET", "DELETE"} else ()

    @property
    def body_fields(self) -> tuple[str, ...]:
        """The request fields that stand in the JSON body."""
        return () if self.method in {"GET", "DELETE"} else self._rest()

    @property
    def movable(self) -> bool:
        """Whether the caller may ask for the change only if the revision is still the one that it saw."""
        return any(item.name == IF_MATCH for item in fields(self.request))  # type: ignore[arg-type]

    def required(self) -> tuple[str, ...]:
        """The request fields without a default."""
        return tuple(
            item.name
            for item in fields(self.request)  # type: ignore[arg-type]
            if item.default is MISSING and item.default_factory is MISSING
        )

    def _rest(self) -> tuple[str, ...]:
        taken = {*self.path_fields, IF_MATCH}
        return tuple(item.name for item in fields(self.request) if item.name not in taken)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------------- requests


@dataclass(frozen=True, kw_only=True)
class CreateModel:
    name: str
    description: str = ""
    owner: str = ""
    team: str = ""
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class NamedModel:
    name: str


@dataclass(frozen=True, kw_only=True)
class UpdateModel:
    name: str
    description: str | None = None
    owner: str | None = None
    team: str | None = None
    tags: dict[str, str | None] = field(default_factory=dict)
    """Tags to set; a tag set to null is removed."""
    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class ListModels:
    limit: int = 100
    page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class ListVersions:
    name: str
    stage: str = ""
    label: str = ""
    limit: int = 100
    page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class ListAllVersions:
    stage: str = ""
    label: str = ""
    limit: int = 100
    page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class Search:
    q: str
    stage: str = ""
    limit: int = 50
    page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class Named:
    reference: str


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
    reference: str
    metrics: dict[str, float] = field(default_factory=dict)
    training_metrics: dict[str, float] = field(default_factory=dict)
    validation_metrics: dict[str, float] = field(default_factory=dict)
    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class Promote:
    reference: str
    target_stage: str
    requirements: dict[str, Any] = field(default_factory=dict)
    archive_previous: bool | None = None
    """Whether who stands in the stage now is archived; by default as the stage graph says."""
    comment: str = ""
    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class UpdateStage:
    reference: str
    stage: str
    archive_previous: bool | None = None
    comment: str = ""
    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class Explained:
    reference: str
    reason: str = ""
    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class Delete:
    reference: str
    force: bool = False
    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class Rollback:
    """`version` names where to go back to; without it, the version that held the stage before."""

    reference: str
    version: str | None = None
    stage: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class SetAlias:
    name: str
    alias: str
    version: str
    if_match: int | None = None
    """The alias's revision that the caller saw; 0 demands that it does not exist yet."""


@dataclass(frozen=True, kw_only=True)
class NamedAlias:
    name: str
    alias: str
    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class Compare:
    version_a: str
    version_b: str
    metrics: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class CompareWithin(Compare):
    name: str


@dataclass(frozen=True, kw_only=True)
class Best:
    name: str
    metric: str
    stage: str = ""
    direction: str = ""
    """`higher` or `lower`, for metrics whose direction modelyard does not know."""


@dataclass(frozen=True, kw_only=True)
class Latest:
    name: str
    stage: str = ""


@dataclass(frozen=True, kw_only=True)
class ListEvents:
    name: str = ""
    reference: str = ""
    limit: int = 100
    page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class Empty:
    pass


@dataclass(frozen=True, kw_only=True)
class CollectGarbage:
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
    "describe_model", "GET", "/api/models/{name}", "model.read", NamedModel, wire.ModelRecord, "Show one model"
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
    "get_version", "GET", _REF + "/metadata", "version.read", Named, wire.VersionRecord,
    "Show everything that is recorded about a version",
)  # fmt: skip
RESOLVE = Operation(
    "resolve", "GET", _REF + "/resolve", "version.read", Named, wire.Resolved, "Tell which version a reference names"
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
    "deprecate", "POST", _REF + "/deprecate", "version.deprecate", Explained, wire.VersionRecord,
    "Mark a version as not to be used any more", example={"reason": "leaks labels"},
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
    "list_aliases", "GET", "/api/models/{name}/aliases", "version.read", NamedModel, wire.AliasPage,
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
COMPARE = Operation(
    "compare", "GET", "/api/compare", "version.read", Compare, wire.ComparisonRecord, "Compare any two versions"
)
COMPARE_WITHIN = Operation(
    "compare_within", "GET", "/api/models/{name}/compare", "version.read", CompareWithin, wire.ComparisonRecord,
    "Compare two versions of one model",
)  # fmt: skip
BEST = Operation(
    "best", "GET", "/api/models/{name}/best", "version.read", Best, wire.VersionRecord,
    "Find the version with the best value of a metric",
)  # fmt: skip
LATEST = Operation(
    "latest", "GET", "/api/models/{name}/latest", "version.read", Latest, wire.VersionRecord,
    "Show the highest version, or the highest in a stage",
)  # fmt: skip
LINEAGE = Operation(
    "lineage", "GET", _REF + "/lineage", "version.read", Named, wire.VersionPage,
    "List a version's line of ancestors, the oldest first and the version itself last",
)  # fmt: skip
LIST_EVENTS = Operation(
    "list_events", "GET", "/api/events", "event.read", ListEvents, wire.EventPage, "List what happened, in order"
)
STATS = Operation("stats", "GET", "/api/stats", "model.read", Empty, wire.Stats, "Show the registry in numbers")
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

TABLE: tuple[Operation[Any, Any], ...] = tuple(row for row in list(globals().values()) if isinstance(row, Operation))
BY_NAME: dict[str, Operation[Any, Any]] = {row.name: row for row in TABLE}
