"""Delivery: deploying, watching, steering and rolling back what endpoints serve.

Predictions are no rows: they are answered on a hot path of their own (`modelyard.server.inference`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from modelyard.domain import wire
from modelyard.domain.contract import Operation
from modelyard.domain.wire.delivery import Limits, Window
from modelyard.domain.wire.judge import JudgeOptions

PREDICT = "endpoint.predict"
"""The permission of applications."""


@dataclass(frozen=True, kw_only=True)
class Deploy:
    """A version, and how it shall come to serve. What is None is as the strategy says."""

    name: str
    version: str
    strategy: str = "direct"
    environment: str = "production"
    steps: list[float] | None = None
    """Shares of the new version step by step, in percent, such as [10, 50, 100]."""
    step_seconds: float | None = None
    """Seconds that each step lasts at least."""
    min_requests: int | None = None
    """Requests that the new version has to answer in each step."""
    max_step_seconds: float | None = None
    """Seconds after which a step that did not get there is inconclusive."""
    on_inconclusive: str = "hold"
    """`hold`, `promote` or `rollback`."""
    bake_seconds: float | None = None
    """Seconds that the last step is watched before the deployment has succeeded."""
    holdback: float | None = None
    """Share of the old version through the bake, in percent."""
    keep_warm_seconds: float | None = None
    """How long the old version stays loaded afterwards."""
    replicas: int | None = None
    """Worker processes of the version; rolling replaces them one by one."""
    split: dict[str, float] = field(default_factory=dict)
    """For A/B tests: version → share, in percent; `version` takes what is left."""
    limits: Limits | None = None
    """Beyond which the deployment is rolled back."""
    judge: JudgeOptions | None = None
    """How it is judged against the version that served before; by default with an alpha of 0.05."""
    probes: int | None = None
    """Probes that all have to pass before any traffic moves."""
    max_probe_s: float | None = None
    """Seconds that 95 of 100 probes may take at most."""
    start_at: str = ""
    """When it begins, as an ISO 8601 moment; at once when left out."""
    window: Window | None = None
    """When it may begin and go on; rollbacks are made at all times."""
    expected_version: str = ""
    """The version that the caller believes to be served; the deployment is refused where it is not."""
    supersede: bool = False
    """Roll a live deployment of the endpoint back first."""
    dry_run: bool = False
    """Only tell the plan."""
    deprecate: bool = False
    """Whether a rollback by verdict marks the version as not to be used any more."""
    reason: str = ""
    kind: str = ""
    """`cloud` or `edge`; of a new endpoint only."""
    options: dict[str, Any] = field(default_factory=dict)
    """For A/B tests `metric`, `alpha`, `higher_is_better` and `promote_winner`; or what a strategy of others takes."""


@dataclass(frozen=True, kw_only=True)
class ListDeployments:
    """A page of deployments; of one model, environment or state if given; `live` for those that have not ended."""

    name: str = ""
    environment: str = ""
    state: str = ""
    limit: int = 100
    page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class NamedDeployment:
    """A deployment, by its id."""

    id: str


@dataclass(frozen=True, kw_only=True)
class ExplainDeployment:
    """A deployment whose judgement is explained."""

    id: str
    full: bool = False
    """Compute it again from its log however long that is."""


@dataclass(frozen=True, kw_only=True)
class Steer:
    """A deployment, and why its course is changed."""

    id: str
    reason: str = ""
    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class Advance:
    """A deployment that shall go on now: to its next step, to its end (`full`), or to the winner of an A/B test."""

    id: str
    full: bool = False
    winner: str = ""
    reason: str = ""
    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class ListEndpoints:
    """A page of endpoints; of one model if given."""

    name: str = ""
    limit: int = 100
    page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class NamedEndpoint:
    """A model in an environment."""

    name: str
    environment: str = "production"


@dataclass(frozen=True, kw_only=True)
class ConfigureEndpoint:
    """How an endpoint shall take requests; what is None stays. The endpoint is made where there is none."""

    name: str
    environment: str = "production"
    kind: str = ""
    configuration: dict[str, Any] = field(default_factory=dict)
    """Fields of `EndpointConfiguration` that change."""
    if_match: int | None = None


@dataclass(frozen=True, kw_only=True)
class SetFlag:
    """A feature flag of an endpoint: added, or replaced where there is one of this name."""

    name: str
    flag: str
    version: str
    environment: str = "production"
    header: str = ""
    equals: str = ""
    percentage: float | None = None
    """Share of the keys, in 0..100; all of them where it is left out, which takes a header."""


@dataclass(frozen=True, kw_only=True)
class NamedFlag:
    """A feature flag of an endpoint."""

    name: str
    flag: str
    environment: str = "production"


@dataclass(frozen=True, kw_only=True)
class TakeSnapshot:
    """An endpoint whose state shall be kept."""

    name: str
    environment: str = "production"
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class ListSnapshots:
    """A page of an endpoint's snapshots."""

    name: str
    environment: str = "production"
    limit: int = 100
    page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class NamedSnapshot:
    """A snapshot, by its id."""

    id: str


