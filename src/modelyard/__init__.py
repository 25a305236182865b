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

_HOMES = {
    "modelyard.domain.stages": "ModelStage",
    "modelyard.domain.wire": (
        "AliasRecord ComparisonRecord EventRecord GarbageReport ModelRecord PromotionRecord RollbackRecord Verification "
        "VersionRecord"
    ),
    "modelyard.errors": (
        "AliasNotFound ArtifactNotFound Conflict DatabaseUnavailable GateRefused IdempotencyConflict InUse "
        "IntegrityError InvalidArtifact InvalidConfig InvalidMetadata InvalidMetric InvalidName InvalidReference "
        "InvalidRequest InvalidStage InvalidTransition InvalidVersion MissingExtra ModelExists ModelNotFound "
        "ModelyardError NotFound PermissionDenied PreconditionFailed RegistryCorrupt RegistryReadOnly RegistryTooNew "
        "RegistryUnusable RemoteUnavailable StorageFull TimedOut TooLarge Unauthenticated VersionExists VersionNotFound"
    ),
    "modelyard.facade.registry": "ModelRegistry",
    "modelyard.facade.shortcuts": "get_best_model register_sklearn_model",
    "modelyard.facade.versioning": "VersionManager VersionTracker",
    "modelyard.runtimes.base": "CodeBearingWarning",
}
"""Module → the public names that live in it."""
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = ["__version__"]
__all__ += sorted(_HOME_OF)
__all__.sort()


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
