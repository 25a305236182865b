/**
 * Where the nodes and edges of a graph lie, from left to right. Pure: a graph goes in, places in CSS pixels come out.
 *
 * The library that does the work is loaded when a graph is first shown.
 */

export type Shape = "box" | "cylinder" | "hexagon" | "note" | "pill";

export interface GraphNode {
  id: string;
  /** What it is called. */
  title: string;
  /** A second, fainter line. */
  detail: string;
  shape: Shape;
}

export interface GraphEdge {
  /** What was there first; it lies on the left. */
  from: string;
  to: string;
  note?: string;
}

export interface PlacedNode extends GraphNode {
  /** The upper left corner. */
  x: number;
  y: number;
  width: number;
  height: number;
  shortTitle: string;
  shortDetail: string;
}

export interface PlacedEdge extends GraphEdge {
  id: string;
  /** The line as the `d` of a path. */
  path: string;
  /** It crosses several columns, perhaps behind other nodes. */
  isFar: boolean;
}

export interface Placed {
  width: number;
  height: number;
  nodes: PlacedNode[];
  edges: PlacedEdge[];
}

const HEIGHT = 46;
const NARROWEST = 110;
const WIDEST = 230;
/** The mean width of a letter of the title and of the detail; SVG text cannot be measured before it is drawn. */
const TITLE_LETTER = 7.6;
const DETAIL_LETTER = 6.4;
const PADDING = 32;
/** Above this many nodes a quicker rule decides who stands in which column. */
const MANY = 60;
/**
 * Edges over more columns than this are drawn straight across. The library gives each a place in every column between,
 * and a data set behind a hundred versions in a row would take it half a minute.
 */
const FAR = 3;

/** A text that fits into so many letters; what is cut off is told by an ellipsis. */
export function shortened(text: string, letters: number): string {
  const found = Array.from(text);
  return found.length <= letters ? text : `${found.slice(0, Math.max(letters - 1, 1)).join("")}…`;
}

function sized(node: GraphNode): Omit<PlacedNode, "x" | "y"> {
  const wanted = PADDING + Math.max(node.title.length * TITLE_LETTER, node.detail.length * DETAIL_LETTER);
  const width = Math.ceil(Math.min(Math.max(wanted, NARROWEST), WIDEST));
  return {
    ...node,
    width,
    height: HEIGHT,
    shortTitle: shortened(node.title, Math.floor((width - PADDING) / TITLE_LETTER)),
    shortDetail: shortened(node.detail, Math.floor((width - PADDING) / DETAIL_LETTER)),
  };
}

/** Lay a graph out; edges whose ends are not among the nodes are left out. */
export async function laidOut(nodes: readonly GraphNode[], edges: readonly GraphEdge[]): Promise<Placed> {
  const { Graph, layout } = await import("@dagrejs/dagre");
  const graph = new Graph({ multigraph: true });
  graph.setGraph({
    rankdir: "LR",
    nodesep: 18,
    ranksep: 60,
    marginx: 8,
    marginy: 8,
    ranker: nodes.length > MANY ? "longest-path" : "network-simplex",
  });
  const ofId = new Map(nodes.map((node) => [node.id, sized(node)]));
  for (const node of ofId.values()) graph.setNode(node.id, { width: node.width, height: node.height });
  const known = edges.filter((edge) => ofId.has(edge.from) && ofId.has(edge.to) && edge.from !== edge.to);
  const column = columns([...ofId.keys()], known);
  const kept = known.map((edge, place) => {
    const isFar = (column.get(edge.to) ?? 0) - (column.get(edge.from) ?? 0) > FAR;
    return { ...edge, id: String(place), isFar };
  });
  for (const edge of kept) if (!edge.isFar) graph.setEdge(edge.from, edge.to, {}, edge.id);
  layout(graph);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  const placed = new Map<string, PlacedNode>();
  for (const node of ofId.values()) {
    const { x, y } = graph.node(node.id) as { x: number; y: number };
    placed.set(node.id, { ...node, x: Math.round(x - node.width / 2), y: Math.round(y - node.height / 2) });
  }
  return {
    width: Math.ceil(width),
    height: Math.ceil(height),
    nodes: [...placed.values()],
    edges: kept.map((edge) => {
      if (edge.isFar) return { ...edge, path: across(placed.get(edge.from), placed.get(edge.to)) };
      const { points } = graph.edge(edge.from, edge.to, edge.id) as { points: Point[] };
      return { ...edge, path: curve(points) };
    }),
  };
}

