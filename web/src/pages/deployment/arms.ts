/** What each side of a deployment did: its versions, side by side, each figure with its range. */

import type { Schemas } from "../../api/client";
import { deploymentWords } from "../../words/deployment";
import type { Arm, Deployment } from "./state";
import type { Whole } from "./whole";

export type Metrics = Whole<Schemas["MetricsRecord"]>;
export type VersionMetrics = Whole<Schemas["VersionMetrics"]>;

export interface Side {
  key: string;
  version: string;
  /** What it is in this deployment: the new one, the one before, a copy. */
  part: string;
  /** Its colour, as in the bar of the traffic: the new version has the first. */
  colour: number;
  metrics: VersionMetrics | undefined;
}

/** The versions of a deployment, the one that served before first, each with what it did. */
export function sidesOf(one: Deployment, metrics: Metrics | undefined): Side[] {
  const sides = new Map<string, Side>();
  let colour = 1;
  for (const [arm, role] of armsOf(one)) {
    const key = `${arm.version_id} ${role}`;
    if (sides.has(key)) continue;
    const isNew = arm.version_id === one.version_id;
    if (!isNew) colour += 1;
    const found = metrics?.versions.find((row) => row.version_id === arm.version_id && row.role === role);
    const part = partOf(one, arm.version_id, role);
    sides.set(key, { key, version: arm.version, part, colour: isNew ? 1 : colour, metrics: found });
  }
  return [...sides.values()];
}

type Part = readonly [arm: Pick<Arm, "version_id" | "version">, role: "live" | "shadow"];

/** Who takes part; some more than once. */
function armsOf(one: Deployment): Part[] {
  const before: Part[] =
    typeof one.base === "string" && typeof one.base_id === "string"
      ? [[{ version_id: one.base_id, version: one.base }, "live"]]
      : [];
  const planned = one.plan.steps.flatMap((step): Part[] => [
    ...step.arms.filter((arm) => arm.weight > 0).map((arm): Part => [arm, "live"]),
    ...step.shadow.map((arm): Part => [arm, "shadow"]),
  ]);
  return [...before, ...planned, ...(isShadow(one) ? [] : [[one, "live"] as const])];
}

/** Whether the new version only gets copies. */
function isShadow(one: Deployment): boolean {
  return one.plan.steps.some((step) => step.shadow.length > 0);
}

function partOf(one: Deployment, versionId: string, role: "live" | "shadow"): string {
  const { arms } = deploymentWords;
  if (role === "shadow") return arms.copies;
  if (versionId === one.version_id) return arms.fresh;
  return versionId === one.base_id ? arms.before : arms.other;
}

export interface Bar {
  /** All in 0..1 of the row's scale. */
  low: number;
  high: number;
  at: number;
  /** Whether nothing bounds it above. */
  isOpen: boolean;
}

export interface Value {
  value: number | null;
  low: number | null;
  high: number | null;
}

/** A figure of a side with its range; nothing where there is none. */
export function valueOf(metrics: VersionMetrics | undefined, figure: "error_rate" | "p50_s" | "p95_s" | "p99_s"): Value {
  const range = metrics?.intervals[figure];
  return { value: metrics?.[figure] ?? null, low: range?.low ?? null, high: range?.high ?? null };
}

/** Ranges of one row on one scale from 0 to the highest of what is known. */
export function barsOf(values: readonly Value[]): (Bar | null)[] {
  const top = Math.max(...values.flatMap((one) => [one.value ?? 0, one.high ?? 0]), 0) * 1.05;
  return values.map(({ value, low, high }) => {
    if (value === null || top === 0) return null;
    const isOpen = high === null && low !== null;
    return { at: value / top, low: (low ?? value) / top, high: isOpen ? 1 : (high ?? value) / top, isOpen };
  });
}
