"""Signatures and the numbers that follow from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from modelyard.domain import wire
from modelyard.domain.contract import Operation


@dataclass(frozen=True, kw_only=True)
class CompareSignatures:
    """Two versions by reference: the one that callers were made for, and the one that they shall call."""

    version_a: str
    version_b: str


@dataclass(frozen=True, kw_only=True)
class ProposeVersion:
    """A model, and the schemas of the version that is to be registered next; none where they are not known."""

    name: str
    input_schema: dict[str, Any] = field(default_factory=dict)
    output_schema: dict[str, Any] = field(default_factory=dict)


SIGNATURE_DIFF = Operation(
    "signature_diff", "GET", "/api/signature-diff", "version.read", CompareSignatures, wire.SignatureDiffRecord,
    "Tell how the signatures of two versions differ, and whether one can stand in for the other",
)  # fmt: skip
NEXT_VERSION = Operation(
    "next_version", "POST", "/api/models/{name}/next-version", "version.read", ProposeVersion, wire.NextVersion,
    "Tell which number a version with these schemas would get", example={"input_schema": {"age": "int64"}},
)  # fmt: skip
