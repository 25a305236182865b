"""The public face of a registry over a caller that a test has opened itself."""

from __future__ import annotations

from modelyard import ModelRegistry
from modelyard.facade.caller import Caller


def registry_over(caller: Caller) -> ModelRegistry:
    """Return a `ModelRegistry` that uses an open caller, and leaves closing it to whoever opened it."""
    registry = ModelRegistry.__new__(ModelRegistry)
    super(ModelRegistry, registry).__init__(caller, repository=None)
    return registry
