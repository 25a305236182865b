/** How far a promotion is: what was done, what it waits for, where it ended. */

import { approvals, isOpen, type Promotion } from "../promotions/rights";

export type StepState = "done" | "current" | "failed" | "later" | "ended";

export interface Step {
  name: "asked" | "gates" | "votes" | "applied";
  state: StepState;
}

/** The steps of a promotion; one that was decided in one call asked nobody, so it has no votes. */
export function steps(promotion: Promotion): Step[] {
  const hasEnded = !isOpen(promotion) && promotion.state !== "applied";
  const isMet = (promotion.verdicts ?? []).every((one) => one.met);
  const given = approvals(promotion) >= promotion.approvals_needed;
  const votes: StepState = given ? "done" : hasEnded ? "ended" : "current";
  const applied: StepState = promotion.state === "applied" ? "done" : hasEnded ? "ended" : given && isMet ? "current" : "later";
  return [
    { name: "asked", state: "done" },
    { name: "gates", state: isMet ? "done" : "failed" },
    ...(promotion.direct ? [] : [{ name: "votes", state: votes } as const]),
    { name: "applied", state: applied },
  ];
}

/** How many more approvals are needed. */
export function missingVotes(promotion: Promotion): number {
  return Math.max(0, promotion.approvals_needed - approvals(promotion));
}
