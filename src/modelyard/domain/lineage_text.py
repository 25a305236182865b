"""A graph of lineage as text: an outline for people, and the language of graphviz.

Rules
1. The outline begins with the version that was asked for. Below it stands what it was made from, its features first,
   so that their data stands under them; then its parent follows in the same way, and so on to the first one. What was
   made from the version comes last.
2. A node is shown once; where it comes again, a line refers to the one above.
3. Levels below the fortieth are not set in further: a line of thousands of versions stays readable, and small.
4. In graphviz's language arrows follow the work: from data to features to models. Every name is quoted.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from modelyard.domain.inputs import CODE, DATASET, FEATURE, RUN
from modelyard.domain.lineage import ORDER, PARENT, VERSION
from modelyard.domain.wire import LineageEdge, LineageGraph, LineageNode

DEEPEST = 40
MADE_FROM_IT = "made from it:"

_SHAPES = {VERSION: "box", DATASET: "cylinder", FEATURE: "ellipse", CODE: "note", RUN: "hexagon"}
_Edges = Mapping[str, Sequence[tuple[str, LineageEdge]]]


@dataclass(frozen=True)
class Line:
    """A line of the outline.

    Attributes:
        node: what it is about.
        level: 0 for the version asked for and its ancestors; how far set in, for the others.
        below: whether it was made from the version asked for.
        repeated: the node is shown above.
        note: what the edge to it says.
    """

    node: LineageNode
    level: int
    below: bool = False
    repeated: bool = False
    note: str = ""


def outline(graph: LineageGraph) -> list[Line]:
    """The lines of a graph, in order."""
    nodes = {node.id: node for node in graph.nodes}
    parents, inputs, children = _sorted_edges(graph)
    lines, shown, queue = [], set(), deque([graph.root])
    while queue:
        key = queue.popleft()
        if key in shown:
            continue
        shown.add(key)
        lines.append(Line(nodes[key], 0))
        lines += _branches(nodes, key, inputs, shown, below=False)
        queue.extend(following for following, _edge in parents[key])
    lines += _branches(nodes, graph.root, children, shown, below=True)
    return lines


def tree(graph: LineageGraph) -> list[str]:
    """The outline with its branches drawn."""
    lines = outline(graph)
    drawn: list[str] = []
    open_levels: set[int] = set()
    for place in range(len(lines) - 1, -1, -1):
        line = lines[place]
        if line.level == 0:
            drawn += [f"● {caption(line)}", *(["│"] if place else [])]
            open_levels = {1}
            continue
        mark = "├─ " if line.level in open_levels else "└─ "
        open_levels = {level for level in open_levels if level < line.level} | {line.level}
        drawn.append(
            "".join("│  " if level in open_levels else "   " for level in range(1, line.level)) + mark + caption(line)
        )
        if line.below and not lines[place - 1].below:
            drawn += [MADE_FROM_IT, ""]
            open_levels = set()
    return [*drawn[::-1], *(["…", "there is more; --depth narrows it"] if graph.truncated else [])]


def caption(line: Line) -> str:
    """What a line says of its node."""
    note = f", {line.note}" if line.note else ""
    if line.repeated:
        return f"{_name(line.node)}{note} (above)"
    return f"{_name(line.node)}{note}{''.join(f'  {word}' for word in words(line.node))}"


def words(node: LineageNode) -> list[str]:
    """What is known of a node besides its name, each as a few words."""
    if node.kind != VERSION:
        return [f"{key} {fact}" for key, fact in node.facts.items() if key != "version"]
    told = [
        "[deleted]" if node.deleted else node.stage,
        *(f"@{alias}" for alias in node.aliases),
        *(f"[{100 * share:.4g} % of {where}]" for where, share in sorted(node.serving.items())),
        "[deprecated]" if node.deprecated else "",
        _told("trained", node.created_by, node.trained_at),
        _told("registered", node.registered_by, node.registered_at),
    ]
    return [word for word in told if word]


def dot(graph: LineageGraph) -> str:
    """The graph in the language of graphviz."""
    lines = ["digraph lineage {", "  rankdir=LR;", '  node [fontname="sans-serif"];', '  edge [fontname="sans-serif"];']
    for node in graph.nodes:
        look = [f"shape={_SHAPES[node.kind]}", *(["style=dashed"] if node.deleted else [])]
        look += ["penwidth=2"] if node.id == graph.root else []
        lines.append(f"  {_quoted(node.id)} [label={_label([_name(node), *words(node)])}, {', '.join(look)}];")
    for edge in graph.edges:
        said = ", ".join(text for text in (edge.relation, edge.note) if text)
        lines.append(f"  {_quoted(edge.target)} -> {_quoted(edge.source)} [label={_label([said])}];")
    return "\n".join([*lines, "}", ""])


def _sorted_edges(graph: LineageGraph) -> tuple[_Edges, _Edges, _Edges]:
    """The edges to parents, to inputs, and from what a node was made of, each by the node that they start from."""
    parents: dict[str, list[tuple[str, LineageEdge]]] = defaultdict(list)
    inputs: dict[str, list[tuple[str, LineageEdge]]] = defaultdict(list)
    children: dict[str, list[tuple[str, LineageEdge]]] = defaultdict(list)
    kinds = {node.id: ORDER.index(node.kind) for node in graph.nodes}
    for edge in sorted(graph.edges, key=lambda edge: kinds[edge.target]):
        (parents if edge.relation == PARENT else inputs)[edge.source].append((edge.target, edge))
        if edge.relation == PARENT:
            children[edge.target].append((edge.source, edge))
    return parents, inputs, children


def _branches(
    nodes: Mapping[str, LineageNode], start: str, edges: _Edges, shown: set[str], *, below: bool
) -> Iterator[Line]:
    """Walk along some edges, depth first, without recursion."""
    stack = [(key, edge, 1) for key, edge in reversed(edges.get(start, ()))]
    while stack:
        key, edge, level = stack.pop()
        repeated = key in shown
        yield Line(nodes[key], min(level, DEEPEST), below, repeated, edge.note)
        if not repeated:
            shown.add(key)
            stack += [(inner, further, level + 1) for inner, further in reversed(edges.get(key, ()))]


def _name(node: LineageNode) -> str:
    return node.name if node.kind == VERSION else f"{node.kind} {node.name}"


def _told(what: str, who: str, at: str) -> str:
    parts = [*([f"by {who}"] if who else []), *([f"on {at[:10]}"] if at else [])]
    return f"{what} {' '.join(parts)}" if parts else ""


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _label(lines: Sequence[str]) -> str:
    # An ampersand would begin the name of a character.
    parts = (_quoted(" ".join(line.split()).replace("&", "&amp;"))[1:-1] for line in lines)
    return '"' + "\\n".join(parts) + '"'
