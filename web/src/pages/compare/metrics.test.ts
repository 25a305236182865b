import { describe, expect, it } from "vitest";

import { named } from "./load";
import { metricRows } from "./metrics";

type Comparison = Parameters<typeof metricRows>[0]["comparisons"][number];

function comparison(...metrics: Partial<Comparison["metrics"][number]>[]): Comparison {
  const whole = metrics.map((one) => ({ name: "", a: null, b: null, delta: null, relative_change: null, direction: null, better: null, ...one }));
  return { metrics: whole } as unknown as Comparison;
}

describe("rows of metrics", () => {
  it("has a row for every metric that any version has, the base first", () => {
    const rows = metricRows({
      comparisons: [
        comparison({ name: "auc", a: 0.9, b: 0.8, delta: -0.1, direction: "higher", better: "a" }),
        comparison({ name: "auc", a: 0.9, b: 0.95, delta: 0.05, direction: "higher", better: "b" }, { name: "mse", b: 3 }),
      ],
    });
    expect(rows.map((row) => [row.name, row.cells.map((cell) => cell.value)])).toEqual([
      ["auc", [0.9, 0.8, 0.95]],
      ["mse", [null, null, 3]],
    ]);
    expect(rows[0]?.cells.map((cell) => cell.standing)).toEqual([null, "worse", "better"]);
  });

  it("marks the best value by the server's direction", () => {
    const low = metricRows({ comparisons: [comparison({ name: "loss", a: 2, b: 1, direction: "lower" })] });
    expect(low[0]?.cells.map((cell) => cell.isBest)).toEqual([false, true]);
    const unknown = metricRows({ comparisons: [comparison({ name: "x", a: 2, b: 1 })] });
    expect(unknown[0]?.cells.map((cell) => cell.isBest)).toEqual([false, false]);
  });

  it("has no best where all are equal, and several where several are", () => {
    const equal = metricRows({ comparisons: [comparison({ name: "auc", a: 0.5, b: 0.5, direction: "higher" })] });
    expect(equal[0]?.cells.some((cell) => cell.isBest)).toBe(false);
    const shared = metricRows({
      comparisons: [
        comparison({ name: "auc", a: 0.5, b: 0.9, direction: "higher" }),
        comparison({ name: "auc", a: 0.5, b: 0.9, direction: "higher" }),
      ],
    });
    expect(shared[0]?.cells.map((cell) => cell.isBest)).toEqual([false, true, true]);
  });
});

describe("a sentence of the server", () => {
  it("says names in the place of ids", () => {
    const versions = [{ id: "mv_1", name: "fraud", version: "1.0.0" }];
    expect(named("mv_1 wins; mv_1 it is", versions)).toBe("fraud/1.0.0 wins; fraud/1.0.0 it is");
  });
});
