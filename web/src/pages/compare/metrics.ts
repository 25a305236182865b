/** The metrics of several versions as rows of a table, from the server's comparisons of the base with each other one. */

import type { Report } from "./load";

export type Standing = "better" | "worse" | "same";

export interface MetricCell {
  value: number | null;
  /** The value less the base's; null for the base itself. */
  delta: number | null;
  relative: number | null;
  /** Against the base, as the server judges it; null where nothing tells. */
  standing: Standing | null;
  /** No other version has a better value, and not all are equal. */
  isBest: boolean;
}

export interface MetricRow {
  name: string;
  direction: "higher" | "lower" | null;
  cells: MetricCell[];
}

const SAME = 1e-9;
const STANDINGS: Record<string, Standing> = { a: "worse", b: "better", tie: "same" };

export function metricRows(report: Pick<Report, "comparisons">): MetricRow[] {
  const { comparisons } = report;
  const names = [...new Set(comparisons.flatMap((one) => one.metrics.map((metric) => metric.name)))];
  return names.map((name) => {
    const found = comparisons.map((one) => one.metrics.find((metric) => metric.name === name));
    const base = found.find((one) => (one?.a ?? null) !== null)?.a ?? null;
    const direction = directionOf(found.find((one) => (one?.direction ?? null) !== null)?.direction);
    const values = [base, ...found.map((one) => one?.b ?? null)];
    const best = bestOf(values, direction);
    const isBest = (value: number | null) => value !== null && best !== null && isClose(value, best);
    const others = found.map((one) => ({
      value: one?.b ?? null,
      delta: one?.delta ?? null,
      relative: one?.relative_change ?? null,
      standing: STANDINGS[one?.better ?? ""] ?? null,
      isBest: isBest(one?.b ?? null),
    }));
    return { name, direction, cells: [{ value: base, delta: null, relative: null, standing: null, isBest: isBest(base) }, ...others] };
  });
}

function directionOf(said: string | null | undefined): "higher" | "lower" | null {
  return said === "higher" || said === "lower" ? said : null;
}

function bestOf(values: readonly (number | null)[], direction: "higher" | "lower" | null): number | null {
  const known = values.filter((one) => one !== null);
  if (direction === null || known.length < 2) return null;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  if (isClose(low, high)) return null;
  return direction === "higher" ? high : low;
}

function isClose(one: number, other: number): boolean {
  return Math.abs(one - other) <= SAME * Math.max(Math.abs(one), Math.abs(other));
}
