/** Where the nodes and edges of a graph lie, from left to right. Pure: a graph goes in, places in CSS pixels come out. */

import { backwards, columns, ordered, type Place, spread } from "./graph-order";

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
const TITLE_LETTER = 8.4;
const DETAIL_LETTER = 6.4;
const PADDING = 32;
const MARGIN = 8;
/** Between columns, where lines bend. */
const ALLEY = 64;
/**
 * Edges over more columns than this are drawn straight across. A place in every column between would push the nodes
 * apart, where a data set stands behind a hundred versions in a row.
 */
const FAR = 3;
/** The height that a line takes where it passes between nodes. */
const LINE = 6;
/** Between lines that join the same two nodes. */
const BESIDE = 14;

/** A text that fits into so many letters; what is cut off is told by an ellipsis. */
export function shortened(text: string, letters: number): string {
  const found = Array.from(text);
  return found.length <= letters ? text : `${found.slice(0, Math.max(letters - 1, 1)).join("")}…`;
}

type Sized = Omit<PlacedNode, "x" | "y">;

function sized(node: GraphNode): Sized {
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

/** An edge on its way from left to right. */
interface Way {
  edge: GraphEdge;
  /** It leads from right to left: to where something came from. */
  isBack: boolean;
  isFar: boolean;
  from: string;
  to: string;
  /** Its places in the columns between. */
  via: Place[];
  /** How far beside the middle of its ends it begins and ends. */
  beside: number;
}

/** Lay a graph out; edges whose ends are not two of the nodes are left out. */
export function laidOut(nodes: readonly GraphNode[], edges: readonly GraphEdge[]): Placed {
  const sizes = new Map(nodes.map((node) => [node.id, sized(node)]));
  const ids = [...sizes.keys()];
  const known = edges.filter((edge) => sizes.has(edge.from) && sizes.has(edge.to) && edge.from !== edge.to);
  const back = backwards(ids, known);
  const ways = known.map((edge) => wayOf(edge, back.has(edge)));
  const columnOf = columns(ids, ways);
  const places = new Map(ids.map((id) => [id, placeOf(HEIGHT)]));
  const standing: Place[][] = [];
  for (const [id, place] of places) (standing[columnOf.get(id) ?? 0] ??= []).push(place);
  for (const way of ways) join(way, places, columnOf, standing);
  setBeside(ways);
  const order = ordered(standing);
  spread(order);
  const height = moved(order.flat());
  const strips = stripsOf(order.length, sizes, columnOf);
  const placed = new Map<string, PlacedNode>();
  for (const [id, node] of sizes) {
    const [strip, place] = [strips[columnOf.get(id) ?? 0], places.get(id)];
    if (strip === undefined || place === undefined) continue;
    placed.set(id, { ...node, x: strip.start + Math.round((strip.end - strip.start - node.width) / 2), y: place.y - HEIGHT / 2 });
  }
  const drawn = ways.map((way, place): PlacedEdge => {
    const points = pointsOf(way, placed, columnOf, strips);
    return { ...way.edge, id: String(place), isFar: way.isFar, path: smooth(way.isBack ? points.reverse() : points) };
  });
  return { width: (strips.at(-1)?.end ?? -MARGIN) + MARGIN, height, nodes: [...placed.values()], edges: drawn };
}

function wayOf(edge: GraphEdge, isBack: boolean): Way {
  const [from, to] = isBack ? [edge.to, edge.from] : [edge.from, edge.to];
  return { edge, isBack, isFar: false, from, to, via: [], beside: 0 };
}

function placeOf(height: number): Place {
  return { height, left: [], right: [], y: 0 };
}

/** Join the ends of an edge through the columns between; where those are too many, it takes part in nothing. */
function join(way: Way, places: Map<string, Place>, columnOf: Map<string, number>, standing: Place[][]): void {
  const [first, last] = [columnOf.get(way.from) ?? 0, columnOf.get(way.to) ?? 0];
  const [from, to] = [places.get(way.from), places.get(way.to)];
  way.isFar = last - first > FAR;
  if (way.isFar || from === undefined || to === undefined) return;
  for (let column = first + 1; column < last; column += 1) {
    const place = placeOf(LINE);
    way.via.push(place);
    standing[column]?.push(place);
  }
  const all = [from, ...way.via, to];
  all.slice(1).forEach((place, at) => {
    const before = all[at];
    before?.right.push(place);
    if (before !== undefined) place.left.push(before);
  });
}

/** Lines between the same two nodes run beside each other. */
function setBeside(ways: readonly Way[]): void {
  const groups = new Map<string, Way[]>();
  for (const way of ways) {
    const key = JSON.stringify([way.from, way.to]);
    groups.set(key, [...(groups.get(key) ?? []), way]);
  }
  for (const group of groups.values()) {
    const step = Math.min(BESIDE, (HEIGHT - BESIDE) / group.length);
    group.forEach((way, place) => {
      way.beside = (place - (group.length - 1) / 2) * step;
    });
  }
}

/** Move all so far down that nothing lies beyond the upper margin; what comes out is the height of the whole. */
function moved(all: readonly Place[]): number {
  if (all.length === 0) return 0;
  const top = Math.min(...all.map((one) => one.y - one.height / 2)) - MARGIN;
  for (const one of all) one.y = Math.round(one.y - top);
  return Math.ceil(Math.max(...all.map((one) => one.y + one.height / 2))) + MARGIN;
}

/** From where to where a column reaches. */
interface Strip {
  start: number;
  end: number;
}

/** The columns, each as wide as its widest node. */
function stripsOf(count: number, sizes: ReadonlyMap<string, Sized>, columnOf: ReadonlyMap<string, number>): Strip[] {
  const widths = new Array<number>(count).fill(0);
  for (const [id, { width }] of sizes) {
    const column = columnOf.get(id) ?? 0;
    widths[column] = Math.max(widths[column] ?? 0, width);
  }
  let start = MARGIN;
  return widths.map((width) => {
    const strip = { start, end: start + width };
    start = strip.end + ALLEY;
    return strip;
  });
}

/** Where a line goes: level through columns, so that it touches none of those above and below, and bending between them. */
function pointsOf(
  way: Way,
  nodes: ReadonlyMap<string, PlacedNode>,
  columnOf: ReadonlyMap<string, number>,
  strips: readonly Strip[],
): Point[] {
  const [from, to] = [nodes.get(way.from), nodes.get(way.to)];
  const place = columnOf.get(way.from) ?? 0;
  const [first, last] = [strips[place], strips[columnOf.get(way.to) ?? 0]];
  if (from === undefined || to === undefined || first === undefined || last === undefined) return [];
  const start = from.y + from.height / 2 + way.beside;
  const end = to.y + to.height / 2 + way.beside;
  return [
    { x: from.x + from.width, y: start },
    { x: first.end, y: start },
    ...way.via.flatMap(({ y }, at) => {
      const strip = strips[place + 1 + at];
      return strip === undefined ? [] : [{ x: strip.start, y }, { x: strip.end, y }];
    }),
    { x: last.start, y: end },
    { x: to.x, y: end },
  ];
}

export interface Point {
  x: number;
  y: number;
}

/** A line through points, straight where they lie level, and else a bend that begins and ends level. */
export function smooth(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (first === undefined) return "";
  let path = `M${told(first)}`;
  let before = first;
  for (const point of rest) {
    const middle = (before.x + point.x) / 2;
    if (point.y !== before.y) path += `C${told({ x: middle, y: before.y })} ${told({ x: middle, y: point.y })} ${told(point)}`;
    else if (point.x !== before.x) path += `H${figure(point.x)}`;
    before = point;
  }
  return path;
}

function told({ x, y }: Point): string {
  return `${figure(x)},${figure(y)}`;
}

function figure(value: number): string {
  return String(Math.round(value * 10) / 10);
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
