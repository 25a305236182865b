"""Lineage on the command line: outline, graph, page, uses and trends."""

from __future__ import annotations

import pytest

from modelyard.cli.lineage import sparkline


@pytest.fixture
def line(terminal):
    """Two versions of one model, the second made from the first and in production."""
    terminal.register(
        "fraud", "1.0.0", "one", more='--metrics \'{"accuracy": 0.9}\' --metadata \'{"data_version": "p-1"}\''
    )
    metadata = '{"data_lineage": {"dataset": "p-2", "features": ["fs"]}, "code_version": "4f2a-dirty"}'
    terminal.register(
        "fraud", "1.1.0", "two", more=f"--metrics '{{\"accuracy\": 0.95}}' --metadata '{metadata}' --parent fraud/1.0.0"
    )
    for stage in ("staging", "production"):
        terminal.ok(f"promote fraud/1.1.0 --target-stage {stage}")
    return terminal


@pytest.mark.feature("LIN-01", "LIN-06", "LIN-08")
def test_lineage_in_each_of_its_forms(line, tmp_path):
    assert line.ok("lineage fraud/1.1.0").out.split("\n")[0].split() == [
        "REFERENCE", "STAGE", "METRICS", "SIZE", "REGISTERED",
    ]  # fmt: skip
    tree = line.ok("lineage fraud/1.1.0 --output tree").out.splitlines()
    assert tree[0].startswith("● fraud/1.1.0  production  registered by ")
    assert tree[1:5] == [
        "├─ feature fs",
        "│  └─ dataset p-2",
        "├─ dataset p-2 (above)",
        "├─ code 4f2a, uncommitted changes",
    ]
    assert tree[6].startswith("● fraud/1.0.0")
    graph = line.json("lineage fraud/1.1.0")
    assert {node["name"] for node in graph["nodes"]} == {"fraud/1.1.0", "fraud/1.0.0", "p-1", "p-2", "fs", "4f2a"}
    assert line.ok("lineage fraud/1.1.0 -o yaml").out.startswith("root: mv_")
    assert line.ok("lineage fraud/1.1.0 --output dot").out.startswith("digraph lineage {")
    assert line.ok("lineage fraud/1.1.0 --output html").out.startswith("<!DOCTYPE html>")
    written = line.ok(f"lineage fraud/1.1.0 --output dot --file {tmp_path / 'deep' / 'l.dot'}")
    assert (written.out, "wrote" in written.err) == ("", True)
    assert (tmp_path / "deep" / "l.dot").read_text().endswith("}\n")
    for form in ("json", "yaml"):
        assert line.ok(f"lineage fraud/1.1.0 --output {form} --file {tmp_path / form}").out == ""
        assert (tmp_path / form).read_text() == line.ok(f"lineage fraud/1.1.0 --output {form}").out
    line.ok(f"lineage fraud/1.1.0 --file {tmp_path / 'l.html'}")
    assert "Lineage of fraud/1.1.0" in (tmp_path / "l.html").read_text(encoding="utf-8")


def test_lineage_goes_where_it_is_sent(line):
    assert "fraud/1.1.0" in line.ok("lineage fraud/1.0.0 --down").out
    assert "p-1" not in line.ok("lineage fraud/1.0.0 --down").out
    assert "fraud/1.1.0" not in line.ok("lineage fraud/1.0.0 --up").out
    assert len(line.json("lineage fraud/1.0.0 --depth 0")["nodes"]) == 1
    assert line.run("lineage fraud/1.0.0 --depth -1").code == 2
    assert line.run("lineage nobody --output tree").code == 3
    assert line.run("versions fraud --output tree").code == 2, "only lineage has this form"


@pytest.mark.feature("LIN-03")
def test_who_uses_an_input(line):
    assert [use["version"] for use in line.json("used-by dataset p-2")] == ["1.1.0"]
    assert "stage production" in line.ok("used-by dataset 'p-*'").out
    nobody = line.ok("used-by dataset p-1")
    assert (nobody.out, "--all" in nobody.err) == ("no live version names it\n", True)
    assert [use["live"] for use in line.json("used-by dataset 'p-*' --all")] == [False, True]
    assert line.run("used-by cats tom").code == 2
    assert [ref["name"] for ref in line.json("lineage-refs --kind dataset 'p*'")] == ["p-1", "p-2"]
    table = [row.split() for row in line.ok("lineage-refs").out.splitlines()]
    assert table[0] == ["KIND", "NAME", "VERSIONS"]
    assert table[2:] == [
        ["code", "4f2a", "1"],
        ["dataset", "p-1", "1"],
        ["dataset", "p-2", "1"],
        ["feature", "fs", "1"],
    ]


@pytest.mark.feature("LIN-07")
def test_a_trend_is_drawn(line, tmp_path):
    shown = line.ok("trend fraud --metric accuracy").out
    assert "▁█" in shown
    assert "0.9 → 0.95; better than at first; higher is better" in shown
    assert line.json("trend fraud --metric accuracy --across versions")["trend"] == "better"
    page, drawing = tmp_path / "t.html", tmp_path / "t.svg"
    line.ok(f"trend fraud --metric accuracy --html {page} --svg {drawing}")
    assert "<svg" in page.read_text(encoding="utf-8")
    assert drawing.read_text(encoding="utf-8").startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    missing = line.run("trend fraud --metric auc")
    assert (missing.code, "accuracy" in missing.err) == (2, True)


def test_a_sparkline_takes_any_numbers():
    assert sparkline([0.0, None, 1.0]) == "▁ █"
    assert sparkline([0.5, 0.5]) == "██"
    assert sparkline([-1e308, 1e308, 0.0]) in {"▁█▄", "▁█▅"}
    assert sparkline([None]) == " "
