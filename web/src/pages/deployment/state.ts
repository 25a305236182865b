/** How a deployment stands, from its record alone: in a sentence, in shares of traffic, and in what each action would do. */

import type { Schemas } from "../../api/client";
import type { Kind } from "../../ui/badges";
import type { Share } from "../../ui/traffic";
import { percent } from "../../ui/values";
import { deploymentWords } from "../../words/deployment";
import { lasting } from "./lasting";
import type { Whole } from "./whole";

export type Deployment = Whole<Schemas["DeploymentRecord"]>;
export type Step = Whole<Schemas["Step"]>;
export type Arm = Schemas["Arm"];
type StateName = keyof typeof deploymentWords.states;

const told = deploymentWords;

const KINDS: Record<string, Kind> = {
  SUCCEEDED: "good",
  PAUSED: "warn",
  CANCELLED: "plain",
  SUPERSEDED: "plain",
  ROLLING_BACK: "bad",
  ROLLED_BACK: "bad",
  REJECTED: "bad",
};
const VERDICT_KINDS: Record<string, Kind> = { HEALTHY: "good", REGRESSED: "bad", INCONCLUSIVE: "warn" };

/** A state's word, and its colour. */
export function stateOf(state: string): { text: string; kind: Kind } {
  const text = state in told.states ? told.states[state as StateName] : state.toLowerCase();
  return { text, kind: KINDS[state] ?? "info" };
}

/** A verdict's word, and its colour. */
export function verdictOf(state: string): { text: string; kind: Kind } {
  const known = told.verdicts as Record<string, string>;
  return { text: known[state] ?? state.toLowerCase(), kind: VERDICT_KINDS[state] ?? "plain" };
}

export function isRollback(one: Deployment): boolean {
  return one.strategy === "rollback";
}

/** The step that a deployment is at; none where it has none. */
export function stepNow(one: Deployment): Step | undefined {
  return one.plan.steps[one.step];
}

/** Whether it is watched at its end, also while that is paused. */
export function isBaking(one: Deployment): boolean {
  return one.state === "BAKE" || (one.state === "PAUSED" && one.resumes === "BAKE");
}

export function hasTraffic(one: Deployment): boolean {
  return ["STAGE", "PAUSED", "BAKE"].includes(one.state);
}

export function isBeforeTraffic(one: Deployment): boolean {
  return one.state === "PENDING" || one.state === "PREFLIGHT";
}

/** Whether a person ends it by naming the winner. */
export function isTest(one: Deployment): boolean {
  const step = stepNow(one);
  return step !== undefined && step.hold && step.arms.length > 1;
}

function shareOf(version: string, arms: readonly Arm[]): number {
  return arms.reduce((sum, arm) => (arm.version_id === version ? sum + arm.weight : sum), 0);
}

/** Who has which share of the traffic, the new version first; what the plan says of the weight that it has. */
export function traffic(one: Deployment): Share[] {
  for (const arms of [stepNow(one)?.arms ?? [], one.plan.final]) {
    const weight = shareOf(one.version_id, arms);
    if (one.weight > 0 && weight === one.weight) return inOrder(arms, one.version_id);
  }
  const fresh = one.weight > 0 ? [{ text: one.version, share: one.weight }] : [];
  const hasBase = typeof one.base === "string" && one.weight < 1;
  return hasBase ? [...fresh, { text: one.base as string, share: 1 - one.weight }] : fresh;
}

/** Arms as shares, one version first. */
export function inOrder(arms: readonly Arm[], first: string): Share[] {
  return arms
    .filter((arm) => arm.weight > 0)
    .toSorted((a, b) => Number(b.version_id === first) - Number(a.version_id === first))
    .map((arm) => ({ text: arm.version, share: arm.weight }));
}

/** How it goes, in words. */
export function strategyOf({ strategy }: { strategy: string }): string {
  return told.strategies[strategy] ?? strategy;
}

export function stepText(one: Deployment): string {
  return isBaking(one) ? told.steps.bake : told.stepOf(one.step + 1, one.plan.steps.length);
}

/** How it stands, in a sentence. */
export function headline(one: Deployment): string {
  const share = percent(one.weight);
  const base = one.base ?? "";
  switch (one.state) {
    case "STAGE":
      return stage(one, share);
    case "PAUSED":
      return told.now.PAUSED(one.version, share, stepText(one));
    case "BAKE":
      return told.now.BAKE(one.version, share);
    case "SUCCEEDED":
      return succeeded(one);
    case "ROLLED_BACK":
      return base === "" ? told.now.ROLLED_BACK_TO_NONE(one.version) : told.now.ROLLED_BACK(one.version, base);
    default: {
      const known = told.now as unknown as Record<string, ((version: string) => string) | undefined>;
      return known[one.state]?.(one.version) ?? stateOf(one.state).text;
    }
  }
}

function stage(one: Deployment, share: string): string {
  const step = stepNow(one);
  const copies = step?.shadow.find((arm) => arm.version_id === one.version_id);
  if (one.weight > 0 || step === undefined) return told.now.STAGE(one.version, share, stepText(one));
  return copies === undefined ? told.now.warm(one.version) : told.now.shadow(one.version, percent(copies.weight));
}

function succeeded(one: Deployment): string {
  if (isRollback(one)) return told.now.rollback(one.version, one.rollback?.left ?? one.base ?? "");
  return shareOf(one.version_id, one.plan.final) > 0 ? told.now.SUCCEEDED(one.version) : told.now.shadowDone(one.version);
}

function served(arms: readonly Arm[], first: string): string {
  return inOrder(arms, first)
    .map((one) => `${one.text} ${percent(one.share)}`)
    .join(", ");
}

/** What it would do to take a deployment to its next step. */
export function effectOfAdvance(one: Deployment): string {
  const next = one.plan.steps[one.step + 1];
  const before = percent(one.weight);
  if (next !== undefined && !isBaking(one)) {
    const after = shareOf(one.version_id, next.arms);
    return after === one.weight
      ? told.actions.sameShare(one.version, before)
      : told.actions.advances(one.version, before, percent(after));
  }
  if (one.plan.bake_seconds > 0 && !isBaking(one)) {
    return told.actions.bakes(one.version, before, lasting(one.plan.bake_seconds));
  }
  return told.actions.ends(served(one.plan.final, one.version_id));
}

/** What it would do to take a deployment to its end. */
export function effectOfFull(one: Deployment): string {
  const left = isBaking(one) ? 0 : one.plan.steps.length - one.step - 1;
  const ends = told.actions.ends(served(one.plan.final, one.version_id));
  return left > 0 ? `${told.actions.passes(left)} ${ends}` : ends;
}

/** What it would do to abort a deployment. */
export function effectOfAbort(one: Deployment): string {
  const base = one.base ?? "";
  const { actions } = told;
  if (isBeforeTraffic(one)) return base === "" ? actions.cancelsFirst(one.version) : actions.cancels(one.version, base);
  if (base === "") return actions.abortsFirst(one.version, percent(one.weight));
  if (one.weight === 0) return actions.abortsCopies(one.version, base);
  return actions.aborts(one.version, percent(one.weight), base);
}
