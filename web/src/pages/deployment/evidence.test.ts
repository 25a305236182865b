import { describe, expect, it } from "vitest";

import { barsOf, sidesOf } from "./arms";
import { courseOf, evidenceText, nearness } from "./evidence";
import { deploymentOf, judgement } from "./example";
import { grown } from "./tail";

function pointOf(at: string, position: number, value: number) {
  const side = { version_id: "mv_new", version: "1.4.2", weight: 0.1, units: 1, base_units: 1, failed: 0, base_failed: 0 };
  return { at, position, challengers: [{ ...side, e_value: value, peak: value, proof: 1, metrics: {} }] };
}

describe("the course of the evidence", () => {
  it("begins at 1, follows the log, and goes on with what was seen since", () => {
    const tail = [pointOf("2026-03-01T12:00:10Z", 1, 9), pointOf("2026-03-01T12:00:20Z", 2, 0.5)];
    const course = courseOf(deploymentOf({}), judgement, [pointOf("2026-03-01T12:00:10Z", 1, 0.8)], tail);
    expect(course.x.map((at) => at - (course.x[0] ?? 0))).toEqual([0, 10, 20]);
    expect(course.series[0]?.values).toEqual([1, 0.8, 0.5]);
    expect(course.series[1]).toMatchObject({ values: [20, 20, 20], isBound: true });
  });

  it("draws what is beyond everything at the top, and says so", () => {
    const course = courseOf(deploymentOf({}), judgement, [pointOf("2026-03-01T12:00:10Z", 2, 1e28)], []);
    expect(course.series[0]?.values).toEqual([1, 2000]);
    expect(course.isCapped).toBe(true);
  });

  it("never goes back in time", () => {
    const points = [pointOf("2026-03-01T12:00:10Z", 1, 1), pointOf("2026-03-01T12:00:09Z", 2, 1)];
    const [, one, two] = courseOf(deploymentOf({}), judgement, points, []).x;
    expect(Number(two) > Number(one)).toBe(true);
  });

  it("collects what is news, and thins out what is much", () => {
    const first = grown([], judgement, "2026-03-01T12:00:20Z");
    expect(first).toHaveLength(1);
    expect(grown(first, judgement, "2026-03-01T12:00:22Z")).toBe(first);
    const many = Array.from({ length: 1000 }, (_, at) => pointOf("2026-03-01T12:00:10Z", at - 1000, 1));
    expect(grown(many, judgement, "2026-03-01T12:00:22Z")).toHaveLength(501);
  });

  it("counts each tenfold alike on the way to the limit", () => {
    expect(nearness(10, 100)).toBeCloseTo(0.5);
    expect(nearness(0.1, 100)).toBe(0);
    expect(nearness(1e28, 20)).toBe(1);
  });

  it("has no names for what nobody counts", () => {
    expect(evidenceText(1e28, String)).toBe("> 10⁹");
  });
});

describe("both sides", () => {
  it("has the version before first, and the new one in the first colour", () => {
    const sides = sidesOf(deploymentOf({}), undefined);
    expect(sides.map((one) => [one.version, one.part, one.colour])).toEqual([
      ["1.4.1", "served before", 2],
      ["1.4.2", "new", 1],
    ]);
  });

  it("puts ranges on one scale; an open one reaches its end", () => {
    const [closed, open, none] = barsOf([
      { value: 1, low: 0.5, high: 2 },
      { value: 1, low: 0.8, high: null },
      { value: null, low: null, high: null },
    ]);
    expect(closed?.high).toBeCloseTo(1 / 1.05);
    expect(open).toMatchObject({ high: 1, isOpen: true });
    expect(none).toBeNull();
  });
});
