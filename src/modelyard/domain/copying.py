"""What a copy of a version takes along, within a registry and to another one.

Rules
1. Files, number, label and all metadata are those of the original; stage, aliases, approvals and history are not.
2. `extra["copied_from"]` names the original by model, number, version, id and digest, and by no address: registries
   move. A copy of a copy names what it was made from.
3. A copy is there already where the model has this number with the same content; with other content it is refused.
   Two versions without files have nothing by which they would be the same: there, only a copy of this very one is one.
4. What was registered once is taken over, also where the number promises more than the signature keeps there: the
   reason says so, unless the original brings one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelyard.domain.wire import METADATA_FIELDS, VersionRecord
from modelyard.errors import VersionExists

KEY = "copied_from"


def fields_of(original: VersionRecord) -> dict[str, Any]:
    """Return the metadata of a copy, without what is empty, and its label as `status`."""
    given = {name: getattr(original, name) for name in METADATA_FIELDS}
    fields = {name: value for name, value in given.items() if value not in ("", None, {}, [])}
    fields.setdefault("allow_breaking", f"copied from {original.name}/{original.version}")
    fields["extra"] = {**original.extra, KEY: origin(original)}
    fields["status"] = original.label
    return fields


def origin(original: VersionRecord) -> dict[str, Any]:
    """Return what a copy says of the version that it was made from."""
    return {
        "model": original.name,
        "number": original.number,
        "version": original.version,
        "version_id": original.id,
        "digest": original.digest,
    }


def check_same(name: str, version: str, original: VersionRecord, present: VersionRecord) -> None:
    """Refuse a version that is there and is no copy.

    Args:
        name: the model that was to get a copy.
        version: the number that the copy was to have.
        original: what was to be copied.
        present: the version that has the number.

    Raises:
        VersionExists: it has other content.
    """
    if present.digest != original.digest or not (original.digest or is_copy_of(present.extra, original.id)):
        raise VersionExists(
            f"{name}/{version} is there with other content than {original.name}/{original.version}",
            hint="give the copy another number",
            details={"name": name, "version": version},
        )


def is_copy_of(extra: Mapping[str, Any], version_id: str) -> bool:
    """Whether a version's `extra` says that it was copied from the version with this id."""
    found = extra.get(KEY)
    return isinstance(found, Mapping) and found.get("version_id") == version_id
