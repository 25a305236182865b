/** Which stages a version may move to, as the stage graph says. */

import type { Schemas } from "../../api/client";
import { figure } from "../../ui/values";

/** The stages that a move leads to from here, in the graph's order. */
export function nextStages(graph: Schemas["GraphRecord"] | undefined, stage: string): string[] {
  const all = graph?.document["moves"];
  const from = typeof all === "object" && all !== null ? (all as Record<string, unknown>)[stage] : undefined;
  if (Array.isArray(from)) return from.map(String);
  return typeof from === "object" && from !== null ? Object.keys(from) : [];
}

/** Whether only one version stands in a stage at a time. */
export function isExclusive(graph: Schemas["GraphRecord"] | undefined, stage: string): boolean {
  const found = graph?.document["exclusive"];
  return Array.isArray(found) && found.includes(stage);
}

/** The names of the requirements that are not met. */
export function missing(report: Schemas["GateReport"]): string[] {
  return (report.verdicts ?? []).filter((one) => !one.met).map((one) => one.requirement);
}

/** The next stages, those first whose moves need something. */
export function gatedFirst(graph: Schemas["GraphRecord"], stage: string): string[] {
  const rules = (graph.document["moves"] as Record<string, unknown> | undefined)?.[stage] as Record<string, unknown>;
  const isGated = (one: string) => !Array.isArray(rules) && Object.keys(rules[one] ?? {}).length > 0;
  const stages = nextStages(graph, stage);
  return [...stages.filter(isGated), ...stages.filter((one) => !isGated(one))];
}

const DAY_S = 86_400;
const HOUR_S = 3_600;

/** What a requirement demands, where that is a time: the graph has it in seconds. */
export function wait(requirement: string, required: unknown): string | undefined {
  if (!["min_age", "max_age", "min_time_in_stage"].includes(requirement) || typeof required !== "number") return undefined;
  if (required >= DAY_S) return `${figure(required / DAY_S)} d`;
  return required >= HOUR_S ? `${figure(required / HOUR_S)} h` : `${figure(required)} s`;
}
