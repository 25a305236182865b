import { describe, expect, it } from "vitest";

import { type GraphEdge, type GraphNode, laidOut, outline, type PlacedNode, shortened, smooth } from "./graph-layout";

function node(id: string, title = id): GraphNode {
  return { id, title, detail: "development", shape: "box" };
}

function overlap(one: PlacedNode, other: PlacedNode): boolean {
  const isBeside = one.x + one.width <= other.x || other.x + other.width <= one.x;
  const isBelow = one.y + one.height <= other.y || other.y + other.height <= one.y;
  return !isBeside && !isBelow;
}

/** All points that a path names; a bend stays within them. */
function points(path: string): { x: number; y: number }[] {
  let y = 0;
  return [...path.matchAll(/H([\d.-]+)|([\d.-]+),([\d.-]+)/g)].map(([, level, x, height]) => {
    y = level === undefined ? Number(height) : y;
    return { x: Number(level ?? x), y };
  });
}

/** The graph of stages as a registry has it at first: with moves back, and two moves over other stages. */
const STAGES = ["development", "staging", "production", "archived", "rejected"].map((id) => node(id));
const MOVES = [
  ["development", "staging"],
  ["development", "rejected"],
  ["development", "archived"],
  ["staging", "production"],
  ["staging", "rejected"],
  ["staging", "development"],
  ["staging", "archived"],
  ["production", "archived"],
  ["rejected", "development"],
  ["rejected", "archived"],
].map(([from = "", to = ""]) => ({ from, to }));

describe("a layout", () => {
  it("puts what was there first on the left, and lets nothing overlap", () => {
    const nodes = ["data", "a", "b", "c"].map((id) => node(id));
    const edges = [
      { from: "data", to: "a" },
      { from: "data", to: "b" },
      { from: "a", to: "b" },
      { from: "b", to: "c" },
    ];
    const placed = laidOut(nodes, edges);
    const at = (id: string) => placed.nodes.find((one) => one.id === id) as PlacedNode;
    for (const { from, to } of edges) expect(at(from).x + at(from).width).toBeLessThan(at(to).x);
    for (const one of placed.nodes) {
      const touching = placed.nodes.filter((other) => other !== one && overlap(one, other));
      expect(touching.map((other) => `${one.id} and ${other.id}`)).toEqual([]);
    }
  });

  it("has room for all nodes and lines, also those that lead back", () => {
    const placed = laidOut(STAGES, MOVES);
    expect(placed.edges).toHaveLength(MOVES.length);
    const corners = placed.nodes.flatMap((one) => [one, { x: one.x + one.width, y: one.y + one.height }]);
    for (const { x, y } of [...corners, ...placed.edges.flatMap((one) => points(one.path))]) {
      expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
      expect(x).toBeLessThanOrEqual(placed.width);
      expect(y).toBeLessThanOrEqual(placed.height);
    }
  });

  it("begins and ends each line at the sides of its nodes, and leads it through no other", () => {
    const { nodes, edges } = laidOut(STAGES, MOVES);
    const at = (id: string) => nodes.find((one) => one.id === id) as PlacedNode;
    for (const edge of edges) {
      const way = points(edge.path);
      const [from, to] = [at(edge.from), at(edge.to)];
      const isBack = from.x > to.x;
      expect(way[0]?.x).toBe(isBack ? from.x : from.x + from.width);
      expect(way.at(-1)?.x).toBe(isBack ? to.x + to.width : to.x);
      const others = nodes.filter((one) => one !== from && one !== to);
      const inside = (one: PlacedNode) => way.some(({ x, y }) => x >= one.x && x <= one.x + one.width && y > one.y && y < one.y + one.height);
      expect(others.filter(inside).map((one) => `${edge.from} to ${edge.to} behind ${one.id}`)).toEqual([]);
    }
    expect(edges.filter((one) => at(one.from).x > at(one.to).x).map((one) => `${one.from} ${one.to}`)).toEqual([
      "staging development",
      "rejected development",
    ]);
  });

});

