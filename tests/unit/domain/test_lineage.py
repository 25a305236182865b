"""The graph of lineage: walks agree in both directions, and end."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.inputs import Inputs, inputs_of
from modelyard.domain.lineage import Nodes, ancestors, descendants, neighbourhood
from modelyard.domain.wire import LineageNode

KEYS = [f"v{number}" for number in range(7)]
EDGES = st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(KEYS)), max_size=15)


def version(key: str, **facts) -> LineageNode:
    return LineageNode(id=key, kind="version", name=f"m/{key}", **facts)


@pytest.mark.feature("LIN-06")
@given(EDGES, st.none() | st.integers(0, 4))
def test_walks_up_and_down_agree(edges, depth):
    limit = {} if depth is None else {"depth": depth}
    up = {key: ancestors(edges, key, **limit) for key in KEYS}
    down = {key: descendants(edges, key, **limit) for key in KEYS}
    for a in KEYS:
        for b in KEYS:
            assert up[b].get(a) == down[a].get(b)
            if a in up[b] and b != a:
                assert any(edge[0] == b and up[edge[1]].get(a, -1) in {up[b][a] - 1, -1} for edge in edges)


@given(EDGES)
def test_a_deeper_walk_only_adds_nodes(edges):
    walks = [ancestors(edges, "v0", depth=depth) for depth in range(8)]
    for less, more in pairwise(walks):
        assert less.items() <= more.items()
    assert walks[-1] == ancestors(edges, "v0")


def test_a_line_of_ten_thousand_needs_no_recursion():
    edges = [(number, number + 1) for number in range(10_000)]
    assert ancestors(edges, 0)[10_000] == 10_000  # type: ignore[arg-type,index]


def family() -> Nodes:
    """v0 ← v1 ← v2 and v1 ← v3, all made from some data."""
    found = Nodes()
    data = inputs_of(
        {"data_lineage": {"dataset": "p", "source": "s3://p", "features": ["f"]}, "code_version": "c-dirty"}
    )
    found.add(version("v0"), None, data)
    found.add(version("v1"), "v0", inputs_of({"data_version": "p", "code_version": "c"}))
    found.add(version("v2"), "v1", Inputs())
    found.add(version("v3"), "v1", data)
    return found


def test_a_neighbourhood_has_what_lies_above_and_below_and_not_beside():
    graph = neighbourhood(family(), "v1")
    assert [node.id for node in graph.nodes] == [
        "v1", "v0", "v2", "v3", "dataset:p", "code:c", "feature:f",
    ]  # fmt: skip
    assert {(edge.source, edge.target) for edge in graph.edges} == {
        ("v1", "v0"), ("v1", "dataset:p"), ("v1", "code:c"), ("v0", "dataset:p"), ("v0", "code:c"),
        ("v0", "feature:f"), ("feature:f", "dataset:p"), ("v2", "v1"), ("v3", "v1"),
    }  # fmt: skip
    assert [node.facts for node in graph.nodes if node.id == "dataset:p"] == [{"source": "s3://p"}]
    notes = {edge.source: edge.note for edge in graph.edges if edge.target == "code:c"}
    assert notes == {"v1": "", "v0": "uncommitted changes"}


@pytest.mark.parametrize(
    ("walk", "ids"),
    [
        ({"down": False}, ["v1", "v0", "dataset:p", "code:c", "feature:f"]),
        ({"up": False}, ["v1", "v2", "v3"]),
        ({"up": False, "down": False}, ["v1"]),
        ({"depth": 0}, ["v1"]),
        ({"depth": 1}, ["v1", "v0", "v2", "v3", "dataset:p", "code:c"]),
    ],
)
def test_a_walk_goes_where_it_is_sent(walk, ids):
    graph = neighbourhood(family(), "v1", **walk)
    assert [node.id for node in graph.nodes] == ids
    assert {edge.source for edge in graph.edges} | {edge.target for edge in graph.edges} <= set(ids)
