"""modelyard: a model registry that also ships the models.

    from modelyard import ModelRegistry, ModelStage

    registry = ModelRegistry("./model_registry")
    model_id = registry.register_model(model, name="fraud", performance_metrics={"accuracy": 0.93})

What `__all__` lists is public; everything else may change. Names are imported when they are first used, so that
`import modelyard` takes milliseconds.
"""

from __future__ import annotations

import importlib

from modelyard._version import __version__

# The name is known to type checkers; importing it from typing would double the time that this module takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from modelyard.domain.drift import Step
    from modelyard.domain.evidence import Finding
    from modelyard.domain.stages import ModelStage
    from modelyard.domain.wire import (
        AlertRecord,
        AlertRuleRecord,
        AliasRecord,
        ComparisonRecord,
        ComparisonReport,
        Compatibility,
        DeliveryRecord,
        DeploymentRecord,
        DriftReport,
        EndpointRecord,
        EndpointRollback,
        EventRecord,
        GarbageReport,
        GateReport,
        GraphRecord,
        GuardReport,
        Limits,
        MetricsRecord,
        ModelRecord,
        NextVersion,
        PredictionRecord,
        Promotion,
        PromotionRecord,
        ReferenceRecord,
        RollbackRecord,
        SignatureDiffRecord,
        SnapshotDiff,
        SnapshotRecord,
        SuiteResult,
        Verification,
        VersionRecord,
        WebhookRecord,
        Window,
    )
    from modelyard.errors import (
        AlertNotFound,
        AliasNotFound,
        ApprovalRequired,
        ArtifactNotFound,
        BreakingChange,
        Conflict,
        DatabaseUnavailable,
        DeploymentClosed,
        DeploymentLive,
        DeploymentNotFound,
        EndpointNotFound,
        GateRefused,
        IdempotencyConflict,
        IntegrityError,
        InUse,
        InvalidArtifact,
        InvalidConfig,
        InvalidInput,
        InvalidMetadata,
        InvalidMetric,
        InvalidName,
        InvalidReference,
        InvalidRequest,
        InvalidStage,
        InvalidTransition,
        InvalidVersion,
        MissingExtra,
        ModelExists,
        ModelNotFound,
        ModelyardError,
        NotDeployable,
        NotFound,
        NotServing,
        Overloaded,
        PermissionDenied,
        PreconditionFailed,
        PredictionFailed,
        PrincipalNotFound,
        ProfileNotFound,
        PromotionClosed,
        PromotionNotFound,
        RegistryCorrupt,
        RegistryReadOnly,
        RegistryTooNew,
        RegistryUnusable,
        RemoteUnavailable,
        SelfApproval,
        SnapshotNotFound,
        StorageFull,
        TimedOut,
        TooLarge,
        Unauthenticated,
        VersionExists,
        VersionNotFound,
        WebhookNotFound,
    )
    from modelyard.facade.deprecated import DeprecatedVersionWarning
    from modelyard.facade.managers import DeploymentManager, RollbackManager, SnapshotManager
    from modelyard.facade.registry import ModelRegistry
    from modelyard.facade.shortcuts import generate_comparison_report, get_best_model, register_sklearn_model
    from modelyard.facade.tracker import PerformanceTracker
    from modelyard.facade.versioning import VersionManager, VersionTracker
    from modelyard.facade.webhooks import verify_webhook
    from modelyard.registry.extensions import GateRequest
    from modelyard.runtimes.base import CodeBearingWarning

