"""A snapshot is no way around the permission to move versions between stages."""

from __future__ import annotations

import pytest

from components.rollouts import Rollouts
from modelyard.bootstrap import EmbeddedCaller
from modelyard.domain.permissions import Grant, Principal
from modelyard.errors import PermissionDenied
from modelyard.operations import (
    GET_VERSION,
    PROMOTE,
    RESTORE_SNAPSHOT,
    ROLLBACK,
    NamedThen,
    Promote,
    RestoreSnapshot,
    Rollback,
)


def granted(yard: Rollouts, *permissions: str) -> EmbeddedCaller:
    grants = tuple(Grant(allow=permission, model="fraud") for permission in permissions)
    return yard.asked_by(Principal(name="op", proven=True, grants=grants))


@pytest.mark.feature("RBK-07")
def test_who_may_not_move_versions_between_stages_restores_no_snapshot(served: Rollouts):
    for version, stage in (("1.0.0", "staging"), ("1.0.0", "production")):
        served.call(PROMOTE, Promote(reference=f"fraud/{version}", target_stage=stage))
    kept = served.keep()
    served.serve("2.0.0")
    for stage in ("staging", "production"):
        served.call(PROMOTE, Promote(reference="fraud/2.0.0", target_stage=stage))
    operator = granted(served, "deployment.control")
    with pytest.raises(PermissionDenied, match=r"stage\.move"):
        operator.call(RESTORE_SNAPSHOT, RestoreSnapshot(id=kept.id))
    with pytest.raises(PermissionDenied, match=r"stage\.move"):
        operator.call(ROLLBACK, Rollback(reference="fraud"))
    assert served.shares() == {"2.0.0": 1.0}
    assert served.call(GET_VERSION, NamedThen(reference="fraud/2.0.0")).stage == "production"
    allowed = granted(served, "deployment.control", "stage.move")
    assert allowed.call(RESTORE_SNAPSHOT, RestoreSnapshot(id=kept.id)).version == "1.0.0"