@dataclass(frozen=True, kw_only=True)
class RestoreSnapshot:
    """A snapshot to go back to."""

    id: str
    reason: str = ""
    dry_run: bool = False
    force: bool = False


@dataclass(frozen=True, kw_only=True)
class CompareSnapshots:
    """A snapshot, and what to hold it against: another one's id, or the present."""

    id: str
    other: str = "now"


@dataclass(frozen=True, kw_only=True)
class ListRollbacks:
    """A page of rollbacks; of one model if given."""

    name: str = ""
    environment: str = ""
    limit: int = 100
    page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class CheckGuard:
    """An endpoint, and the limits beyond which it goes back at once."""

    name: str
    environment: str = "production"
    limits: Limits = field(default_factory=lambda: Limits(max_error_rate=0.1))
    window_s: float = 300.0
    """How far back it looks."""
    keep: bool = False
    """Hold the endpoint to these limits from now on."""


_ENDPOINT = "/api/models/{name}/endpoint"
_FLAG = "/api/models/{name}/flags/{flag}"
_ONE = "/api/deployments/{id}"
_SNAPSHOTS = "/api/models/{name}/snapshots"
_SNAPSHOT = "/api/snapshots/{id}"

DEPLOY = Operation(
    "deploy", "POST", "/api/models/{name}/deploy", "deployment.start", Deploy, wire.DeploymentRecord,
    "Begin to serve a version, by a strategy", 201, {"version": "1.4.2", "strategy": "canary"},
)  # fmt: skip
LIST_DEPLOYMENTS = Operation(
    "list_deployments", "GET", "/api/deployments", "deployment.read", ListDeployments, wire.DeploymentPage,
    "List deployments, the newest first",
)  # fmt: skip
GET_DEPLOYMENT = Operation(
    "get_deployment", "GET", _ONE, "deployment.read", NamedDeployment, wire.DeploymentRecord,
    "Show a deployment with its plan, history and what was observed",
)  # fmt: skip
EXPLAIN_DEPLOYMENT = Operation(
    "explain_deployment", "GET", _ONE + "/explain", "deployment.read", ExplainDeployment, wire.Explanation,
    "Tell how a deployment was judged, computed again from its log, in words and as a course for plots",
)  # fmt: skip
PAUSE_DEPLOYMENT = Operation(
    "pause_deployment", "POST", _ONE + "/pause", "deployment.control", Steer, wire.DeploymentRecord,
    "Stop a deployment at its step; limits and probes go on counting", example={"reason": "looking at the logs"},
)  # fmt: skip
RESUME_DEPLOYMENT = Operation(
    "resume_deployment", "POST", _ONE + "/resume", "deployment.control", Steer, wire.DeploymentRecord,
    "Let a paused deployment go on",
)  # fmt: skip
PROMOTE_DEPLOYMENT = Operation(
    "promote_deployment", "POST", _ONE + "/promote", "deployment.control", Advance, wire.DeploymentRecord,
    "Take a deployment to its next step now, to its end, or to the winner of an A/B test", example={"full": True},
)  # fmt: skip
ABORT_DEPLOYMENT = Operation(
    "abort_deployment", "POST", _ONE + "/abort", "deployment.control", Steer, wire.DeploymentRecord,
    "End a deployment: what served before serves again", example={"reason": "wrong version"},
)  # fmt: skip
LIST_ENDPOINTS = Operation(
    "list_endpoints", "GET", "/api/endpoints", "endpoint.read", ListEndpoints, wire.EndpointPage, "List endpoints",
)  # fmt: skip
GET_ENDPOINT = Operation(
    "get_endpoint", "GET", _ENDPOINT, "endpoint.read", NamedEndpoint, wire.EndpointRecord,
    "Show what an endpoint serves",
)  # fmt: skip
CONFIGURE_ENDPOINT = Operation(
    "configure_endpoint", "PATCH", _ENDPOINT, "endpoint.update", ConfigureEndpoint, wire.EndpointRecord,
    "Say how an endpoint takes requests and runs versions", example={"configuration": {"timeout_s": 5}},
)  # fmt: skip
SET_FLAG = Operation(
    "set_flag", "PUT", _FLAG, "endpoint.update", SetFlag, wire.EndpointRecord,
    "Give some requests one version, by a header or a percentage of the keys",
    example={"version": "2.0.0", "header": "x-channel", "equals": "beta"},
)  # fmt: skip
DELETE_FLAG = Operation(
    "delete_flag", "DELETE", _FLAG, "endpoint.update", NamedFlag, wire.EndpointRecord, "Remove a feature flag",
)  # fmt: skip
ROUTE_HISTORY = Operation(
    "route_history", "GET", "/api/models/{name}/routes", "endpoint.read", NamedEndpoint, wire.RouteHistory,
    "List what an endpoint served, epoch by epoch",
)  # fmt: skip
TAKE_SNAPSHOT = Operation(
    "take_snapshot", "POST", _SNAPSHOTS, "snapshot.create", TakeSnapshot, wire.SnapshotRecord,
    "Keep all that an endpoint serves now", 201, {"reason": "before the sale"},
)  # fmt: skip
LIST_SNAPSHOTS = Operation(
    "list_snapshots", "GET", _SNAPSHOTS, "endpoint.read", ListSnapshots, wire.SnapshotPage,
    "List an endpoint's snapshots, the newest first",
)  # fmt: skip
GET_SNAPSHOT = Operation(
    "get_snapshot", "GET", _SNAPSHOT, "endpoint.read", NamedSnapshot, wire.SnapshotRecord, "Show a snapshot",
)  # fmt: skip
RESTORE_SNAPSHOT = Operation(
    "restore_snapshot", "POST", _SNAPSHOT + "/restore", "deployment.control", RestoreSnapshot, wire.EndpointRollback,
    "Make an endpoint what it was: route, configuration, aliases and stages", example={"dry_run": True},
)  # fmt: skip
COMPARE_SNAPSHOTS = Operation(
    "compare_snapshots", "GET", _SNAPSHOT + "/diff", "endpoint.read", CompareSnapshots, wire.SnapshotDiff,
    "Tell what differs between a snapshot and another, or the present",
)  # fmt: skip
LIST_ROLLBACKS = Operation(
    "list_rollbacks", "GET", "/api/rollbacks", "deployment.read", ListRollbacks, wire.RollbackPage,
    "List rollbacks of endpoints with their evidence, the newest first",
)  # fmt: skip
CHECK_GUARD = Operation(
    "check_guard", "POST", "/api/models/{name}/guard", "deployment.control", CheckGuard, wire.GuardReport,
    "Roll an endpoint back if it is beyond its limits", example={"limits": {"max_error_rate": 0.1}},
)  # fmt: skip
