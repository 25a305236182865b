"""A repeat under one idempotency key gets the first answer, also where what it asks for is done by now."""

from __future__ import annotations

import pytest

from components.rollouts import Rollouts
from modelyard.errors import IdempotencyConflict, SnapshotNotFound
from modelyard.operations import RESTORE_SNAPSHOT, ROLLBACK, RestoreSnapshot, Rollback

ASKED = Rollback(reference="fraud", reason="errors doubled")


@pytest.fixture
def two(served: Rollouts) -> Rollouts:
    """1.0.0 was served, and 2.0.0 is."""
    served.serve("2.0.0")
    return served


@pytest.mark.feature("RBK-01", "RBK-09")
def test_a_rollback_that_is_repeated_goes_back_once(two: Rollouts):
    first = two.call(ROLLBACK, ASKED, idempotency_key="k")
    two.engine.started.clear()
    epoch = two.route().epoch
    assert two.call(ROLLBACK, ASKED, idempotency_key="k") == first
    assert (two.route().epoch, two.shares()) == (epoch, {"1.0.0": 1.0})
    assert two.engine.started == [], "nothing is started for what is done"
    with pytest.raises(SnapshotNotFound):
        two.call(ROLLBACK, ASKED, idempotency_key="another")
    with pytest.raises(IdempotencyConflict):
        two.call(ROLLBACK, Rollback(reference="fraud", version="1.0.0"), idempotency_key="k")


@pytest.mark.feature("RBK-07")
def test_so_does_a_restore_whose_version_has_died_since(two: Rollouts):
    asked = RestoreSnapshot(id=next(one.id for one in two.snapshots() if one.version == "1.0.0"))
    first = two.call(RESTORE_SNAPSHOT, asked, idempotency_key="k")
    two.engine.dead.add(two.ids["1.0.0"])
    assert two.call(RESTORE_SNAPSHOT, asked, idempotency_key="k") == first
