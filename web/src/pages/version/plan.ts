/** A deployment's plan in words. */

import type { Schemas } from "../../api/client";
import { percent, seconds } from "../../ui/values";
import { number } from "../../words";
import { versionWords } from "../../words/version";

const W = versionWords.actions;

/**
 * One sentence for each step: who gets which share, and what has to be there to go on.
 *
 * @param holds what a step waits for that does not go on by itself.
 */
export function told(plan: Schemas["Plan"], versionId: string, holds: string = W.holds): string[] {
  return plan.steps.map((step) =>
    [
      shares(step, versionId),
      step.min_seconds > 0 ? W.lasts(seconds(step.min_seconds)) : "",
      step.min_requests > 0 ? W.asks(number(step.min_requests)) : "",
      step.hold ? holds : "",
    ]
      .filter((one) => one !== "")
      .join(", "),
  );
}

/** The share of the new version, or of its copies; of each version where the split lasts. */
function shares(step: Schemas["Step"], versionId: string): string {
  const share = step.arms.find((one) => one.version_id === versionId)?.weight ?? 0;
  const copies = step.shadow?.find((one) => one.version_id === versionId)?.weight;
  if (copies !== undefined && share === 0) return W.shadowStep(percent(copies));
  if (!step.hold) return W.step(percent(share));
  return step.arms.map((one) => `${one.version} ${percent(one.weight)}`).join(", ");
}
