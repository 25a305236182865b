"""Records of delivery: routes, endpoints, deployments, snapshots, and what was observed.

All of them have slots: msgspec gives a record without slots that it decodes no defaults of its own, and would leave
these fields out when it encodes it again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from modelyard.domain.wire.judge import Judgement, JudgeOptions


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """One version among those that share an endpoint's traffic: `weight` is its share, in 0..1."""

    version_id: str
    version: str
    weight: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """Who gets one version whatever the weights say: a feature flag.

    A request matches if it has the header with the value (any value where `equals` is empty), and its key falls into
    the percentage. The first rule that matches decides.
    """

    name: str
    version: str
    version_id: str = ""
    header: str = ""
    """Name of the header, in lower case; empty for every request."""
    equals: str = ""
    percentage: float = 100.0
    """Share of the keys, in 0..100; a key stays in while the percentage grows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """What an endpoint serves, from one epoch to the next; never changed, only followed by another."""

    epoch: int = 0
    deployment_id: str = ""
    salt: str = ""
    """What the keys are hashed with: the deployment that made the split, so that others come first in each."""
    arms: list[Arm] = field(default_factory=list)
    """Weights add up to 1; empty where nothing is served."""
    rules: list[Rule] = field(default_factory=list)
    shadow: list[Arm] = field(default_factory=list)
    """Versions that get copies of requests, each of the share `weight`; their answers are recorded and thrown away."""
    warm: list[str] = field(default_factory=list)
    """Ids of versions that get no traffic and stay loaded, for an instant way back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Absolute limits; what is None is not limited. Rates are in 0..1, latencies in seconds."""

    max_error_rate: float | None = None
    max_p95_s: float | None = None
    max_p99_s: float | None = None
    min_requests: int = 20
    """Requests before anything is judged: nothing follows from too few."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointConfiguration:
    """How an endpoint takes requests and runs versions."""

    key_header: str = "x-modelyard-key"
    """Header whose value is the key that sticks to a version."""
    key_field: str = ""
    """Field of the JSON body that is the key where the header is missing; a dotted path goes into objects."""
    rules: list[Rule] = field(default_factory=list)
    replicas: int = 1
    """Worker processes of each version; for providers and HTTP back ends nothing is started."""
    timeout_s: float = 30.0
    max_concurrency: int = 256
    """Requests that one version works on at once; more wait."""
    max_queue: int = 1000
    """Requests that may wait; more are answered 429."""
    max_batch: int = 64
    """Requests that a worker may take in one call of the model; 1 switches batching off."""
    batch_delay_ms: float = 0.0
    """How long a request may wait for others where the worker is idle."""
    memory_mb: int = 0
    """Memory that a worker may have; 0 for no bound."""
    probe_s: float = 10.0
    """Seconds between two probes of what is served; 0 probes only before a deployment."""
    guard: Limits | None = None
    """Limits that hold at all times, also when no deployment is live: beyond them the endpoint goes back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step of a deployment: what the route is, and what has to be there to go on."""

    arms: list[Arm]
    shadow: list[Arm] = field(default_factory=list)
    warm: list[str] = field(default_factory=list)
    min_seconds: float = 0.0
    min_requests: int = 0
    """Requests that the new version has to have answered in this step."""
    max_seconds: float | None = None
    """Seconds after which the step is inconclusive; None waits for ever."""
    hold: bool = False
    """Goes on only when a person says so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The whole way of a deployment, fixed when it starts."""

    steps: list[Step]
    bake_seconds: float = 0.0
    final: list[Arm] = field(default_factory=list)
    """What is served at the end."""
    warm: list[str] = field(default_factory=list)
    """What stays loaded at the end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """When a deployment may begin and go on: days (mon … sun), from and to (HH:MM, the end may lie behind midnight)."""

    days: list[str] = field(default_factory=list)
    """Empty for every day."""
    start: str = "00:00"
    end: str = "24:00"
    timezone: str = "UTC"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeploymentOptions:
    """What a deployment goes by, beside its plan; fixed when it starts."""

    limits: Limits | None = None
    on_inconclusive: str = "hold"
    probes: int = 3
    max_probe_s: float | None = None
    replicas: int | None = None
    start_at: str = ""
    window: Window | None = None
    keep_warm_seconds: float | None = None
    deprecate: bool = False
    judge: JudgeOptions = field(default_factory=JudgeOptions)
    more: dict[str, Any] = field(default_factory=dict)
    """For strategies of others."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """What was measured of one version over some time; latencies in seconds, None where nothing was answered."""

    version_id: str
    version: str = ""
    requests: int = 0
    errors: int = 0
    error_rate: float | None = None
    p50_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None
    tokens: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class DeploymentVerdict:
    """What the judge says of a step: PENDING, HEALTHY, INCONCLUSIVE or REGRESSED, why, and on what it looked."""

    state: str = "PENDING"
    reason: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class DeploymentChange:
    """One line of a deployment's history."""

    position: int
    event: str
    from_state: str
    to_state: str
    step: int
    epoch: int
    actor: str
    at: str
    reason: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class DeploymentRecord:
    """One change of what an endpoint serves."""

    id: str
    name: str
    environment: str
    endpoint_id: str
    version: str
    version_id: str
    base: str | None = None
    """The version that served before; None where nothing did."""
    base_id: str | None = None
    strategy: str
    state: str
    step: int = 0
    """Place in `plan.steps`, from 0."""
    weight: float = 0.0
    """The new version's share now."""
    reason: str = ""
    verdict: DeploymentVerdict = field(default_factory=DeploymentVerdict)
    plan: Plan
    options: DeploymentOptions = field(default_factory=DeploymentOptions)
    epoch: int = 0
    """The endpoint's epoch at its last change."""
    snapshot_id: str = ""
    """What the endpoint was before; a rollback restores it."""
    since: str = ""
    """When its state or step began."""
    resumes: str = ""
    """The state that a paused deployment goes back to."""
    unproven: list[int] = field(default_factory=list)
    """Steps that were passed by time alone: neither limits nor proof spoke for the new version."""
    skew_told: bool = False
    """Whether it has halted once because lots did not fall as the weights say."""
    rollback: EndpointRollback | None = None
    """What became of the endpoint, where this deployment is a rollback or ended in one."""
    revision: int = 1
    live: bool = True
    actor: str = ""
    due_at: str | None = None
    """When the state changes by itself at the earliest; None where nothing is due."""
    created_at: str = ""
    updated_at: str = ""
    finished_at: str | None = None
    history: list[DeploymentChange] = field(default_factory=list)
    """Only where one deployment is asked for."""
    observed: list[Observation] = field(default_factory=list)
    """What its versions did since this step began; only where one deployment is asked for."""
    judgement: Judgement | None = None
    """What the judge says, and on what evidence; only where one deployment is asked for, and where it is judged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeploymentPage:
    """Deployments, the newest first."""

    deployments: list[DeploymentRecord]
    next_page_token: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointRecord:
    """Where traffic enters: a model in an environment."""

    id: str
    name: str
    environment: str
    kind: str
    """`cloud` or `edge`."""
    epoch: int
    version: str | None = None
    """The version with the largest share; None where nothing is served."""
    version_id: str | None = None
    route: Route
    configuration: EndpointConfiguration
    deployment: DeploymentRecord | None = None
    """The live deployment."""
    revision: int = 1
    created_at: str = ""
    updated_at: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointPage:
    """Endpoints, by model and environment."""

    endpoints: list[EndpointRecord]
    next_page_token: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RouteEntry:
    """What an endpoint served from `at` on."""

    epoch: int
    at: str
    cause: str
    deployment_id: str | None
    route: Route


@dataclass(frozen=True, kw_only=True, slots=True)
class RouteHistory:
    """What an endpoint served, the newest first."""

    name: str
    environment: str
    routes: list[RouteEntry]


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotChange:
    """One difference between two snapshots; None stands for what is not there."""

    path: str
    before: Any = None
    after: Any = None


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointRollback:
    """A rollback of an endpoint: what left, what came back, and how long it took."""

    name: str
    environment: str
    version: str | None
    """The version that serves now; None where nothing did at that time."""
    version_id: str | None = None
    left: str | None = None
    """The version that served before."""
    deployment_id: str = ""
    snapshot_id: str = ""
    epoch: int = 0
    seconds: float = 0.0
    dry_run: bool = False
    changes: list[SnapshotChange] = field(default_factory=list)
    reason: str = ""
    cause: str = "manual"
    """`manual`, `verdict`, `probe`, `limit`, `abort` or `inconclusive`."""
    evidence: dict[str, Any] = field(default_factory=dict)
    at: str = ""
    actor: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RollbackPage:
    """Rollbacks of endpoints, the newest first."""

    rollbacks: list[EndpointRollback]
    next_page_token: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class GuardReport:
    """Whether an endpoint was beyond its limits, and went back because of that."""

    triggered: bool
    reason: str
    observed: list[Observation] = field(default_factory=list)
    rollback: EndpointRollback | None = None