/**
 * The column of each node: as far left as what it comes from allows, and what comes from nothing just before the first
 * that needs it.
 */
export function columns(ids: readonly string[], edges: readonly GraphEdge[]): Map<string, number> {
  const before = neighbours(ids, edges, "to", "from");
  const after = neighbours(ids, edges, "from", "to");
  const found = new Map<string, number>();
  const waiting = new Map(ids.map((id) => [id, of(before, id).length]));
  let ready = ids.filter((id) => waiting.get(id) === 0);
  // What stands in a circle never gets ready, and stays in the first column.
  for (let place = 0; ready.length > 0; place += 1) {
    for (const id of ready) found.set(id, place);
    const reached = ready.flatMap((id) => of(after, id));
    for (const id of reached) waiting.set(id, (waiting.get(id) ?? 0) - 1);
    ready = [...new Set(reached)].filter((id) => waiting.get(id) === 0);
  }
  for (const id of ids) {
    const users = of(after, id).map((user) => found.get(user) ?? 0);
    if (of(before, id).length === 0 && users.length > 0) found.set(id, Math.min(...users) - 1);
  }
  return found;
}

type Ends = "from" | "to";

/** The nodes at the other ends of each node's edges. */
function neighbours(ids: readonly string[], edges: readonly GraphEdge[], one: Ends, other: Ends): Map<string, string[]> {
  const found = new Map<string, string[]>(ids.map((id) => [id, []]));
  for (const edge of edges) found.get(edge[one])?.push(edge[other]);
  return found;
}

function of(all: Map<string, string[]>, id: string): string[] {
  return all.get(id) ?? [];
}

/** A line from the right side of one node to the left side of another. */
function across(from: PlacedNode | undefined, to: PlacedNode | undefined): string {
  if (from === undefined || to === undefined) return "";
  const [start, end] = [
    { x: from.x + from.width, y: from.y + from.height / 2 },
    { x: to.x, y: to.y + to.height / 2 },
  ];
  const bend = Math.max((end.x - start.x) / 3, 40);
  return `M${told(start)}C${told({ ...start, x: start.x + bend })} ${told({ ...end, x: end.x - bend })} ${told(end)}`;
}

export interface Point {
  x: number;
  y: number;
}

/** A line through points without corners: it bends at each, from the middle of one piece to the middle of the next. */
export function curve(points: readonly Point[]): string {
  const [first, ...rest] = points;
  const last = rest.pop();
  if (first === undefined || last === undefined) return "";
  let path = `M${told(first)}`;
  rest.forEach((point, place) => {
    const next = rest[place + 1] ?? last;
    const to = place === rest.length - 1 ? last : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    path += `Q${told(point)} ${told(to)}`;
  });
  return rest.length === 0 ? `${path}L${told(last)}` : path;
}

function told({ x, y }: Point): string {
  return `${String(Math.round(x * 10) / 10)},${String(Math.round(y * 10) / 10)}`;
}

/** The outline of a shape with its upper left corner at the origin, as the `d` of a path. */
export function outline(shape: Shape, width: number, height: number): string {
  const [w, h] = [String(width), String(height)];
  const at = (value: number) => String(value);
  switch (shape) {
    case "box":
      return rounded(width, height, 7);
    case "pill":
      return rounded(width, height, height / 2);
    case "hexagon":
      return `M14,0H${at(width - 14)}L${w},${at(height / 2)}L${at(width - 14)},${h}H14L0,${at(height / 2)}Z`;
    case "note":
      return `M0,0H${at(width - 12)}L${w},12V${h}H0ZM${at(width - 12)},0V12H${w}`;
    case "cylinder": {
      const half = at(width / 2);
      return `M0,6A${half},6 0 0 1 ${w},6V${at(height - 6)}A${half},6 0 0 1 0,${at(height - 6)}ZM0,6A${half},6 0 0 0 ${w},6`;
    }
  }
}

function rounded(width: number, height: number, radius: number): string {
  const corner = (x: number, y: number) => `a${String(radius)},${String(radius)} 0 0 1 ${String(x)},${String(y)}`;
  const [across, down] = [String(width - 2 * radius), String(height - 2 * radius)];
  return `M${String(radius)},0h${across}${corner(radius, radius)}v${down}${corner(-radius, radius)}h-${across}${corner(-radius, -radius)}v-${down}${corner(radius, -radius)}Z`;
}
