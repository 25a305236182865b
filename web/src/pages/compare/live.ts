/**
 * What versions did in service, as rows of a table.
 *
 * A figure is better or worse than the base's only where the two intervals lie apart, as `modelyard.domain.live` has it.
 */

import type { Schemas } from "../../api/client";
import type { compareWords } from "../../words/compare";
import type { Standing } from "./metrics";

export type Served = Schemas["VersionMetrics"];
type Name = keyof typeof compareWords.live.figures;

/** Which figures are shown, and which values are better; those without a direction are counts. */
const FIGURES: readonly (readonly [Name, "higher" | "lower" | null])[] = [
  ["requests", null],
  ["errors", null],
  ["error_rate", "lower"],
  ["avg_latency", "lower"],
  ["p50_s", "lower"],
  ["p95_s", "lower"],
  ["p99_s", "lower"],
  ["throughput", null],
  ["tokens_per_request", null],
  ["cost_per_request", null],
];
/** Left out where no version has any. */
const RARE: readonly Name[] = ["tokens_per_request", "cost_per_request"];

export interface LiveCell {
  value: number | null;
  low: number | null;
  high: number | null;
  standing: Standing | null;
}

export interface LiveRow {
  name: Name;
  cells: LiveCell[];
}

/** Rows of what versions did, the base first; a version that did nothing has no values. */
export function liveRows(served: readonly (Served | undefined)[]): LiveRow[] {
  const rows = FIGURES.map(([name, direction]): LiveRow => {
    const cells = served.map((one) => cellOf(one, name));
    const base = cells[0];
    return {
      name,
      cells: cells.map((cell, place) => ({
        ...cell,
        standing: place === 0 || base === undefined || direction === null ? null : standingOf(cell, base, direction),
      })),
    };
  });
  return rows.filter((row) => !RARE.includes(row.name) || row.cells.some((cell) => (cell.value ?? 0) !== 0));
}

function cellOf(served: Served | undefined, name: Name): LiveCell {
  const range = served?.intervals?.[name];
  return { value: served?.[name] ?? null, low: range?.low ?? null, high: range?.high ?? null, standing: null };
}

function standingOf(cell: LiveCell, base: LiveCell, better: "higher" | "lower"): Standing | null {
  const isLess = cell.high !== null && base.low !== null && cell.high < base.low;
  const isMore = cell.low !== null && base.high !== null && cell.low > base.high;
  if (!isLess && !isMore) return null;
  return isLess === (better === "lower") ? "better" : "worse";
}
