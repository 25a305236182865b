import { describe, expect, it } from "vitest";

import { type Arrow, backwards, columns, crossings, ordered, type Place, spread } from "./graph-order";

interface Named extends Place {
  id: string;
}

/** Columns of places, with lines between them. */
function graph(ids: readonly string[][], lines: readonly (readonly [string, string])[]): Named[][] {
  const given = ids.map((column) => column.map((id): Named => ({ id, height: 40, left: [], right: [], y: 0 })));
  const of = (id: string) => given.flat().find((one) => one.id === id) as Named;
  for (const [from, to] of lines) {
    of(from).right.push(of(to));
    of(to).left.push(of(from));
  }
  return given;
}

/** Four columns of twelve, each place with two lines from somewhere. */
function tangle(): [string[][], Named[][]] {
  const ids = [0, 1, 2, 3].map((column) => Array.from({ length: 12 }, (_, place) => `${String(column)}.${String(place)}`));
  const lines = ids.slice(1).flatMap((column, place) =>
    column.flatMap((to, at) => [7 * at + 3, 5 * at + 1].map((from) => [ids[place]?.[from % 12] ?? "", to] as const)),
  );
  return [ids, graph(ids, lines)];
}

const told = (given: readonly Arrow[]) => given.map(({ from, to }) => `${from}${to}`);
const arrows = (...given: string[]) => given.map(([from = "", to = ""]) => ({ from, to }));

describe("columns", () => {
  it("put an input just before the first that needs it", () => {
    expect(Object.fromEntries(columns(["a", "b", "c", "l"], arrows("ab", "bc", "lc")))).toEqual({ a: 0, b: 1, c: 2, l: 1 });
  });

  it("stand circles", () => {
    expect(columns(["x", "y"], arrows("xy", "yx")).size).toBe(0);
  });
});

describe("arrows backwards", () => {
  it("are those without which no circle is left, seen from where one enters", () => {
    const circle = arrows("ab", "bc", "ca");
    expect(told([...backwards(["a", "b", "c"], circle)])).toEqual(["ca"]);
    expect(told([...backwards(["c", "a", "b"], circle)])).toEqual(["bc"]);
    expect(told([...backwards(["b", "a", "n"], arrows("na", "ab", "ba"))])).toEqual(["ba"]);
  });

  it("are none where there is no circle, in whatever order it is told", () => {
    expect(backwards(["d", "c", "b", "a"], arrows("ab", "ac", "bd", "cd", "ad")).size).toBe(0);
  });

  it("are found in a long circle, and an arrow to itself is one", () => {
    const ids = Array.from({ length: 20_000 }, (_, place) => String(place));
    const circle = ids.map((from, place) => ({ from, to: ids[(place + 1) % ids.length] ?? "" }));
    expect([...backwards(ids, circle)]).toEqual([{ from: "19999", to: "0" }]);
    expect(backwards(["a"], arrows("aa")).size).toBe(1);
  });
});

describe("the order within columns", () => {
  it("is without crossings where that can be", () => {
    const given = graph(
      [["a", "b", "c"], ["x", "y", "z"], ["1", "2", "3"]],
      [["a", "z"], ["b", "y"], ["c", "x"], ["z", "2"], ["y", "1"], ["x", "3"]],
    );
    expect(crossings(given)).toBe(5);
    expect(crossings(ordered(given))).toBe(0);
  });

  it("counts crossings as they are", () => {
    // All of two with all of three: each pair on the left with each pair on the right, once.
    const all = ["a", "b"].flatMap((from) => ["x", "y", "z"].map((to) => [from, to] as const));
    expect(crossings(graph([["a", "b"], ["x", "y", "z"]], all))).toBe(3);
    // Lines from one place never cross.
    expect(crossings(graph([["a"], ["x", "y", "z"]], [["a", "z"], ["a", "x"]]))).toBe(0);
  });

  it("has far fewer crossings where there was a tangle", () => {
    const [ids, given] = tangle();
    const found = ordered(given);
    expect(crossings(found)).toBeLessThan(0.6 * crossings(given));
    expect(found.map((column) => column.map((one) => one.id).sort())).toEqual(ids.map((column) => [...column].sort()));
  });
});

describe("heights", () => {
  it("stand a lonely line level", () => {
    const given = graph([["a", "b"], ["x", "y"], ["n"]], [["a", "x"], ["b", "y"], ["y", "n"]]);
    spread(given);
    const at = Object.fromEntries(given.flat().map((one) => [one.id, one.y]));
    expect(at.b).toBeCloseTo(at.y ?? NaN, 0);
    expect(at.n).toBeCloseTo(at.y ?? NaN, 0);
  });

  it("keep order and gaps, however much or little lines pull", () => {
    const [, given] = tangle();
    const pairs = ["a", "b", "c"].map((from) => [from, from.toUpperCase()] as const);
    const slightly = graph([["a", "b", "c"], ["A", "B", "C"]], pairs);
    for (const one of slightly[1] ?? []) one.height = 46;
    spread(given);
    spread(slightly);
    expectGaps(given);
    expectGaps(slightly);
  });
});

function expectGaps(given: readonly Place[][]): void {
  for (const column of given) {
    for (const [place, one] of column.slice(1).entries()) {
      const above = column[place] as Place;
      expect(one.y - above.y).toBeGreaterThan((above.height + one.height) / 2 + 17.99);
    }
  }
}
