"""Records of signatures: how two differ, and which number follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelyard.domain.wire.registry import Resolved


@dataclass(frozen=True, kw_only=True)
class SignatureChange:
    """One difference between two signatures, and whether it breaks callers."""

    side: str
    """`input` or `output`."""
    field: str
    change: str
    """`removed`, `added`, `type`, `shape` or `optional`."""
    breaking: bool
    reason: str
    """What changed and what that means, as a sentence without its full stop."""
    old: str = ""
    new: str = ""


@dataclass(frozen=True, kw_only=True)
class SignatureDiffRecord:
    """How the signature of version b differs from that of version a, and whether b can stand in for a."""

    a: Resolved
    b: Resolved
    outcome: str
    """`breaking`, `compatible`, `none` (no change) or `unknown` (a signature is not known)."""
    changes: list[SignatureChange]
    unknown: list[str]
    """Sides of which a schema is not known, so that nothing can be said of them: `input`, `output`."""
    required_bump: str
    """The part of a's number that has to grow for b: `major`, `minor` or `patch`."""
    compatible: bool
    """Whether the numbers promise that b serves the callers of a, and no known change breaks that."""
    reason: str


@dataclass(frozen=True, kw_only=True)
class Compatibility:
    """Whether one version serves the callers of another, and why; true or false as a whole."""

    compatible: bool
    reason: str
    changes: list[SignatureChange] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.compatible


@dataclass(frozen=True, kw_only=True)
class NextVersion:
    """The number that a version with a certain signature gets."""

    name: str
    version: str
    bump: str
    """`major`, `minor` or `patch`; empty for a model's first version."""
    highest: str | None
    """The highest number that the model ever had, which the new one follows."""
    baseline: str | None
    """The version whose signature was compared; None where there is none to compare."""
    outcome: str
    changes: list[SignatureChange]
    reason: str
    troubles: list[str] = field(default_factory=list)
    """Why a file that was to tell the schemas could not be read; it was not compared."""
