"""Records of models and versions."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from modelyard.domain.stages import ModelStage
from modelyard.domain.wire.delivery import EndpointRollback
from modelyard.domain.wire.metrics import LiveComparison


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What people record about a version. Everything is optional; metadata may grow after registration."""

    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    """Performance of the version, by metric name; gates and comparisons read these."""
    training_metrics: dict[str, float] = field(default_factory=dict)
    validation_metrics: dict[str, float] = field(default_factory=dict)
    metric_samples: dict[str, list[float]] = field(default_factory=dict)
    """Scores per fold or per example, by metric; comparisons draw their confidence from them."""
    sample_size: int | None = None
    """Number of examples behind the metrics."""
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    framework: str = ""
    framework_version: str = ""
    model_type: str = ""
    flavour: str = ""
    """Which runtime loads the files (`sklearn`, `python`, …); empty where none does."""
    source: str = ""
    """The address that another system's client registered the version from, as it was given; see `unproven`."""
    provider: dict[str, Any] = field(default_factory=dict)
    """What runs elsewhere: the provider or back end, its model, parameters and prompt; see `domain.provider`."""
    input_schema: dict[str, Any] = field(default_factory=dict)
    output_schema: dict[str, Any] = field(default_factory=dict)
    input_example: Any = None
    training_data: str = ""
    training_run_id: str = ""
    training_timestamp: str = ""
    data_version: str = ""
    feature_version: str = ""
    code_version: str = ""
    data_lineage: dict[str, Any] = field(default_factory=dict)
    architecture: str = ""
    optimizer: str = ""
    loss_function: str = ""
    resource_utilisation: dict[str, float] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    created_by: str = ""
    owner: str = ""
    team: str = ""
    changelog: str = ""
    migration_notes: str = ""
    known_issues: str = ""
    allow_breaking: str = ""
    """Why the version was let in although its signature breaks what its number promises; see `domain.promise`."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Whatever else was sent with the version."""


METADATA_FIELDS = tuple(item.name for item in fields(Metadata))


@dataclass(frozen=True, kw_only=True)
class FileRecord:
    """One file of a version: its path inside the version, its size in bytes and its digests."""

    path: str
    size: int
    blake3: str
    sha256: str
    media_type: str = "application/octet-stream"
    parts: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Completeness:
    """How much of the essential metadata is there: `score` in 0..1, and the fields still missing."""

    score: float = 0.0
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Which version it is, and where it stands; the fields that people read first."""

    id: str
    version_id: str = ""
    name: str
    number: int
    version: str
    stage: str
    label: str = ""
    """`stable`, `beta`, `experimental`, or empty."""
    status: str = "READY"
    revision: int = 1
    """Counts the changes of this record; it is the ETag of its REST resource."""


@dataclass(frozen=True, kw_only=True, eq=False)
class VersionRecord(Metadata, Identity):
    """One version of a model, whole.

    A record can stand wherever a version's id can: every public call accepts it, and it equals its id, so
    `comparison.winner == registry.get_latest_version("fraud")` reads as it is meant.
    """

    parent_id: str | None = None
    aliases: list[str] = field(default_factory=list)
    environments: dict[str, str] = field(default_factory=dict)
    """Environment → the stage that it stands in there, besides its own stage."""
    deployed: bool = False
    """It stands in an exclusive stage (production), or takes traffic in some endpoint."""
    serving: dict[str, float] = field(default_factory=dict)
    """Environment → its share of the traffic there, above 0 and up to 1."""
    unproven: bool = False
    """Its source is recorded, and its bytes are not here: nobody can say that they are still the same."""
    deprecated: bool = False
    deprecation_reason: str = ""
    successor: str = ""
    """What to use instead of a deprecated version, as a reference."""
    created_at: str = ""
    updated_at: str = ""
    digest: str = ""
    """BLAKE3 of the manifest: the identity of the version's content."""
    model_hash: str = ""
    """SHA-256 of the only file, or of the list of files."""
    model_size_bytes: int = 0
    artifact_path: str | None = None
    artifact_uri: str = ""
    files: list[FileRecord] = field(default_factory=list)
    completeness: Completeness = field(default_factory=Completeness)

    def __post_init__(self) -> None:
        object.__setattr__(self, "stage", ModelStage(self.stage))
        object.__setattr__(self, "version_id", self.id)
        object.__setattr__(self, "unproven", _lacks_bytes(self))

    @property
    def model_id(self) -> str:
        """The version's id, by the name that the model-registry document uses."""
        return self.id

    @property
    def model_name(self) -> str:
        """The name of the model that this is a version of."""
        return self.name

    @property
    def performance_metrics(self) -> dict[str, float]:
        """The metrics, by the name that they were registered under."""
        return self.metrics

    @property
    def hyperparams(self) -> dict[str, Any]:
        """The hyperparameters, by the short name that they were registered under."""
        return self.hyperparameters

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return self.id == other
        if isinstance(other, VersionRecord):
            return all(getattr(self, item.name) == getattr(other, item.name) for item in fields(self))
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.id)

    def __str__(self) -> str:
        return self.id


