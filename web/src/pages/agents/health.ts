/**
 * How agents stand: pure.
 *
 * Rules
 * 1. A token is to be looked at if it ends within `SOON_DAYS`, was never used though it is older than a day, or was not
 *    used for `IDLE_DAYS`. The server writes down uses to about a day.
 * 2. An agent can come in unless it is disabled or has no valid token; one that cannot is to be looked at.
 */

import type { HappenedEvent } from "../../api/live";
import { isEcho } from "../../data/happenings";
import { grantsText } from "../people/grants";
import type { Token } from "../people/tokens";
import type { User } from "../people/users";

export type Warning = "soon" | "never" | "idle";

export interface Agent {
  user: User;
  /** Those that are valid. */
  tokens: Token[];
}

const DAY_MS = 86_400_000;
const SOON_DAYS = 14;
const IDLE_DAYS = 90;

/** What is to be looked at about a token. */
export function warningOf({ created_at: made, expires_at: ends, last_used_at: used }: Token, now: number): Warning | undefined {
  const days = (from: string) => (now - Date.parse(from)) / DAY_MS;
  if (ends != null && -days(ends) < SOON_DAYS) return "soon";
  if (used == null) return days(made) > 1 ? "never" : undefined;
  return days(used) > IDLE_DAYS ? "idle" : undefined;
}

/** The agents with their valid tokens, in the order in which they came. */
export function agentsOf(users: readonly User[], tokens: readonly Token[]): Agent[] {
  return users.map((user) => ({ user, tokens: tokens.filter((one) => one.principal === user.name && one.state === "active") }));
}

/** Whether an agent is in a state that one may choose; every one is in "". */
export function isIn(state: string, { user, tokens }: Agent, now: number): boolean {
  const isKeyless = tokens.length === 0;
  const states: Record<string, boolean> = {
    attention: !user.disabled && (isKeyless || tokens.some((one) => warningOf(one, now) !== undefined)),
    ready: !user.disabled && !isKeyless,
    keyless: isKeyless,
    disabled: user.disabled,
  };
  return states[state] ?? true;
}

/** Whether a text stands in what is shown of an agent. */
export function mentions(text: string, { user, tokens }: Agent): boolean {
  const told = [user.name, grantsText(user.grants), ...tokens.map((one) => one.description)].join("\n");
  return told.toLowerCase().includes(text.trim().toLowerCase());
}

/** What somebody did last, of events with the newest first. */
export function lastActs(events: readonly HappenedEvent[], name: string, count: number): HappenedEvent[] {
  return events.filter((one) => one.actor === name && !isEcho(one)).slice(0, count);
}
