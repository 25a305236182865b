/**
 * What a person may do with a promotion, as far as the page can tell; the server has the last word.
 *
 * Rules, as `modelyard.domain.permissions` and `modelyard.domain.promotion` have them
 * 1. A grant is a permission, `*`, or `*.read`, on the models and stages that its patterns match; a pattern may end in `*`.
 * 2. Whoever asked for a promotion, or made the version, does not approve it, and nobody approves twice.
 * 3. Where approvers are named, only they approve.
 * 4. Somebody who did not prove who they are may speak for anybody, so none of 2 and 3 stands in the way.
 */

import type { Schemas } from "../../api/client";

export type Promotion = Schemas["Promotion"];
export type Person = Schemas["Whoami"];
export type Todo = "vote" | "apply";
export type Hindrance = "asked" | "made" | "voted" | "other";

export function isOpen(promotion: Promotion): boolean {
  return promotion.state === "pending" || promotion.state === "approved";
}

export function may(person: Person, permission: string, model: string, stage = ""): boolean {
  return (person.grants ?? []).some(
    (one) =>
      (covers(one.allow, permission) || (one.allow === "*.read" && permission.endsWith(".read"))) &&
      covers(one.model, model) &&
      (stage === "" || covers(one.stage, stage)),
  );
}

function covers(pattern: string, text: string): boolean {
  return pattern.endsWith("*") ? text.startsWith(pattern.slice(0, -1)) : pattern === text;
}

/** How many approvals count. */
export function approvals({ votes = [], approvers = [] }: Promotion): number {
  return votes.filter((one) => one.decision === "approve" && (approvers.length === 0 || approvers.includes(one.by))).length;
}

/** Why a person cannot approve an open promotion; null where nothing is in the way. */
export function hindrance(person: Person, promotion: Promotion): Hindrance | null {
  if (!may(person, "promotion.approve", promotion.name, promotion.target_stage)) return "other";
  if (!person.proven) return null;
  if (isSame(person.name, promotion.requester)) return "asked";
  if (isSame(person.name, promotion.author)) return "made";
  if ((promotion.votes ?? []).some((one) => one.decision === "approve" && isSame(one.by, person.name))) return "voted";
  const approvers = promotion.approvers ?? [];
  return approvers.length > 0 && !approvers.includes(person.name) ? "other" : null;
}

function isSame(one: string, other: string): boolean {
  return folded(one) === folded(other);
}

/** Case, width and blanks around a name make nobody somebody else. */
function folded(name: string): string {
  return name.normalize("NFKC").trim().toLowerCase();
}

export function mayReject(person: Person, promotion: Promotion): boolean {
  return may(person, "promotion.approve", promotion.name, promotion.target_stage);
}

export function mayApply(person: Person, promotion: Promotion): boolean {
  return may(person, "stage.move", promotion.name, promotion.target_stage);
}

export function mayWithdraw(person: Person, promotion: Promotion): boolean {
  const isTheirs = !person.proven || person.name === promotion.requester || may(person, "registry.admin", "");
  return isTheirs && may(person, "promotion.request", promotion.name, promotion.target_stage);
}

/** What a promotion waits for this person to do. */
export function todo(person: Person, promotion: Promotion): Todo | null {
  if (promotion.state === "approved") return mayApply(person, promotion) ? "apply" : null;
  return promotion.state === "pending" && hindrance(person, promotion) === null ? "vote" : null;
}

/** Those that wait for somebody first, in the order in which they were asked; then the rest, the newest first. */
export function split(person: Person | null, promotions: readonly Promotion[]): { mine: Promotion[]; rest: Promotion[] } {
  const isMine = (one: Promotion) => person !== null && todo(person, one) !== null;
  return { mine: promotions.filter(isMine).toReversed(), rest: promotions.filter((one) => !isMine(one)) };
}
