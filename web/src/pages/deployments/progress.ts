/** Deployments in a list: which come first, and how far each is. */

import { type Deployment, isBaking } from "../deployment/state";

/** The live ones first, each in the order that it came in, none twice. */
export function liveFirst(live: readonly Deployment[], all: readonly Deployment[]): Deployment[] {
  const seen = new Map<string, Deployment>();
  for (const one of [...live, ...all]) if (!seen.has(one.id)) seen.set(one.id, one);
  return [...seen.values()].toSorted((a, b) => Number(b.live) - Number(a.live));
}

/** How far a deployment is on its way, in 0..1: each step is a part, and so is the watch at the end. */
export function farOf(one: Deployment): number {
  const parts = partsOf(one);
  if (one.state === "SUCCEEDED") return 1;
  if (isBaking(one)) return (parts - 1) / parts;
  if (one.state === "STAGE" || one.state === "PAUSED") return (one.step + 0.5) / parts;
  return one.live || one.step === 0 ? 0 : one.step / parts;
}

/** How many parts its way has. */
export function partsOf(one: Deployment): number {
  return Math.max(one.plan.steps.length + (one.plan.bake_seconds > 0 ? 1 : 0), 1);
}
