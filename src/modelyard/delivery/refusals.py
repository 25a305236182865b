"""Which versions may not be put to use, and why.

Rules
- A deprecated or rejected version is refused, and so is one that has neither files nor a provider.
- Every file has to be in the store. Whether the bytes are right is looked at before any traffic moves: the preflight
  reads and verifies all of them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from modelyard.domain.stages import ModelStage
from modelyard.errors import NotDeployable
from modelyard.registry.context import Context
from modelyard.registry.lookup import content, deprecation, document


def refuse_undeployable(context: Context, row: Row[Any], *, force: bool = False) -> None:
    """Refuse a version that cannot, or may not, serve; `force` lets a deprecated one pass.

    Raises:
        NotDeployable: with the reason.
    """
    name = f"{row.name} {row.version}"
    if row.deprecation is not None and not force:
        why = deprecation(row).get("reason", "")
        successor = deprecation(row).get("successor", "")
        raise NotDeployable(
            f"{name} is deprecated" + (f": {why}" if why else ""),
            hint=f"deploy {successor}" if successor else "deploy another version, or take the deprecation back",
            details={"reason": "deprecated"},
        )
    if row.stage == ModelStage.REJECTED:
        raise NotDeployable(f"{name} was rejected", hint="deploy another version", details={"reason": "rejected"})
    if not row.digest and not document(row).get("provider"):
        raise NotDeployable(
            f"{name} has neither files nor a provider, so there is nothing to run",
            hint="register a version with a model, or with provider={'kind': …, 'model': …}",
            details={"reason": "nothing_to_run"},
        )
    for entry in content(context, row).files if row.digest else ():
        if not context.yard.store.exists(entry.blake3):
            raise NotDeployable(
                f"the file {entry.path!r} of {name} is missing in the store",
                hint=f"find out what else is: modelyard verify {row.name}/{row.version}",
                details={"reason": "unverified", "file": entry.path},
            )
