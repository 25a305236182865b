/** A lineage as a drawing and as a list: what is said of each thing, and in which order. */

import type { Schemas } from "../../api/client";
import type { GraphEdge, GraphNode, Shape } from "../../ui/graph-layout";
import { versionWords } from "../../words/version";

type LineageGraph = Schemas["LineageGraph"];
type LineageNode = Schemas["LineageNode"];
const W = versionWords.lineage;

const SHAPES: Record<string, Shape> = { version: "box", dataset: "cylinder", feature: "hexagon", code: "note", run: "pill" };

/** What kind of thing it is, in a word. */
export function kindOf(kind: string): string {
  return (W.kinds as Record<string, string>)[kind] ?? kind;
}

/** How a thing is called: a version without its model's name twice. */
export function titleOf(node: LineageNode): string {
  return node.kind === "version" && node.model !== "" ? `${node.model} ${node.version}` : node.name;
}

/** Kind, stage and what else one has to know of a thing. */
export function detailOf(node: LineageNode): string {
  const serves = Object.keys(node.serving ?? {});
  return [
    node.kind === "version" && node.stage !== "" ? node.stage : kindOf(node.kind),
    ...(node.aliases ?? []).map((one) => `@${one}`),
    serves.length > 0 ? `${W.serves} ${serves.join(", ")}` : "",
    node.deprecated ? W.deprecated : "",
    node.deleted ? W.deleted : "",
  ]
    .filter((one) => one !== "")
    .join(" · ");
}

/** The graph as it is drawn: what was there first lies on the left. */
export function drawn(graph: LineageGraph): { nodes: GraphNode[]; edges: GraphEdge[] } {
  return {
    nodes: graph.nodes.map((node) => ({
      id: node.id,
      title: titleOf(node),
      detail: detailOf(node),
      shape: SHAPES[node.kind] ?? "box",
    })),
    edges: graph.edges.map((edge) => ({ from: edge.target, to: edge.source, note: edge.note })),
  };
}

export interface Branch {
  node: LineageNode;
  note: string;
  /** Its own branches were listed above already. */
  isRepeated: boolean;
  branches: Branch[];
}

/**
 * What a version was made from ("up"), or what was made from it ("down"), as a tree.
 *
 * What can be reached in two ways has its branches at the first place only, so that the list is no longer than the graph.
 */
export function branches(graph: LineageGraph, direction: "up" | "down"): Branch[] {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  const next = new Map<string, { id: string; note: string }[]>();
  for (const edge of graph.edges) {
    const [from, to] = direction === "up" ? [edge.source, edge.target] : [edge.target, edge.source];
    next.set(from, [...(next.get(from) ?? []), { id: to, note: edge.note }]);
  }
  const seen = new Set<string>();
  const below = (id: string): Branch[] => {
    seen.add(id);
    return (next.get(id) ?? []).flatMap(({ id: to, note }) => {
      const node = nodes.get(to);
      if (node === undefined) return [];
      const isRepeated = seen.has(to) && (next.get(to) ?? []).length > 0;
      return [{ node, note, isRepeated, branches: seen.has(to) ? [] : below(to) }];
    });
  };
  return below(graph.root);
}

/** The part of an input's id that names it: `dataset:payments` is a dataset called payments. */
export function inputOf(id: string): { kind: string; name: string } | null {
  const [, kind, name] = /^([a-z]+):(.+)$/s.exec(id) ?? [];
  return kind === undefined || name === undefined || kind === "version" ? null : { kind, name };
}
