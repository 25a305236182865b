import { describe, expect, it } from "vitest";

import { evenly, markedOf, markersOf, nearest, pathOf, type Point, pointsOf, thinned } from "./plot-lines";

const isFinite = (_: number, y: number) => Number.isFinite(y);
const line = (count: number, y: (place: number) => number): Point[] =>
  Array.from({ length: count }, (_, place) => ({ x: place, y: y(place), run: 0 }));

describe("the line of a series", () => {
  it("goes on over what is missing, and breaks at what cannot be drawn", () => {
    const { points, left } = pointsOf([0, 1, 2, 3, 4], [1, null, 3, Infinity, 5], isFinite);
    expect(pathOf(points)).toBe("M0 1L2 3M4 5");
    expect(left).toEqual([Infinity]);
  });

  it("is empty where there is nothing, and where fewer values came than places", () => {
    expect(pathOf(pointsOf([], [], isFinite).points)).toBe("");
    expect(pathOf(pointsOf([1, 2], [null, null], isFinite).points)).toBe("");
    expect(pathOf(pointsOf([1, 2, 3], [7], isFinite).points)).toBe("M1 7");
  });
});

describe("thinning", () => {
  it("keeps each peak of many points, and the ends", () => {
    const points = line(10_000, (place) => (place === 4_321 ? 9 : place === 7_000 ? -9 : Math.sin(place)));
    const few = thinned(points);
    expect(few.length).toBeLessThanOrEqual(300);
    expect(few.length).toBeGreaterThan(250);
    expect(few.map((point) => point.x)).toEqual(expect.arrayContaining([0, 4_321, 7_000, 9_999]));
    expect(few.every((point, place) => place === 0 || point.x > (few[place - 1]?.x ?? Infinity))).toBe(true);
  });

  it("leaves few points alone, and stands many at one place", () => {
    const few = line(300, (place) => place);
    expect(thinned(few)).toBe(few);
    const wall = line(400, (place) => place).map((point) => ({ ...point, x: 5 }));
    expect(thinned(wall).map((point) => point.y)).toEqual([0, 399]);
  });

  it("keeps gaps", () => {
    const points = line(1_000, () => 1).map((point) => ({ ...point, run: point.x < 500 ? 0 : 1 }));
    expect(pathOf(thinned(points)).match(/M/g)).toHaveLength(2);
  });
});

describe("markers", () => {
  it("stand at all points where there is room, at some where not", () => {
    const points = line(20, () => 0);
    expect(markedOf(points, 600)).toHaveLength(20);
    expect(markedOf(points, 160).map((point) => point.x)).toEqual([0, 4, 8, 11, 15, 19]);
  });

  it("stand at a point that no line reaches", () => {
    const points = line(50, () => 0).map((point) => ({ ...point, run: point.x < 33 ? 0 : point.x === 33 ? 1 : 2 }));
    expect(markedOf(points, 160).map((point) => point.x)).toContain(33);
  });

  it("have a shape for each of six series", () => {
    const shapes = [0, 1, 2, 3, 4, 5].map((series) => markersOf([{ x: 1, y: 2 }], series));
    expect(new Set(shapes).size).toBe(6);
    expect(shapes.every((shape) => shape.startsWith("M1 2m"))).toBe(true);
  });
});

describe("places", () => {
  it("are chosen evenly with both ends", () => {
    expect(evenly(3, 5)).toEqual([0, 1, 2]);
    expect(evenly(101, 5)).toEqual([0, 25, 50, 75, 100]);
    expect(evenly(9, 1)).toEqual([8]);
    expect(new Set(evenly(201, 200)).size).toBe(200);
  });

  it("are found by what is nearest", () => {
    expect(nearest([0, 10, 20], 14)).toBe(1);
    expect(nearest([0, Number.NaN, 20], 14)).toBe(2);
    expect(nearest([], 1)).toBeNull();
  });
});
