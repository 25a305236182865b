"""Reports tell nobody more than they may know."""

from __future__ import annotations

import pytest

from modelyard.domain.permissions import Grant, Principal
from modelyard.errors import PermissionDenied
from modelyard.operations import (
    COMPARE_MANY,
    CREATE_MODEL,
    REGISTER_VERSION,
    UPDATE_STAGE,
    CompareMany,
    CreateModel,
    RegisterVersion,
    UpdateStage,
)
from modelyard.registry import reports
from modelyard.registry.dispatch import perform


@pytest.fixture
def stocked(caller):
    """Two models; a version of the one comes from the other."""
    for name in ("fraud", "secret"):
        caller.call(CREATE_MODEL, CreateModel(name=name))
    parent = caller.call(REGISTER_VERSION, RegisterVersion(name="secret", version="7.7.7"))
    caller.call(REGISTER_VERSION, RegisterVersion(name="fraud", version="1.0.0", parent=parent.id))
    caller.call(REGISTER_VERSION, RegisterVersion(name="fraud", version="2.0.0", metrics={"accuracy": 0.9}))
    return caller


def report(caller, *grants, versions=("fraud/1.0.0", "fraud/2.0.0")):
    principal = Principal(name="ana", proven=True, grants=grants)
    request = CompareMany(version=list(versions), format="html")
    return perform(caller.yard, COMPARE_MANY, request, principal=principal).document


@pytest.mark.feature("CMP-05", "SEC-02")
def test_a_report_shows_what_one_may_see(stocked):
    whole = report(stocked, Grant(allow="*.read"))
    assert "secret/7.7.7" in whole
    assert "registered</td>" in whole
    narrow = report(stocked, Grant(allow="version.read", model="fraud"))
    assert "secret" not in narrow
    assert "Timeline" not in narrow
    assert "fraud/2.0.0" in narrow
    with pytest.raises(PermissionDenied):
        report(stocked, Grant(allow="version.read", model="fraud"), versions=("fraud/1.0.0", "secret/7.7.7"))
    with pytest.raises(PermissionDenied):
        report(stocked, Grant(allow="model.read"))


def test_only_the_newest_events_are_told(stocked, monkeypatch):
    monkeypatch.setattr(reports, "EVENTS", 3)
    for stage in ("staging", "development") * 2:
        stocked.call(UPDATE_STAGE, UpdateStage(reference="fraud/1.0.0", stage=stage))
    shown = report(stocked, Grant(allow="*.read"))
    assert shown.count("moved from") == 3
    assert "2 older events are not shown" in shown
