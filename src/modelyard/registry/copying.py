"""Copy: a version of one model becomes a version of another, with the same files and no byte moved.

Rules
- Who may see a version, and may make versions of the other model, may copy it; see `domain.copying` for what comes
  along. The original is the copy's parent, so that lineage leads from one to the other.
- Repeating it finds the copy that is there.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from modelyard.domain.copying import check_same, fields_of
from modelyard.domain.names import model_name
from modelyard.domain.versions import SemVer
from modelyard.domain.wire import CopyRecord
from modelyard.errors import InvalidRequest
from modelyard.metadata import models, versions
from modelyard.operations import COPY_VERSION, CopyVersion, RegisterVersion
from modelyard.registry.context import SEEING, Context
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import content, find, record
from modelyard.registry.publish import register


@serves(COPY_VERSION)
def copy_version(context: Context, request: CopyVersion) -> CopyRecord:
    """Make a copy of a version under another model, which is made if it is new.

    Raises:
        InvalidRequest: it would be a copy of itself.
        VersionExists: the model has, or had, a version of this number with other content.
    """
    name = model_name(request.name)
    context.require(COPY_VERSION.permission, name)
    row = find(context, request.reference, permission=SEEING)
    original = record(context, row)
    version = SemVer.parse(request.version).text if request.version else original.version
    if (name, version) == (original.name, original.version):
        raise InvalidRequest(
            f"{name}/{version} would be a copy of itself", hint="name another model, or another number"
        )
    present = _present(context, name, version)
    if present is not None:
        there = record(context, present)
        check_same(name, version, original, there)
        return CopyRecord(version=there, copied=False)
    wanted = RegisterVersion(name=name, version=version, parent=original.id, create=True, **fields_of(original))
    return CopyRecord(version=register(context, wanted, content(context, row)), copied=True)


def _present(context: Context, name: str, version: str) -> Row[Any] | None:
    """The version of this number, read under the lock of its model, so that two copies at once make one."""
    model = models.lock(context.tx, name)
    return None if model is None else versions.by_version(context.tx, model.id, version)
