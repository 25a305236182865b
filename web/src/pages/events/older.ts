/**
 * Reading the record backwards. The server tells events forwards from a sequence, so what came before one is found by
 * asking from further and further back, until there is something.
 */

import type { HappenedEvent } from "../../api/live";

export interface Page {
  events: HappenedEvent[];
  next_page_token: string;
}

/** Asks for the events behind a sequence, or for the next page of them. */
export type Ask = (after: number, pageToken: string) => Promise<Page>;

export interface Older {
  /** The newest first. */
  events: HappenedEvent[];
  /** Whether the record begins with them. */
  isEnd: boolean;
}

const FARTHER = 4;

/**
 * Events before a sequence: those of the last `span` sequences, or of more where these hold none.
 *
 * @param before the first sequence that is not wanted any more.
 */
export async function olderThan(before: number, ask: Ask, span: number): Promise<Older> {
  for (let size = span; ; size *= FARTHER) {
    const after = Math.max(0, before - 1 - size);
    const events = await between(after, before, ask);
    if (events.length > 0 || after === 0) return { events: events.reverse(), isEnd: after === 0 };
  }
}

async function between(after: number, before: number, ask: Ask): Promise<HappenedEvent[]> {
  const found: HappenedEvent[] = [];
  let token = "";
  do {
    const page = await ask(after, token);
    found.push(...page.events.filter((one) => one.sequence < before));
    const last = page.events.at(-1);
    token = last === undefined || last.sequence >= before ? "" : page.next_page_token;
  } while (token !== "");
  return found;
}
