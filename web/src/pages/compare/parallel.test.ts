import { describe, expect, it } from "vitest";

import type { MetricRow } from "./metrics";
import { parallel } from "./parallel";

const BOX = { width: 300, height: 120, left: 50, right: 50, top: 10, bottom: 10, apart: 15 };

function row(name: string, direction: "higher" | "lower" | null, ...values: (number | null)[]): MetricRow {
  const cells = values.map((value) => ({ value, delta: null, relative: null, standing: null, isBest: false }));
  return { name, direction, cells };
}

describe("parallel coordinates", () => {
  it("spreads axes evenly and leaves out what only one version has", () => {
    const { axes } = parallel([row("a", null, 1, 2), row("b", null, 1, null), row("c", null, 1, 2), row("d", null, 3, 4)], 2, BOX);
    expect(axes.map((axis) => [axis.name, axis.x])).toEqual([
      ["a", 50],
      ["c", 150],
      ["d", 250],
    ]);
  });

  it("has the better end on top", () => {
    const { axes, lines } = parallel([row("auc", "higher", 0.9, 0.8), row("loss", "lower", 0.2, 0.4)], 2, BOX);
    expect(axes.map((axis) => [axis.top, axis.bottom])).toEqual([
      [0.9, 0.8],
      [0.2, 0.4],
    ]);
    expect(lines[0]?.points.map((point) => point.y)).toEqual([10, 10]);
    expect(lines[1]?.points.map((point) => point.y)).toEqual([110, 110]);
  });

  it("puts equal values into the middle", () => {
    const { lines } = parallel([row("auc", "higher", 0.9, 0.9)], 2, BOX);
    expect(lines.map((line) => line.points[0]?.y)).toEqual([60, 60]);
  });

  it("interrupts a line where there is no value", () => {
    const rows = [row("a", "higher", 1, 2, 2), row("b", "higher", 1, null, 2), row("c", "higher", 1, 2, 2)];
    expect(parallel(rows, 3, BOX).lines[1]?.path).toBe("M50 10M250 10");
    expect(parallel(rows, 3, BOX).lines[2]?.path).toBe("M50 10L150 10L250 10");
  });

  it("keeps names apart and within the picture", () => {
    const { lines } = parallel([row("a", "higher", 1, 2, 1, 1, null)], 5, BOX);
    const heights = lines.map((line) => line.labelY);
    expect(heights).toEqual([80, 10, 95, 110, null]);
  });
});
