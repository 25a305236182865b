"""One-call helpers: functions by the names that people know, over `ModelRegistry`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from modelyard.domain.names import shown
from modelyard.domain.wire import VersionRecord
from modelyard.errors import InvalidArtifact
from modelyard.facade.registry import ModelRegistry
from modelyard.runtimes.sklearn import SklearnFlavour


def register_sklearn_model(
    model: Any, name: str, registry_path: str | os.PathLike[str] | None = None, **metadata: Any
) -> str:
    """Register a scikit-learn estimator or pipeline as a new version, and return its id.

    Args:
        model: the fitted estimator.
        name: the model's name.
        registry_path: whatever `ModelRegistry` opens.
        **metadata: the arguments of `ModelRegistry.register_model`.

    Raises:
        InvalidArtifact: the object is no scikit-learn estimator.
    """
    if not SklearnFlavour().matches(model):
        raise InvalidArtifact(
            f"{shown(model)} is no scikit-learn estimator", hint="use ModelRegistry.register_model for other models"
        )
    with ModelRegistry(registry_path) as registry:
        return registry.register_model(model, name, **metadata)


def get_best_model(
    name: str,
    metric: str,
    registry_path: str | os.PathLike[str] | None = None,
    *,
    stage: str | None = None,
    direction: str | None = None,
) -> VersionRecord:
    """Return the version of a model with the best value of a metric; it stands wherever an id can, and equals it.

    Args:
        name: the model's name.
        metric: the metric's name.
        registry_path: whatever `ModelRegistry` opens.
        stage: only versions that stand in it.
        direction: "higher" or "lower", for metrics of which modelyard does not know what is better.
    """
    with ModelRegistry(registry_path) as registry:
        return registry.get_best_model(name, metric, stage=stage, direction=direction)


def generate_comparison_report(model_name: str, versions: Sequence[str | int], registry: ModelRegistry) -> str:
    """Return an HTML report about two or more versions of a model; see `ModelRegistry.generate_comparison_report`.

    Args:
        model_name: the model's name.
        versions: the versions, the baseline first.
        registry: where they are.
    """
    return registry.generate_comparison_report(model_name, versions)
