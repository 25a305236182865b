"""The dashboards that are shipped are those that the tool builds, and one that was changed by hand is found."""

from __future__ import annotations

import json

import pytest

from tools import dashboards


@pytest.mark.feature("OBS-02")
def test_shipped_dashboards_are_what_the_tool_builds():
    assert dashboards.drifted() == [], "run `python tools/dashboards.py`"
    assert {file.stem for file in dashboards.FOLDER.glob("*.json")} == set(dashboards.DASHBOARDS)


def test_a_dashboard_that_was_changed_or_is_missing_is_found(tmp_path):
    for name in dashboards.DASHBOARDS:
        (tmp_path / f"{name}.json").write_text(dashboards.built(name))
    assert dashboards.drifted(tmp_path) == []
    (tmp_path / "model.json").write_text(dashboards.built("model").replace("p95", "p96"))
    (tmp_path / "release.json").unlink()
    assert dashboards.drifted(tmp_path) == ["model.json", "release.json"]


@pytest.mark.parametrize("name", dashboards.DASHBOARDS)
def test_a_dashboard_has_a_fixed_name_panels_with_titles_and_a_source_that_can_be_chosen(name):
    board = json.loads(dashboards.built(name))
    assert board["uid"] == f"modelyard-{name}"
    variables = [variable["name"] for variable in board["templating"]["list"]]
    assert variables == ["datasource", *(["model", "environment"] if name != "overview" else [])]
    for panel in board["panels"]:
        assert panel["title"]
        assert panel["type"] == "row" or panel["targets"]
        for target in panel.get("targets", []):
            assert target["datasource"]["uid"] == "${datasource}"
