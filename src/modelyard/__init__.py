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
    from modelyard.domain.stages import ModelStage
    from modelyard.domain.wire import (
        AliasRecord,
        ComparisonRecord,
        EventRecord,
        GarbageReport,
        ModelRecord,
        PromotionRecord,
        RollbackRecord,
        Verification,
        VersionRecord,
    )
    from modelyard.errors import (
        AliasNotFound,
        ArtifactNotFound,
        Conflict,
        DatabaseUnavailable,
        GateRefused,
        IdempotencyConflict,
        IntegrityError,
        InUse,
        InvalidArtifact,
        InvalidConfig,
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
        NotFound,
        PermissionDenied,
        PreconditionFailed,
        RegistryCorrupt,
        RegistryReadOnly,
        RegistryTooNew,
        RegistryUnusable,
        RemoteUnavailable,
        StorageFull,
        TimedOut,
        TooLarge,
        Unauthenticated,
        VersionExists,
        VersionNotFound,
    )
    from modelyard.facade.registry import ModelRegistry
    from modelyard.facade.shortcuts import get_best_model, register_sklearn_model
    from modelyard.facade.versioning import VersionManager, VersionTracker
    from modelyard.runtimes.base import CodeBearingWarning

__all__ = [
    "AliasNotFound",
    "AliasRecord",
    "ArtifactNotFound",
    "CodeBearingWarning",
    "ComparisonRecord",
    "Conflict",
    "DatabaseUnavailable",
    "EventRecord",
    "GarbageReport",
    "GateRefused",
    "IdempotencyConflict",
    "InUse",
    "IntegrityError",
    "InvalidArtifact",
    "InvalidConfig",
    "InvalidMetadata",
    "InvalidMetric",
    "InvalidName",
    "InvalidReference",
    "InvalidRequest",
    "InvalidStage",
    "InvalidTransition",
    "InvalidVersion",
    "MissingExtra",
    "ModelExists",
    "ModelNotFound",
    "ModelRecord",
    "ModelRegistry",
    "ModelStage",
    "ModelyardError",
    "NotFound",
    "PermissionDenied",
    "PreconditionFailed",
    "PromotionRecord",
    "RegistryCorrupt",
    "RegistryReadOnly",
    "RegistryTooNew",
    "RegistryUnusable",
    "RemoteUnavailable",
    "RollbackRecord",
    "StorageFull",
    "TimedOut",
    "TooLarge",
    "Unauthenticated",
    "Verification",
    "VersionExists",
    "VersionManager",
    "VersionNotFound",
    "VersionRecord",
    "VersionTracker",
    "__version__",
    "get_best_model",
    "register_sklearn_model",
]

_HOMES = {
    "CodeBearingWarning": "modelyard.runtimes.base",
    "ModelRegistry": "modelyard.facade.registry",
    "ModelStage": "modelyard.domain.stages",
    "VersionManager": "modelyard.facade.versioning",
    "VersionTracker": "modelyard.facade.versioning",
    "get_best_model": "modelyard.facade.shortcuts",
    "register_sklearn_model": "modelyard.facade.shortcuts",
}
"""Where the public names live that are neither records nor errors."""
_RECORDS = ("Record", "GarbageReport", "Verification")
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