def _lacks_bytes(record: VersionRecord) -> bool:
    """Whether a version came from somewhere and its bytes did not. A prompt is all in its tags, and has none."""
    is_prompt = record.tags.get("mlflow.prompt.is_prompt") == "true"
    return bool(record.source) and not (record.digest or record.provider or is_prompt)


@dataclass(frozen=True, kw_only=True)
class ModelRecord:
    """A model: a named line of versions, with the newest of them in short."""

    id: str
    name: str
    description: str = ""
    owner: str = ""
    team: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    revision: int = 1
    created_at: str = ""
    updated_at: str = ""
    versions: int = 0
    latest_version: str | None = None
    stages: dict[str, str] = field(default_factory=dict)
    """Stage → the newest version standing in it, development and archived left out."""
    aliases: dict[str, str] = field(default_factory=dict)
    """Alias → version."""
    serving: dict[str, str] = field(default_factory=dict)
    """Environment → the version with the largest share of the traffic there."""


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """The short answer to "which version is this?"."""

    id: str
    name: str
    number: int
    version: str
    stage: str
    digest: str
    model_size_bytes: int
    deprecated: bool
    deprecation_reason: str = ""
    successor: str = ""


@dataclass(frozen=True, kw_only=True)
class AliasRecord:
    """A movable name for one version; `revision` counts its moves and is its ETag."""

    name: str
    alias: str
    version: str
    number: int
    version_id: str
    revision: int
    updated_at: str


@dataclass(frozen=True, kw_only=True)
class EventRecord:
    """A fact that happened. `hash` covers the event and `previous`, the hash of the model's event before it."""

    sequence: int
    model: str
    position: int
    """Place in the model's own chain, from 1."""
    type: str
    at: str
    actor: str
    version_id: str | None
    data: dict[str, Any]
    previous: str
    hash: str


@dataclass(frozen=True, kw_only=True)
class VerdictRecord:
    """What one requirement demanded, what was found, and whether that is enough."""

    requirement: str
    required: Any
    actual: Any
    met: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class PromotionRecord:
    """A version that moved, the verdicts that let it, and who was archived for it."""

    version: VersionRecord
    from_stage: str
    to_stage: str
    verdicts: list[VerdictRecord] = field(default_factory=list)
    archived: list[str] = field(default_factory=list)
    promotion_id: str = ""
    """The promotion that moved it; empty where it stood there already."""


@dataclass(frozen=True, kw_only=True)
class RollbackRecord:
    """A rollback of a model's stage: which version left, which came back."""

    version: VersionRecord
    replaced: str | None
    stage: str
    left: list[str] = field(default_factory=list)
    """The ids of all versions that made room; more than one only where several stood in an exclusive stage."""
    endpoint: EndpointRollback | None = None
    """What became of the model's endpoint, where it was that which was rolled back; `stage` is empty then."""


@dataclass(frozen=True, kw_only=True)
class MetricComparison:
    """One metric side by side: `delta` is b - a, `better` is "a", "b", "tie" or None where it has no vote."""

    name: str
    a: float | None
    b: float | None
    delta: float | None
    relative_change: float | None
    direction: str | None
    better: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonRecord:
    """Two versions side by side; see `modelyard.domain.compare` for how winner and confidence come about."""

    a: Resolved
    b: Resolved
    winner: str | None
    confidence_score: float
    basis: str
    explanation: str
    metrics: list[MetricComparison]
    metric_changes: dict[str, float]
    params_diff: dict[str, Any]
    live: LiveComparison | None = None
    """What they did in service; only where two versions of one model are compared by somebody who may read metrics."""


@dataclass(frozen=True, kw_only=True)
class ModelPage:
    """A page of models by name; `next_page_token` is empty on the last page."""

    models: list[ModelRecord]
    next_page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class VersionPage:
    """A page of versions, the newest first; `next_page_token` is empty on the last page."""

    versions: list[VersionRecord]
    next_page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class EventPage:
    """A page of events in the order in which they happened."""

    events: list[EventRecord]
    next_page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class AliasPage:
    """All aliases of a model, by name."""

    aliases: list[AliasRecord]


@dataclass(frozen=True, kw_only=True)
class Deleted:
    """What was deleted: the model's name, and the versions that went."""

    name: str
    versions: list[str]


@dataclass(frozen=True, kw_only=True)
class RegistryExport:
    """The whole registry as data, without the bytes of the files; `format` counts changes of this shape."""

    format: int
    modelyard: str
    exported_at: str
    models: list[ModelRecord]
    versions: list[VersionRecord]
    events: list[EventRecord]
