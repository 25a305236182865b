/** The way of a deployment: what is behind it, where it is, what is to come, and what each part waits for. */

import { percent } from "../../ui/values";
import { number } from "../../words";
import { deploymentWords } from "../../words/deployment";
import { between, lasting } from "./lasting";
import { type Deployment, isBaking, isBeforeTraffic, isRollback, type Step, stepNow } from "./state";

const told = deploymentWords.steps;

export type Place = "past" | "now" | "coming" | "skipped" | "stopped";

export interface WayPoint {
  key: string;
  title: string;
  place: Place;
  /** What is served there. */
  what: string;
  /** The new version's share, in 0..1. */
  share: number;
  began?: string;
  /** How long it took, or takes until now, in seconds. */
  seconds?: number;
  waits: string[];
  isUnproven: boolean;
}

/** Every part of a deployment's way, in order. */
export function wayOf(one: Deployment, now: Date): WayPoint[] {
  if (isRollback(one)) return [];
  const begins = beginnings(one);
  const keys = ["probes", ...one.plan.steps.map((_, at) => `step-${String(at)}`), ...(one.plan.bake_seconds > 0 ? ["bake"] : [])];
  const here = keyNow(one);
  const last = keys.findLastIndex((key) => begins.has(key));
  return keys.map((key, at) => {
    const began = begins.get(key);
    const next = keys.slice(at + 1).find((later) => begins.has(later));
    const ended = next === undefined ? one.finished_at : begins.get(next);
    const place = placeOf(one, { isHere: key === here, isBehind: at <= last && began !== undefined, isLast: at === last });
    return {
      key,
      place,
      ...pointOf(one, key, place === "now" ? now : null),
      ...(began === undefined ? {} : { began, seconds: between(began, ended ?? now) }),
    };
  });
}

function placeOf(one: Deployment, at: { isHere: boolean; isBehind: boolean; isLast: boolean }): Place {
  if (one.live && at.isHere) return "now";
  if (at.isBehind) return !one.live && at.isLast && one.state !== "SUCCEEDED" ? "stopped" : "past";
  return one.live ? "coming" : "skipped";
}

function keyNow(one: Deployment): string {
  if (isBeforeTraffic(one)) return "probes";
  return isBaking(one) ? "bake" : `step-${String(one.step)}`;
}

/** When each part began, as the history tells it. */
function beginnings(one: Deployment): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of one.history) {
    const key =
      line.event === "created" || line.event === "preflight_started"
        ? "probes"
        : line.event === "preflight_passed" || line.event === "advanced"
          ? `step-${String(line.step)}`
          : line.event === "baking"
            ? "bake"
            : "";
    if (key !== "" && !found.has(key)) found.set(key, line.at);
  }
  return found;
}

function pointOf(one: Deployment, key: string, now: Date | null): Pick<WayPoint, "title" | "what" | "share" | "waits" | "isUnproven"> {
  if (key === "probes") {
    const waits = [told.probesAsked(number(one.options.probes))];
    return { title: told.probes, what: "", share: 0, waits, isUnproven: false };
  }
  if (key === "bake") {
    const waits = timeOf(one, one.plan.bake_seconds, now);
    const what = sharesOf(one.plan.steps.at(-1));
    return { title: told.bake, what, share: one.plan.steps.at(-1) === undefined ? 1 : weightIn(one, one.plan.steps.at(-1)), waits, isUnproven: false };
  }
  const at = Number(key.slice("step-".length));
  const step = one.plan.steps[at];
  return {
    title: told.step(at + 1),
    what: sharesOf(step),
    share: weightIn(one, step),
    waits: step === undefined ? [] : waitsOf(one, step, now),
    isUnproven: one.unproven.includes(at),
  };
}

function weightIn(one: Deployment, step: Step | undefined): number {
  return step?.arms.find((arm) => arm.version_id === one.version_id)?.weight ?? 0;
}

function sharesOf(step: Step | undefined): string {
  if (step === undefined) return "";
  const arms = step.arms.filter((arm) => arm.weight > 0).map((arm) => told.shares(arm.version, percent(arm.weight)));
  const copies = step.shadow.map((arm) => told.copies(arm.version, percent(arm.weight)));
  return [...arms, ...copies].join(", ");
}

function timeOf(one: Deployment, length: number, now: Date | null): string[] {
  if (length <= 0) return [];
  const time = lasting(length);
  if (now === null || one.since === "") return [told.time(time)];
  const rest = length - between(one.since, now);
  return [rest > 0 ? told.timeLeft(time, lasting(rest)) : told.timeOver(time)];
}

/** What a step waits for; with `now`, how far it is. */
export function waitsOf(one: Deployment, step: Step, now: Date | null): string[] {
  const { judge, window } = one.options;
  const waits = [...timeOf(one, step.min_seconds, now), ...requestsOf(one, step, now !== null && step === stepNow(one))];
  if (judge.mode === "act" && judge.require_proof !== null) waits.push(told.proof(String(judge.require_proof)));
  if (step.hold) waits.push(told.person);
  if (window) waits.push(told.window(window.days.join(", ") || told.everyDay, window.start, window.end, window.timezone));
  if (step.max_seconds !== null) waits.push(inconclusive(one, step.max_seconds));
  return waits;
}

function requestsOf(one: Deployment, step: Step, isHere: boolean): string[] {
  if (step.min_requests === 0) return [];
  const needed = number(step.min_requests);
  if (!isHere) return [told.requests(needed, one.version)];
  const seen = one.observed.find((arm) => arm.version_id === one.version_id)?.requests ?? 0;
  return [told.requestsSoFar(number(seen), needed, one.version)];
}

function inconclusive(one: Deployment, length: number): string {
  const policies = told.onInconclusive as Record<string, string>;
  const then = policies[one.options.on_inconclusive];
  return then === undefined ? told.most(lasting(length)) : `${told.most(lasting(length))}, ${then}`;
}
