"""Records of copies."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.domain.wire.registry import VersionRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class CopyRecord:
    """A copy of a version, which tells in `extra["copied_from"]` what it was made from.

    Attributes:
        version: the copy.
        copied: False where it was there already.
    """

    version: VersionRecord
    copied: bool
