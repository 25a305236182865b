import { describe, expect, it } from "vitest";

import { BEYOND, drawnAt, heightOf, resize, rowAt, startsOf } from "./windowing";

const keys = (count: number) => Array.from({ length: count }, (_, place) => `k${String(place)}`);

describe("where rows begin", () => {
  it("is told by what was measured, and by an estimate for the rest", () => {
    expect([...startsOf(["a", "b", "c"], new Map([["b", 30], ["gone", 99]]), 10)]).toEqual([0, 10, 40, 50]);
    expect([...startsOf([], new Map(), 10)]).toEqual([0]);
  });

  it("follows a row that is measured anew", () => {
    const starts = startsOf(["a", "b", "c"], new Map(), 10);
    resize(starts, 1, 25.5);
    expect([...starts]).toEqual([0, 10, 35.5, 45.5]);
    resize(starts, 0, 0);
    expect([...starts]).toEqual([0, 0, 25.5, 35.5]);
    expect(heightOf(starts, 1, 3)).toBe(35.5);
  });
});

describe("the row at a height", () => {
  it("is the one that covers it, and one of the ends beyond them", () => {
    const starts = startsOf(["a", "b", "c"], new Map([["b", 30]]), 10);
    expect([-5, 0, 9.9, 10, 39, 40, 49, 50, 500].map((height) => rowAt(starts, height))).toEqual([0, 0, 0, 1, 1, 2, 2, 2, 2]);
  });

  it("is as a search from the top finds it", () => {
    const heights = new Map(keys(300).map((key, place) => [key, 7 + ((place * 31) % 40)]));
    const starts = startsOf(keys(300), heights, 1);
    for (let height = 0; height < heightOf(starts, 0, 300); height += 13) {
      const plain = starts.findIndex((_, place) => (starts[place + 1] ?? Infinity) > height);
      expect(rowAt(starts, height)).toBe(plain);
    }
  });
});

describe("what is drawn", () => {
  it("is what is seen and some rows beyond", () => {
    const starts = startsOf(keys(100_000), new Map(), 50);
    expect(drawnAt(starts, 0, 500)).toEqual({ first: 0, end: 11 + BEYOND });
    expect(drawnAt(starts, 2_500_000, 500)).toEqual({ first: 50_000 - BEYOND, end: 50_011 + BEYOND });
    expect(drawnAt(starts, 4_999_500, 500)).toEqual({ first: 99_990 - BEYOND, end: 100_000 });
  });

  it("is at most what there is", () => {
    expect(drawnAt(startsOf([], new Map(), 50), 0, 500)).toEqual({ first: 0, end: 0 });
    expect(drawnAt(startsOf(keys(3), new Map(), 50), 0, 500)).toEqual({ first: 0, end: 3 });
    // A list that became shorter while one looked at its end.
    expect(drawnAt(startsOf(keys(3), new Map(), 50), 9000, 500)).toEqual({ first: 0, end: 3 });
  });
});
