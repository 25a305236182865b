/** The judge's evidence, as a plot and as meters. */

import type { Schemas } from "../../api/client";
import type { Series } from "../../ui/plot";
import { deploymentWords } from "../../words/deployment";
import type { Deployment } from "./state";
import type { Whole } from "./whole";

export type Explanation = Whole<Schemas["Explanation"]>;
type CoursePoint = Whole<Schemas["CoursePoint"]>;
export type Judgement = Whole<Schemas["Judgement"]>;

/** Evidence beyond so many times the limit tells nobody more, and would flatten the rest of the plot. */
const MOST = 100;
const LEAST = 0.001;

export interface Course {
  x: number[];
  series: Series[];
  /** Whether something was drawn lower than it is. */
  isCapped: boolean;
  top: number;
}

/**
 * The course of the evidence against each version.
 *
 * @param tail what was seen since the course was computed.
 */
export function courseOf(
  one: Deployment,
  judgement: Judgement,
  computed: readonly CoursePoint[],
  tail: readonly CoursePoint[],
): Course {
  const known = computed.at(-1)?.position ?? 0;
  const course = [...computed, ...tail.filter((point) => point.position > known)];
  const top = judgement.limit * MOST;
  const drawn = (value: number) => Math.min(Math.max(value, LEAST), top);
  const ids = judgement.challengers.map((side) => side.version_id);
  // Evidence begins at 1, for nobody and against nobody.
  const rows: { at: number; values: number[] }[] = [{ at: moment(beginOf(one, course)), values: ids.map(() => 1) }];
  for (const point of course) {
    const values = ids.map((id) => point.challengers.find((side) => side.version_id === id)?.e_value ?? 1);
    append(rows, { at: moment(point.at), values });
  }
  const isCapped = rows.some((row) => row.values.some((value) => value > top));
  const sides = judgement.challengers.map((side, place) => ({
    name: deploymentWords.judge.series(side.version),
    values: rows.map((row) => drawn(row.values[place] ?? 1)),
  }));
  const bound = { name: deploymentWords.judge.limit, values: rows.map(() => judgement.limit), isBound: true };
  return { x: rows.map((row) => row.at), series: [...sides, bound], isCapped, top };
}

function append(rows: { at: number; values: number[] }[], row: { at: number; values: number[] }): void {
  const before = rows.at(-1)?.at ?? 0;
  // A plot wants rising moments, whatever the clocks of several workers said.
  rows.push({ ...row, at: Math.max(row.at, before + 0.001) });
}

function moment(at: string): number {
  return new Date(at).getTime() / 1000;
}

function beginOf(one: Deployment, course: readonly CoursePoint[]): string {
  const begun = one.history.find((line) => line.event === "preflight_passed")?.at;
  return begun ?? course[0]?.at ?? one.created_at;
}

/** How far evidence is on the way from 1 to its limit, in 0..1: each tenfold counts alike. */
export function nearness(value: number, limit: number): number {
  if (value <= 1 || limit <= 1) return 0;
  return Math.min(Math.log(value) / Math.log(limit), 1);
}

/** Evidence as people read it: beyond a billion nobody counts. */
export function evidenceText(value: number, figure: (value: number) => string): string {
  return value > 1e9 ? "> 10⁹" : figure(value);
}
