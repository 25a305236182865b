"""What a snapshot's content is, to be told apart and compared.

Rules
1. Equal content has an equal digest: the BLAKE3 of its one text (`modelyard.domain.canonical`).
2. The epoch of the route does not count. It only grows, so a restored route has another one and is the same all the
   same.
3. Differences are told by path, with dots between the parts, sorted. The elements of lists are named by what they are
   (the version of an arm, the name of a rule), so that one that comes first does not change all others; that those
   which stay have changed places is a difference of its own, `order`.
4. Contents have equal digests if and only if they have no differences.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from blake3 import blake3

from modelyard.domain.canonical import encoded, plain
from modelyard.domain.wire.delivery import SnapshotChange
from modelyard.domain.wire.snapshots import SnapshotDocument

Parts: TypeAlias = Mapping[str, Any]


def digest_of(document: SnapshotDocument | Mapping[str, Any]) -> str:
    """Return the BLAKE3 of a snapshot's content, in hexadecimal; the route's epoch does not count.

    The content is the record, or what was stored of it: that has no fields which came later.
    """
    return blake3(encoded(_counted(document))).hexdigest()


def differences(before: SnapshotDocument, after: SnapshotDocument) -> list[SnapshotChange]:
    """Return what changed from one content to another, by path; the route's epoch does not count."""
    changes = _compared((), _counted(before), _counted(after))
    return sorted(changes, key=lambda change: change.path)


def _counted(document: SnapshotDocument | Mapping[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = plain(document)
    content["route"].pop("epoch")
    return content


def _compared(path: tuple[str, ...], before: Any, after: Any) -> Iterator[SnapshotChange]:
    if before == after:
        return
    old, new = _parts(before), _parts(after)
    if old is None or new is None or not (old or new):
        yield SnapshotChange(path=".".join(filter(None, path)), before=before, after=after)
        return
    for name in old.keys() | new.keys():
        yield from _compared((*path, name), old.get(name), new.get(name))
    places = [name for name in old if name in new], [name for name in new if name in old]
    if isinstance(before, list) and places[0] != places[1]:
        yield SnapshotChange(path=".".join((*path, "order")), before=places[0], after=places[1])


def _parts(value: Any) -> Parts | None:
    """The parts of a value by name; None where it has none."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        return None
    named = {str(item.get("name", item.get("version_id"))): item for item in value}
    return named if len(named) == len(value) else None
