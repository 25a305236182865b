"""The proof of an import: for each version, what lies where it came from, and what lies here.

Rules
- What was fetched is proven by digests: each file's BLAKE3 as it arrived is the one under which it is stored.
- What was there already is proven by the names and sizes of its files, or, where a second download was asked for, by
  digests as well.
- A version whose files have gone from where it came, or cannot be read there any more, is not proven.
- A version that has no files anywhere needs no proof.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from modelyard.domain.wire import VersionRecord
from modelyard.errors import IntegrityError
from modelyard.integrations.arrivals import Arrival

DIGESTS, SIZES, NONE, MISSING, GONE = "digests", "names and sizes", "no files", "files missing", "gone there"
_ORDER: Final = (MISSING, GONE, SIZES, DIGESTS, NONE)


@dataclass(frozen=True, kw_only=True)
class Proof:
    """One version, or several added up: counts on both sides, and how it was proven that they are equal."""

    model: str
    versions_there: int = 1
    versions_here: int = 0
    files_there: int = 0
    files_here: int = 0
    bytes_there: int = 0
    bytes_here: int = 0
    proven_by: str = NONE


def prove(arrival: Arrival, version: VersionRecord, digests: Mapping[str, str]) -> Proof:
    """Compare a version with where it came from.

    Args:
        arrival: what is listed there.
        version: what is registered here.
        digests: BLAKE3 by path, in hexadecimal, of what was fetched just now; empty where nothing was.

    Raises:
        IntegrityError: they differ.
    """
    here = {file.path: file for file in version.files}
    label = f"{version.name}/{version.version}"
    if arrival.trouble is not None or (arrival.files and not here):
        return _counted(arrival, version, GONE if here else MISSING)
    if here.keys() != {file.path for file in arrival.files}:
        raise IntegrityError(f"{label} has other files than where it came from")
    sizes = {file.path for file in arrival.files if file.size not in (None, here[file.path].size)}
    _refuse(label, sizes, "another size")
    _refuse(label, {path for path, digest in digests.items() if here[path].blake3 != digest}, "other bytes")
    return _counted(arrival, version, NONE if not here else DIGESTS if digests else SIZES)


def _refuse(label: str, paths: set[str], what: str) -> None:
    if paths:
        raise IntegrityError(f"{label}: {min(paths)} has {what} than where it came from")


def by_model(proofs: Iterable[Proof]) -> list[Proof]:
    """Add up proofs by model, by name; the weakest tells how a model was proven."""
    found: dict[str, Proof] = {}
    for proof in proofs:
        found[proof.model] = _added(found[proof.model], proof) if proof.model in found else proof
    return [found[name] for name in sorted(found)]


def total(proofs: Iterable[Proof]) -> Proof:
    """Add up all proofs."""
    sums = Proof(model="", versions_there=0)
    for proof in proofs:
        sums = _added(sums, proof)
    return sums


def _counted(arrival: Arrival, version: VersionRecord, proven_by: str) -> Proof:
    return Proof(
        model=version.name,
        versions_here=1,
        files_there=len(arrival.files),
        files_here=len(version.files),
        # Where a size is not told, what arrived is all that is known.
        bytes_there=arrival.size if all(file.size is not None for file in arrival.files) else version.model_size_bytes,
        bytes_here=version.model_size_bytes,
        proven_by=proven_by,
    )


def _added(one: Proof, other: Proof) -> Proof:
    return Proof(
        model=one.model,
        versions_there=one.versions_there + other.versions_there,
        versions_here=one.versions_here + other.versions_here,
        files_there=one.files_there + other.files_there,
        files_here=one.files_here + other.files_here,
        bytes_there=one.bytes_there + other.bytes_there,
        bytes_here=one.bytes_here + other.bytes_here,
        proven_by=min(one.proven_by, other.proven_by, key=_ORDER.index),
    )
