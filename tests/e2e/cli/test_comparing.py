"""`compare` for two versions on the screen, and for many in a report."""

from __future__ import annotations

import pytest

from components.pages import Page


@pytest.mark.feature("CMP-05", "CMP-06")
def test_reports_are_written_beside_each_other(fraud):
    fraud.register("fraud", "2.0.0", "three", more="--metrics '{\"accuracy\": 0.97}'")
    said = fraud.ok("compare fraud/1.0.0 fraud/1.1.0 fraud/2.0.0 --html out/report.html --markdown out/report.md").out
    assert said == "compared 3 versions: out/report.html and out/report.md\n"
    page = Page((fraud.folder / "out" / "report.html").read_text(encoding="utf-8"))
    page.check()
    assert "Winner: fraud/2.0.0" in page.text()
    assert (fraud.folder / "out" / "report.md").read_text(encoding="utf-8").startswith("# Comparison of 3 versions")
    assert fraud.ok("compare fraud/1.0.0 fraud/2.0.0 --markdown -").out.startswith("# Comparison of 2 versions")
    assert fraud.json("compare fraud/1.0.0 fraud/1.1.0 --html r.html") == [{"format": "html", "path": "r.html"}]


def test_three_versions_on_the_screen(fraud):
    fraud.register("fraud", "2.0.0", "three", more='--metrics \'{"accuracy": 0.97, "speed": 3}\'')
    shown = fraud.ok("compare fraud/1.0.0 fraud/1.1.0 fraud/2.0.0").out
    assert ["accuracy", "0.9", "0.95", "0.97"] in [line.split() for line in shown.splitlines()]
    assert ["speed", "3"] in [line.split() for line in shown.splitlines()]
    assert ["winner", "fraud/2.0.0"] in [line.split() for line in shown.splitlines()]
    assert "mv_" not in shown
    answer = fraud.json("compare fraud/1.0.0 fraud/1.1.0 fraud/2.0.0 --metrics accuracy")
    assert [made["metric_changes"]["accuracy"] for made in answer["comparisons"]] == pytest.approx([0.05, 0.07])


def test_what_compare_refuses(fraud):
    alone = fraud.run("compare fraud/1.0.0")
    assert alone.code == 2
    assert "name two versions or more" in alone.err
    assert fraud.run("compare fraud/1.0.0 fraud/1.0.0 fraud/1.1.0").code == 2
    assert fraud.run("compare fraud/1.0.0 fraud/9.9.9 --html r.html").code == 3
    assert fraud.run("compare fraud/1.0.0 fraud/1.1.0 --html .").code == 2
    assert not (fraud.folder / "r.html").exists()
