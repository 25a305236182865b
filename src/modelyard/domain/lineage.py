"""The graph of where versions come from: data → features → model, and a model from the one before.

Rules
1. An edge leads from what was made to what it was made from: from a version to its parent and to each of its inputs,
   and from a feature to the dataset that it comes from.
2. Only a parent that was named makes an edge between versions. (`get_model_lineage` also follows the numbers of a
   model, where no parent is named.)
3. Up leads along the edges, down against them. A node is reached at its smallest distance; nothing is walked twice, so
   a cycle, which only a damaged registry can hold, ends.
4. The neighbourhood of a node has what up and down reach within a depth, and the edges inside each of the two: what
   lies beside a version (another model made from the same data) is in neither.
5. A deleted version keeps its place: what was made from it still was.
6. In a list, the start comes first, then the nodes by distance, by kind and by name.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from modelyard.domain.inputs import CODE, DATASET, FEATURE, RUN, Inputs
from modelyard.domain.wire import LineageEdge, LineageGraph, LineageNode

VERSION, PARENT = "version", "parent"
UNLIMITED = 1 << 30
ORDER = (VERSION, FEATURE, DATASET, CODE, RUN)
"""In which order nodes of one distance are listed."""


@dataclass(frozen=True)
class Nodes:
    """Nodes and edges as they are found; each is kept once."""

    nodes: dict[str, LineageNode] = field(default_factory=dict)
    edges: dict[tuple[str, str], LineageEdge] = field(default_factory=dict)
    """By source and target."""

    def add(self, version: LineageNode, parent: str | None, inputs: Inputs) -> None:
        """Add a version and what it was made from; a parent is given by its id, and added as a version itself."""
        self.nodes[version.id] = version
        if parent:
            self._draw(version.id, parent, PARENT)
        for (kind, name), facts in inputs.found.items():
            self._add_input(version.id, kind, name, facts)
        for feature, dataset in inputs.derived:
            self._draw(input_id(FEATURE, feature), input_id(DATASET, dataset), DATASET)

    def _draw(self, source: str, target: str, relation: str, note: str = "") -> None:
        self.edges[source, target] = LineageEdge(source=source, target=target, relation=relation, note=note)

    def _add_input(self, version: str, kind: str, name: str, facts: Mapping[str, str]) -> None:
        key = input_id(kind, name)
        known = self.nodes.get(key) or LineageNode(id=key, kind=kind, name=name)
        # That one version was made from changed code is no fact of the commit, which others may share.
        shared = {key: fact for key, fact in facts.items() if key != "state"}
        self.nodes[key] = replace(known, facts={**shared, **known.facts})
        self._draw(version, key, kind, facts.get("state", ""))


def input_id(kind: str, name: str) -> str:
    """The id of an input's node."""
    return f"{kind}:{name}"


def reach(edges: Iterable[tuple[str, str]], start: str, *, depth: int = UNLIMITED) -> dict[str, int]:
    """How far each node is that a walk along the edges reaches; the start itself is at 0."""
    following = defaultdict(list)
    for source, target in edges:
        following[source].append(target)
    distances, queue = {start: 0}, deque([start])
    while queue:
        node = queue.popleft()
        if distances[node] == depth:
            continue
        for target in following[node]:
            if target not in distances:
                distances[target] = distances[node] + 1
                queue.append(target)
    return distances


def ancestors(edges: Iterable[tuple[str, str]], start: str, *, depth: int = UNLIMITED) -> dict[str, int]:
    """What a node was made from, directly or not, with the distance; the node itself is at 0."""
    return reach(edges, start, depth=depth)


def descendants(edges: Iterable[tuple[str, str]], start: str, *, depth: int = UNLIMITED) -> dict[str, int]:
    """What was made from a node, directly or not, with the distance; the node itself is at 0."""
    return reach(((target, source) for source, target in edges), start, depth=depth)


def neighbourhood(
    found: Nodes, root: str, *, up: bool = True, down: bool = True, depth: int = UNLIMITED, truncated: bool = False
) -> LineageGraph:
    """The part of a graph that belongs to a node; see the rules."""
    above = ancestors(found.edges, root, depth=depth) if up else {root: 0}
    below = descendants(found.edges, root, depth=depth) if down else {root: 0}
    distances = {**below, **above}
    nodes = sorted((found.nodes[key] for key in distances), key=lambda node: _place(node, distances))
    place = {node.id: number for number, node in enumerate(nodes)}
    edges = [
        edge
        for (source, target), edge in found.edges.items()
        if (source in above and target in above) or (source in below and target in below)
    ]
    edges.sort(key=lambda edge: (place[edge.source], place[edge.target]))
    return LineageGraph(root=root, nodes=nodes, edges=edges, truncated=truncated)


def _place(node: LineageNode, distances: Mapping[str, int]) -> tuple[int, int, str, str]:
    return distances[node.id], ORDER.index(node.kind), node.name, node.id
