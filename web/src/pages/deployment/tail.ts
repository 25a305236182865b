/** What the evidence did since its course was computed: collected while one looks, so that the log need not be read again. */

import { useRef } from "preact/hooks";

import type { Explanation, Judgement } from "./evidence";

export type CoursePoint = Explanation["course"][number];

/** Points that are kept; then every second one goes. */
const MOST = 1000;

/** A judgement as a point of the course. */
export function pointOf(judgement: Judgement, at: string): CoursePoint {
  const challengers = judgement.challengers.map((side) => ({
    ...side,
    weight: 0,
    metrics: Object.fromEntries(side.metrics.map((one) => [one.metric, one.e_value])),
  }));
  return { at, position: judgement.position, challengers };
}

/** Add what stands now, if it is news. */
export function grown(points: readonly CoursePoint[], judgement: Judgement | null, at: string): readonly CoursePoint[] {
  if (judgement === null || judgement.position <= (points.at(-1)?.position ?? 0)) return points;
  const kept = points.length < MOST ? points : points.filter((_, place) => place % 2 === 0);
  return [...kept, pointOf(judgement, at)];
}

/** Points of a deployment since one looks at it. */
export function useTail(id: string, judgement: Judgement | null): readonly CoursePoint[] {
  const seen = useRef<{ id: string; points: readonly CoursePoint[] }>({ id, points: [] });
  if (seen.current.id !== id) seen.current = { id, points: [] };
  seen.current.points = grown(seen.current.points, judgement, new Date().toISOString());
  return seen.current.points;
}
