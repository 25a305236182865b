"""What endpoints, live deployments and snapshots hold is not deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.delivering import deploy, open_idle
from components.yards import register
from modelyard.bootstrap import EmbeddedCaller
from modelyard.errors import InUse
from modelyard.operations import (
    ABORT_DEPLOYMENT,
    ARCHIVE,
    COLLECT_GARBAGE,
    DELETE,
    DEPLOY,
    DEPRECATE,
    GET_VERSION,
    LIST_SNAPSHOTS,
    RESTORE_SNAPSHOT,
    SET_FLAG,
    VERIFY,
    CollectGarbage,
    Delete,
    Deploy,
    Deprecate,
    Explained,
    ListSnapshots,
    Named,
    NamedThen,
    RestoreSnapshot,
    SetFlag,
    Steer,
)


@pytest.fixture
def caller(database_url: str, tmp_path: Path) -> Iterator[EmbeddedCaller]:
    """An empty registry that runs no models."""
    with open_idle(tmp_path / "registry", database_url) as opened:
        yield opened


@pytest.fixture
def yard(caller: EmbeddedCaller) -> EmbeddedCaller:
    """A registry with five versions, of which the first is served."""
    for number in range(1, 6):
        register(caller, "fraud", b"weights %d" % number, version=f"{number}.0.0")
    deploy(caller, "1.0.0")
    return caller


def holders(caller: EmbeddedCaller, reference: str, *, force: bool = False) -> list[str]:
    """What the refusal to delete names, as `kind name`; nothing where it is deleted."""
    try:
        caller.call(DELETE, Delete(reference=reference, force=force))
    except InUse as refusal:
        return [f"{holder['kind']} {holder['name']}" for holder in refusal.details["holders"]]
    return []


@pytest.mark.feature("EXP-34")
def test_what_takes_traffic_is_not_deleted_even_with_force(yard: EmbeddedCaller):
    assert holders(yard, "fraud/1.0.0") == ["endpoint production"]
    with pytest.raises(InUse, match=r"fraud 1\.0\.0 is held by endpoint production") as refusal:
        yard.call(DELETE, Delete(reference="fraud/1.0.0", force=True))
    assert "deploy another version" in refusal.value.hint
    assert "force does not help" in refusal.value.hint
    assert holders(yard, "fraud/2.0.0") == []


@pytest.mark.feature("EXP-34")
def test_flags_hold_the_version_that_they_name(yard: EmbeddedCaller):
    yard.call(SET_FLAG, SetFlag(name="fraud", flag="beta", version="2.0.0", header="x-beta"))
    assert holders(yard, "fraud/2.0.0", force=True) == ["endpoint production"]


@pytest.mark.feature("EXP-34")
def test_a_live_deployment_holds_every_version_of_its_plan(yard: EmbeddedCaller):
    split = {"3.0.0": 20.0, "2.0.0": 30.0}
    test = yard.call(DEPLOY, Deploy(name="fraud", version="4.0.0", strategy="ab", split=split))
    for number in (2, 3, 4):
        assert holders(yard, f"fraud/{number}.0.0", force=True) == [f"deployment {test.id}"]
    assert holders(yard, "fraud/5.0.0") == []
    assert f"deployment {test.id}" in holders(yard, "fraud/1.0.0", force=True)
    yard.call(ABORT_DEPLOYMENT, Steer(id=test.id, reason="no"))
    assert holders(yard, "fraud/4.0.0") == []


@pytest.mark.feature("EXP-34", "RBK-01")
def test_what_a_rollback_would_go_back_to_is_held_until_it_is_forced(yard: EmbeddedCaller):
    deploy(yard, "2.0.0")
    (held,) = holders(yard, "fraud/1.0.0")
    newest = yard.call(LIST_SNAPSHOTS, ListSnapshots(name="fraud")).snapshots[0]
    assert (newest.version, held) == ("1.0.0", f"snapshot {newest.id}")
    deploy(yard, "3.0.0")
    deploy(yard, "4.0.0")
    assert len(holders(yard, "fraud/3.0.0")) == 1
    # A rollback from 4 goes to 3; what was before that is only history.
    assert holders(yard, "fraud/2.0.0") == []
    assert holders(yard, "fraud/3.0.0", force=True) == []


@pytest.mark.feature("EXP-34")
def test_a_model_is_not_deleted_while_it_serves(yard: EmbeddedCaller):
    assert "endpoint production" in holders(yard, "fraud")
    assert holders(yard, "fraud", force=True) == ["endpoint production"]
    live = yard.call(DEPLOY, Deploy(name="fraud", version="2.0.0"))
    assert holders(yard, "fraud", force=True) == ["endpoint production", f"deployment {live.id}"]
    yard.call(ABORT_DEPLOYMENT, Steer(id=live.id, reason="no"))
    first = yard.call(LIST_SNAPSHOTS, ListSnapshots(name="fraud")).snapshots[-1]
    assert first.version is None
    yard.call(RESTORE_SNAPSHOT, RestoreSnapshot(id=first.id, force=True))
    assert holders(yard, "fraud", force=True) == []


@pytest.mark.feature("EXP-34")
def test_the_files_of_what_is_held_stay(yard: EmbeddedCaller):
    assert holders(yard, "fraud/1.0.0", force=True)
    yard.call(COLLECT_GARBAGE, CollectGarbage(grace_seconds=0))
    assert yard.call(VERIFY, Named(reference="fraud/1.0.0")).damage == []


@pytest.mark.feature("EXP-34")
def test_to_archive_or_deprecate_what_serves_changes_no_traffic(yard: EmbeddedCaller):
    yard.call(ARCHIVE, Explained(reference="fraud/1.0.0", reason="old"))
    record = yard.call(DEPRECATE, Deprecate(reference="fraud/1.0.0", reason="old"))
    assert (record.stage, record.deprecated, record.serving) == ("archived", True, {"production": 1.0})
    assert yard.call(GET_VERSION, NamedThen(reference="fraud/1.0.0")).deployed