describe("edges and sizes", () => {
  it("leaves out edges to what is not there and to itself, and draws two between the same ends beside each other", () => {
    const placed = laidOut([node("a"), node("b")], [
      { from: "a", to: "b" },
      { from: "a", to: "b", note: "again" },
      { from: "b", to: "a", note: "back" },
      { from: "a", to: "gone" },
      { from: "a", to: "a" },
    ]);
    expect(placed.edges.map((one) => one.note)).toEqual([undefined, "again", "back"]);
    expect(new Set(placed.edges.map((one) => points(one.path)[0]?.y)).size).toBe(3);
  });

  it("draws a line over many columns straight across", () => {
    const ids = ["a", "b", "c", "d", "e"];
    const line = ids.slice(1).map((to, place) => ({ from: ids[place] ?? "", to }));
    const placed = laidOut(ids.map((id) => node(id)), [...line, { from: "a", to: "e" }, { from: "a", to: "d" }]);
    expect(placed.edges.filter((one) => one.isFar).map((one) => `${one.from} ${one.to}`)).toEqual(["a e"]);
  });

  it("puts a node between those that it leads to", () => {
    const { nodes } = laidOut(["a", "x", "y", "z"].map((id) => node(id)), ["x", "y", "z"].map((to) => ({ from: "a", to })));
    const [a, x, y, z] = nodes.map((one) => one.y);
    expect(a).toBe(y);
    expect((y ?? 0) - (x ?? 0)).toBe((z ?? 0) - (y ?? 0));
  });

  it.each([
    ["in a row", (place: number) => place - 1],
    ["as a tree", (place: number) => Math.floor((place - 1) / 3)],
    ["as a star", () => 0],
  ])("manages five hundred nodes %s that all share an input", (_, parent) => {
    const nodes = [node("data"), ...Array.from({ length: 499 }, (_, place) => node(`v${String(place)}`))];
    const edges = nodes.slice(1).flatMap((one, place): GraphEdge[] => [
      { from: "data", to: one.id },
      ...(place === 0 ? [] : [{ from: `v${String(parent(place))}`, to: one.id }]),
    ]);
    const placed = laidOut(nodes, edges);
    expect(placed.nodes.every((one) => Number.isFinite(one.x) && Number.isFinite(one.y))).toBe(true);
    expect(placed.edges.filter((one) => one.path === "")).toEqual([]);
    for (const [place, one] of placed.nodes.entries()) {
      expect(placed.nodes.slice(place + 1).filter((other) => overlap(one, other))).toEqual([]);
    }
  });

  it("lays out nothing", () => {
    expect(laidOut([], [])).toEqual({ width: 0, height: 0, nodes: [], edges: [] });
  });

  it("shows short names whole and cuts long ones", () => {
    const { nodes } = laidOut([node("a", "fraud 1.0.0"), node("b", "x".repeat(300))], []);
    expect(nodes[0]?.shortTitle).toBe("fraud 1.0.0");
    expect(nodes[1]?.shortTitle).toMatch(/^x+…$/);
  });
});

describe("texts and lines", () => {
  it("are cut by letters, not by halves of letters", () => {
    expect(shortened("abcd", 4)).toBe("abcd");
    expect(shortened("abcde", 4)).toBe("abc…");
    expect(shortened("🦊🦊🦊🦊", 3)).toBe("🦊🦊…");
  });

  it("run level where points do, and bend between", () => {
    expect(smooth([])).toBe("");
    const way = [
      { x: 0, y: 0 },
      { x: 10, y: 0 },
      { x: 10, y: 0 },
      { x: 20, y: 8.04 },
    ];
    expect(smooth(way)).toBe("M0,0H10C15,0 15,8 20,8");
    expect(smooth([...way].reverse())).toBe("M20,8C15,8 15,0 10,0H0");
  });

  it("has an outline for each shape", () => {
    const drawn = (["box", "cylinder", "hexagon", "note", "pill"] as const).map((shape) => outline(shape, 120, 46));
    expect(new Set(drawn).size).toBe(5);
    for (const one of drawn) expect(one).toMatch(/^M[\d.,A-Za-z -]+$/);
  });
});
