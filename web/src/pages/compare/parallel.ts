/**
 * Where lines and axes of parallel coordinates lie.
 *
 * Rules
 * 1. An axis stands for a metric of which two versions or more have a value; axes are spread evenly from left to right.
 * 2. The better end of an axis is on top; without a known direction the larger one.
 * 3. Where all values of an axis are equal, they lie in its middle.
 * 4. A line has a gap where its version has no value.
 * 5. Names at the ends of lines keep a distance, so that equal values stay readable.
 */

import type { MetricRow } from "./metrics";

export interface Box {
  width: number;
  height: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
  /** Between the names of two lines. */
  apart: number;
}

export interface Axis {
  name: string;
  direction: "higher" | "lower" | null;
  x: number;
  /** The values at its ends. */
  top: number;
  bottom: number;
}

export interface Point {
  x: number;
  y: number;
  value: number;
}

export interface Line {
  points: Point[];
  /** Drawing commands of an SVG path. */
  path: string;
  /** Height of the name at its right end; null for a version without any value. */
  labelY: number | null;
}

export interface Layout {
  axes: Axis[];
  lines: Line[];
}

export function parallel(rows: readonly MetricRow[], count: number, box: Box): Layout {
  const kept = rows.filter((row) => row.cells.filter((cell) => cell.value !== null).length > 1);
  const inner = box.width - box.left - box.right;
  const axes = kept.map((row, place): Axis => {
    const values = row.cells.map((cell) => cell.value).filter((one) => one !== null);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const isUpsideDown = row.direction === "lower";
    return {
      name: row.name,
      direction: row.direction,
      x: box.left + (kept.length === 1 ? inner / 2 : (inner * place) / (kept.length - 1)),
      top: isUpsideDown ? low : high,
      bottom: isUpsideDown ? high : low,
    };
  });
  const lines = Array.from({ length: count }, (_, version) => lineOf(kept.map((row) => row.cells[version]?.value ?? null), axes, box));
  spread(lines, box);
  return { axes, lines };
}

function lineOf(values: readonly (number | null)[], axes: readonly Axis[], box: Box): Line {
  const points: Point[] = [];
  let path = "";
  let isDown = false;
  axes.forEach((axis, place) => {
    const value = values[place] ?? null;
    if (value !== null) {
      const point = { x: axis.x, y: heightOf(value, axis, box), value };
      points.push(point);
      path += `${isDown ? "L" : "M"}${String(round(point.x))} ${String(round(point.y))}`;
    }
    isDown = value !== null;
  });
  return { points, path, labelY: points.at(-1)?.y ?? null };
}

function heightOf(value: number, axis: Axis, box: Box): number {
  const inner = box.height - box.top - box.bottom;
  const share = axis.top === axis.bottom ? 0.5 : (axis.top - value) / (axis.top - axis.bottom);
  return box.top + inner * share;
}

function spread(lines: Line[], box: Box): void {
  const seen = lines.filter((line) => line.labelY !== null).sort((a, b) => (a.labelY ?? 0) - (b.labelY ?? 0));
  let free = Number.NEGATIVE_INFINITY;
  for (const line of seen) {
    line.labelY = Math.max(line.labelY ?? 0, free);
    free = line.labelY + box.apart;
  }
  // What was pushed below the end goes up again, and pushes those above it.
  let end = box.height - box.bottom;
  for (const line of seen.toReversed()) {
    line.labelY = Math.min(line.labelY ?? 0, end);
    end = line.labelY - box.apart;
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
