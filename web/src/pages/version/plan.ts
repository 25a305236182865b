/** A deployment's plan in words, and the body that asks for it. */

import type { Schemas } from "../../api/client";
import { percent, seconds } from "../../ui/values";
import { number } from "../../words";
import { versionWords } from "../../words/version";

const W = versionWords.actions;

/** What is filled in, as text. */
export interface Wish {
  version: string;
  strategy: string;
  environment: string;
  /** Per cent, with commas; empty for what the strategy says. */
  steps: string;
  /** Per cent; empty for no limit. */
  maxErrors: string;
  reason: string;
}

/** Numbers between commas; what is no number is NaN, which the server refuses by name. */
function numbers(text: string): number[] {
  return text
    .split(",")
    .filter((one) => one.trim() !== "")
    .map(Number);
}

export function deployBody(wish: Wish) {
  const { version, strategy, environment, reason } = wish;
  const steps = hasSteps(strategy) ? numbers(wish.steps) : [];
  return {
    version,
    strategy,
    environment,
    reason,
    ...(steps.length > 0 ? { steps } : {}),
    ...(wish.maxErrors.trim() === ""
      ? {}
      : {
          limits: { max_error_rate: Number(wish.maxErrors) / 100, max_p95_s: null, max_p99_s: null, min_requests: 20 },
        }),
  };
}

/** The words of the command that asks for the same. */
export function deployWords(name: string, wish: Wish): string[] {
  const steps = numbers(wish.steps);
  return [
    "deploy",
    name,
    wish.version,
    "--strategy",
    wish.strategy,
    ...(wish.environment === "production" ? [] : ["--environment", wish.environment]),
    ...(hasSteps(wish.strategy) && steps.length > 0 ? ["--steps", steps.join(",")] : []),
    ...(wish.maxErrors.trim() === "" ? [] : ["--max-error-rate", String(Number(wish.maxErrors) / 100)]),
    ...(wish.reason === "" ? [] : ["--reason", wish.reason]),
  ];
}

/** Whether a strategy goes by shares that one may choose. */
export function hasSteps(strategy: string): boolean {
  return strategy === "canary";
}

/** One sentence for each step: the share of the new version, and what has to be there to go on. */
export function told(plan: Schemas["Plan"], versionId: string): string[] {
  return plan.steps.map((step) => {
    const share = step.arms.find((one) => one.version_id === versionId)?.weight ?? 0;
    const copies = step.shadow?.find((one) => one.version_id === versionId)?.weight;
    return [
      copies !== undefined && share === 0 ? W.shadowStep(percent(copies)) : W.step(percent(share)),
      step.min_seconds > 0 ? W.lasts(seconds(step.min_seconds)) : "",
      step.min_requests > 0 ? W.asks(number(step.min_requests)) : "",
      step.hold ? W.holds : "",
    ]
      .filter((one) => one !== "")
      .join(", ");
  });
}