__all__ = [
    "AlertNotFound",
    "AlertRecord",
    "AlertRuleRecord",
    "AliasNotFound",
    "AliasRecord",
    "ApprovalRequired",
    "ArtifactNotFound",
    "BreakingChange",
    "CodeBearingWarning",
    "ComparisonRecord",
    "ComparisonReport",
    "Compatibility",
    "Conflict",
    "DatabaseUnavailable",
    "DeliveryRecord",
    "DeploymentClosed",
    "DeploymentLive",
    "DeploymentManager",
    "DeploymentNotFound",
    "DeploymentRecord",
    "DeprecatedVersionWarning",
    "DriftReport",
    "EndpointNotFound",
    "EndpointRecord",
    "EndpointRollback",
    "EventRecord",
    "Finding",
    "GarbageReport",
    "GateRefused",
    "GateReport",
    "GateRequest",
    "GraphRecord",
    "GuardReport",
    "IdempotencyConflict",
    "InUse",
    "IntegrityError",
    "InvalidArtifact",
    "InvalidConfig",
    "InvalidInput",
    "InvalidMetadata",
    "InvalidMetric",
    "InvalidName",
    "InvalidReference",
    "InvalidRequest",
    "InvalidStage",
    "InvalidTransition",
    "InvalidVersion",
    "Limits",
    "MetricsRecord",
    "MissingExtra",
    "ModelExists",
    "ModelNotFound",
    "ModelRecord",
    "ModelRegistry",
    "ModelStage",
    "ModelyardError",
    "NextVersion",
    "NotDeployable",
    "NotFound",
    "NotServing",
    "Overloaded",
    "PerformanceTracker",
    "PermissionDenied",
    "PreconditionFailed",
    "PredictionFailed",
    "PredictionRecord",
    "PrincipalNotFound",
    "ProfileNotFound",
    "Promotion",
    "PromotionClosed",
    "PromotionNotFound",
    "PromotionRecord",
    "ReferenceRecord",
    "RegistryCorrupt",
    "RegistryReadOnly",
    "RegistryTooNew",
    "RegistryUnusable",
    "RemoteUnavailable",
    "RollbackManager",
    "RollbackRecord",
    "SelfApproval",
    "SignatureDiffRecord",
    "SnapshotDiff",
    "SnapshotManager",
    "SnapshotNotFound",
    "SnapshotRecord",
    "Step",
    "StorageFull",
    "SuiteResult",
    "TimedOut",
    "TooLarge",
    "Unauthenticated",
    "Verification",
    "VersionExists",
    "VersionManager",
    "VersionNotFound",
    "VersionRecord",
    "VersionTracker",
    "WebhookNotFound",
    "WebhookRecord",
    "Window",
    "__version__",
    "generate_comparison_report",
    "get_best_model",
    "register_sklearn_model",
    "verify_webhook",
]

_HOMES = {
    "CodeBearingWarning": "modelyard.runtimes.base",
    "ComparisonReport": "modelyard.domain.wire",
    "DeploymentManager": "modelyard.facade.managers",
    "DeprecatedVersionWarning": "modelyard.facade.deprecated",
    "DriftReport": "modelyard.domain.wire",
    "EndpointRollback": "modelyard.domain.wire",
    "Finding": "modelyard.domain.evidence",
    "GateReport": "modelyard.domain.wire",
    "GateRequest": "modelyard.registry.extensions",
    "GuardReport": "modelyard.domain.wire",
    "Limits": "modelyard.domain.wire",
    "ModelRegistry": "modelyard.facade.registry",
    "ModelStage": "modelyard.domain.stages",
    "PerformanceTracker": "modelyard.facade.tracker",
    "Promotion": "modelyard.domain.wire",
    "RollbackManager": "modelyard.facade.managers",
    "SnapshotDiff": "modelyard.domain.wire",
    "SnapshotManager": "modelyard.facade.managers",
    "Step": "modelyard.domain.drift",
    "SuiteResult": "modelyard.domain.wire",
    "VersionManager": "modelyard.facade.versioning",
    "VersionTracker": "modelyard.facade.versioning",
    "Window": "modelyard.domain.wire",
    "generate_comparison_report": "modelyard.facade.shortcuts",
    "get_best_model": "modelyard.facade.shortcuts",
    "register_sklearn_model": "modelyard.facade.shortcuts",
    "verify_webhook": "modelyard.facade.webhooks",
}
"""Where the public names live that are neither records nor errors."""
_RECORDS = ("Record", "Compatibility", "GarbageReport", "NextVersion", "Verification")
"""How the names of records end, which live in `modelyard.domain.wire`."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES.get(name) or ("modelyard.domain.wire" if name.endswith(_RECORDS) else "modelyard.errors")
    value: object = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
