import { describe, expect, it } from "vitest";

import { columns, curve, type GraphEdge, type GraphNode, laidOut, outline, type PlacedNode, shortened } from "./graph-layout";

function node(id: string, title = id): GraphNode {
  return { id, title, detail: "development", shape: "box" };
}

function overlap(one: PlacedNode, other: PlacedNode): boolean {
  const isBeside = one.x + one.width <= other.x || other.x + other.width <= one.x;
  const isBelow = one.y + one.height <= other.y || other.y + other.height <= one.y;
  return !isBeside && !isBelow;
}

describe("a layout", () => {
  it("puts what was there first on the left, and lets nothing overlap", async () => {
    const nodes = ["data", "a", "b", "c"].map((id) => node(id));
    const edges = [
      { from: "data", to: "a" },
      { from: "data", to: "b" },
      { from: "a", to: "b" },
      { from: "b", to: "c" },
    ];
    const placed = await laidOut(nodes, edges);
    const at = (id: string) => placed.nodes.find((one) => one.id === id) as PlacedNode;
    for (const { from, to } of edges) expect(at(from).x + at(from).width).toBeLessThan(at(to).x);
    for (const one of placed.nodes) {
      expect(Math.min(one.x, one.y)).toBeGreaterThanOrEqual(0);
      expect(one.x + one.width).toBeLessThanOrEqual(placed.width);
      expect(one.y + one.height).toBeLessThanOrEqual(placed.height);
      const touching = placed.nodes.filter((other) => other !== one && overlap(one, other));
      expect(touching.map((other) => `${one.id} and ${other.id}`)).toEqual([]);
    }
  });

  it("leaves out edges to what is not there, and keeps two edges between the same ends", async () => {
    const placed = await laidOut([node("a"), node("b")], [
      { from: "a", to: "b" },
      { from: "a", to: "b", note: "again" },
      { from: "a", to: "gone" },
    ]);
    expect(placed.edges.map((one) => one.note)).toEqual([undefined, "again"]);
  });

  it.each([
    ["in a row", (place: number) => place - 1],
    ["as a tree", (place: number) => Math.floor((place - 1) / 3)],
  ])("manages five hundred nodes %s that all share an input", async (_, parent) => {
    const nodes = [node("data"), ...Array.from({ length: 499 }, (_, place) => node(`v${String(place)}`))];
    const edges = nodes.slice(1).flatMap((one, place): GraphEdge[] => [
      { from: "data", to: one.id },
      ...(place === 0 ? [] : [{ from: `v${String(parent(place))}`, to: one.id }]),
    ]);
    const placed = await laidOut(nodes, edges);
    expect(placed.nodes.every((one) => Number.isFinite(one.x) && Number.isFinite(one.y))).toBe(true);
    expect(placed.edges.filter((one) => one.path === "")).toEqual([]);
    expect(placed.edges.some((one) => one.isFar)).toBe(true);
  }, 20_000);

  it("puts an input just before the first that needs it, and stands circles", () => {
    const edges = [
      { from: "a", to: "b" },
      { from: "b", to: "c" },
      { from: "late", to: "c" },
    ];
    expect(Object.fromEntries(columns(["a", "b", "c", "late"], edges))).toEqual({ a: 0, b: 1, c: 2, late: 1 });
    const circle = [
      { from: "x", to: "y" },
      { from: "y", to: "x" },
    ];
    expect(columns(["x", "y"], circle).size).toBe(0);
  });

  it("lays out nothing", async () => {
    expect((await laidOut([], [])).nodes).toEqual([]);
  });

  it("shows short names whole and cuts long ones", async () => {
    const { nodes } = await laidOut([node("a", "fraud 1.0.0"), node("b", "x".repeat(300))], []);
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

  it("begin and end where the points do", () => {
    expect(curve([])).toBe("");
    expect(curve([{ x: 0, y: 0 }, { x: 9, y: 9 }])).toBe("M0,0L9,9");
    const path = curve([
      { x: 0, y: 0 },
      { x: 10, y: 0 },
      { x: 20, y: 8 },
      { x: 30, y: 8 },
    ]);
    expect(path).toBe("M0,0Q10,0 15,4Q20,8 30,8");
  });

  it("has an outline for each shape", () => {
    const drawn = (["box", "cylinder", "hexagon", "note", "pill"] as const).map((shape) => outline(shape, 120, 46));
    expect(new Set(drawn).size).toBe(5);
    for (const one of drawn) expect(one).toMatch(/^M[\d.,A-Za-z -]+$/);
  });
});
