"""Lineage as an outline and in graphviz's language."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from modelyard.domain.inputs import Inputs, inputs_of
from modelyard.domain.lineage import Nodes, neighbourhood
from modelyard.domain.lineage_text import DEEPEST, dot, outline, tree
from unit.domain.test_lineage import family, version

QUOTED = r'"(?:[^"\\]|\\.)*"'
STATEMENT = re.compile(rf"  {QUOTED}(?: -> {QUOTED})? \[(?:\w+=(?:{QUOTED}|\w+)(?:, )?)+\];")


@pytest.mark.feature("LIN-06", "LIN-08")
def test_the_outline_of_a_version():
    found = family()
    found.nodes["v0"] = replace(found.nodes["v0"], deleted=True, created_by="ana", trained_at="2026-02-01T00:00:00Z")
    found.nodes["v1"] = replace(
        found.nodes["v1"], stage="production", aliases=["champion"], registered_by="bob",
        registered_at="2026-03-02T10:00:00.000000Z", deprecated=True,
    )  # fmt: skip
    assert tree(neighbourhood(found, "v1")) == [
        "● m/v1  production  @champion  [deprecated]  registered by bob on 2026-03-02",
        "├─ dataset p  source s3://p",
        "├─ code c",
        "│",
        "● m/v0  [deleted]  trained by ana on 2026-02-01",
        "├─ feature f",
        "│  └─ dataset p (above)",
        "├─ dataset p (above)",
        "└─ code c, uncommitted changes (above)",
        "",
        "made from it:",
        "├─ m/v2",
        "└─ m/v3",
    ]


def test_what_was_made_from_it_alone():
    assert tree(neighbourhood(family(), "v0", up=False)) == [
        "● m/v0", "", "made from it:", "└─ m/v1", "   ├─ m/v2", "   └─ m/v3",
    ]  # fmt: skip


def test_an_answer_that_was_cut_says_so():
    assert tree(neighbourhood(family(), "v2", depth=0, truncated=True))[1:] == [
        "…",
        "there is more; --depth narrows it",
    ]


def line(length: int) -> Nodes:
    found = Nodes()
    for number in range(length):
        found.add(version(f"v{number}"), f"v{number - 1}" if number else None, Inputs())
    return found


def test_a_long_line_stays_small():
    found = line(10_000)
    assert len(tree(neighbourhood(found, "v9999"))) == 2 * 10_000 - 1
    below = tree(neighbourhood(found, "v0"))
    assert len(below) == 10_000 + 2
    assert max(map(len, below)) < DEEPEST * 4 + 20


def test_a_cycle_ends():
    found = line(3)
    found.add(version("v0"), "v2", Inputs())
    graph = neighbourhood(found, "v1")
    assert [(one.node.id, one.repeated) for one in outline(graph)] == [
        ("v1", False), ("v0", False), ("v2", False), ("v2", True),
    ]  # fmt: skip


def test_the_language_of_graphviz_is_written_as_its_grammar_wants():
    odd = 'a "b" \\ & <c> \n d\\'
    found = family()
    found.add(version("v1", model=odd), "v0", inputs_of({"data_version": odd, "training_run_id": "r"}))
    found.nodes["v0"] = replace(found.nodes["v0"], deleted=True)
    text = dot(neighbourhood(found, "v1"))
    first, *body, last, empty = text.split("\n")
    assert (first, last, empty) == ("digraph lineage {", "}", "")
    assert all(STATEMENT.fullmatch(line) for line in body[3:]), text
    assert '  "v0" -> "v1" [label="parent"];' in body, "arrows follow the work"
    assert "style=dashed" in next(line for line in body if line.startswith('  "v0" ['))
    assert '[label="dataset a \\"b\\" \\\\ &amp; <c> d\\\\", shape=cylinder]' in text
