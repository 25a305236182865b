"""Profiles and drift: what a version was trained on, and how far its traffic has moved from that."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.domain import wire
from modelyard.domain.contract import Operation


@dataclass(frozen=True, kw_only=True)
class SetReference:
    """The training reference of a version, in place of the one before."""

    reference: str
    profile: wire.ProfileDocument


@dataclass(frozen=True, kw_only=True)
class GetReference:
    """A version, by any reference."""

    reference: str


@dataclass(frozen=True, kw_only=True)
class Drift:
    """Which traffic of a model is compared with what.

    `version` is the one with the most traffic where it is left out. `since` is a moment or a length of time such as
    `24h`; whole hours are taken. `against` is `reference`, a version, or what is there: the reference, else the version
    before.
    """

    name: str
    version: str = ""
    environment: str = ""
    since: str = "24h"
    against: str = ""


_REFERENCE = "/api/models/{reference}/profile"

SET_REFERENCE = Operation(
    "set_reference", "PUT", _REFERENCE, "version.update", SetReference, wire.ReferenceRecord,
    "Record how the training data of a version are spread",
    example={"profile": {"rows": 100, "inputs": {"age": {"level": 7, "bins": [[65721, 60], [65726, 40]]}}}},
)  # fmt: skip
GET_REFERENCE = Operation(
    "get_reference", "GET", _REFERENCE, "metrics.read", GetReference, wire.ReferenceRecord,
    "Show how the training data of a version are spread",
)  # fmt: skip
DRIFT = Operation(
    "drift", "GET", "/api/models/{name}/drift", "metrics.read", Drift, wire.DriftReport,
    "Tell how far inputs and predictions have moved from the training data, or from the version before",
)  # fmt: skip
