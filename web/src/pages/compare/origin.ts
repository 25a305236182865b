/** Where versions come from, as rows, and which version two lines of ancestors have in common. */

import type { Version } from "./load";

export const FACTS = [
  "training_data",
  "data_version",
  "feature_version",
  "code_version",
  "training_run_id",
  "framework",
  "created_by",
] as const;

export interface FactRow {
  fact: (typeof FACTS)[number];
  values: string[];
  isDifferent: boolean;
}

/** The facts of which any version tells something. */
export function factRows(versions: readonly Version[]): FactRow[] {
  return FACTS.map((fact): FactRow => {
    const values = versions.map((one) => (fact === "framework" ? `${one.framework} ${one.framework_version}`.trim() : one[fact]));
    return { fact, values, isDifferent: new Set(values).size > 1 };
  }).filter((row) => row.values.some((one) => one !== ""));
}

/** The latest version that stands in both lines, which begin with the oldest ancestor. */
export function commonAncestor<T extends { id: string }>(line: readonly T[], other: readonly T[]): T | undefined {
  return line.findLast((one) => other.some((two) => two.id === one.id));
}
