"""Refusals in the form that MLflow's clients read: `{"error_code": …, "message": …}`.

Rules
- Clients repeat a request for minutes after 429 and 5xx, so a caller's mistake is never one of those.
- An error of our own tree keeps its message and its hint, and gets MLflow's code by its class.
"""

from __future__ import annotations

from typing import Final

from modelyard.errors import (
    Conflict,
    ModelExists,
    ModelyardError,
    NotFound,
    Overloaded,
    PermissionDenied,
    RegistryUnusable,
    Unauthenticated,
    VersionExists,
)
from modelyard.mlflow.desk import Refusal

OURS: Final = 500
"""Statuses from here on say that the fault is not the caller's."""
_CODES: Final[tuple[tuple[type[ModelyardError], str], ...]] = (
    (Unauthenticated, "UNAUTHENTICATED"),
    (PermissionDenied, "PERMISSION_DENIED"),
    (ModelExists, "RESOURCE_ALREADY_EXISTS"),
    (VersionExists, "RESOURCE_ALREADY_EXISTS"),
    (NotFound, "RESOURCE_DOES_NOT_EXIST"),
    (Conflict, "RESOURCE_CONFLICT"),
    (Overloaded, "REQUEST_LIMIT_EXCEEDED"),
    (RegistryUnusable, "TEMPORARILY_UNAVAILABLE"),
)
"""Class of our errors → MLflow's code; the first that fits."""


def refusal_of(error: ModelyardError) -> Refusal:
    """One of our errors as MLflow's clients read it."""
    code = next((code for kind, code in _CODES if isinstance(error, kind)), "")
    if not code:
        code = "INVALID_PARAMETER_VALUE" if error.status < OURS else "INTERNAL_ERROR"
    return Refusal(code, _text_of(error))


def _text_of(error: ModelyardError) -> str:
    return f"{error.message.rstrip('.')}. {error.hint}" if error.hint else error.message
