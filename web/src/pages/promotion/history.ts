/** What happened to a promotion, from the events of its version. */

import { answered, api, type Schemas } from "../../api/client";

export type Happened = Schemas["EventRecord"];

export interface Entry {
  key: string;
  at: string;
  who: string;
  /** What happened, without `promotion.` in front. */
  what: string;
  /** What somebody said with it. */
  text: string;
  /** Gates that were not met; null where none were judged. */
  missing: string[] | null;
}

const PAGE = 500;
/** Nobody reads further than this. */
const MOST_PAGES = 10;
const MOVED = "version.stage_moved";

export async function loadHistory(versionId: string, id: string, signal: AbortSignal): Promise<Entry[]> {
  const found: Happened[] = [];
  let token = "";
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const query = { reference: versionId, limit: PAGE, ...(token === "" ? {} : { page_token: token }) };
    const { events, next_page_token } = await answered(api.GET("/api/events", { params: { query }, signal }));
    found.push(...events);
    token = next_page_token;
    if (token === "") break;
  }
  return entries(found, id);
}

/** The events of one promotion, the earliest first. */
export function entries(events: readonly Happened[], id: string): Entry[] {
  const own = events.filter((one) => one.data.promotion === id);
  // A promotion that was decided in one call has no event of its own but the move.
  const isDirect = !own.some((one) => one.type.startsWith("promotion."));
  return own.filter((one) => one.type.startsWith("promotion.") || (isDirect && one.type === MOVED)).map(entryOf);
}

function entryOf({ data, type, at, actor, sequence }: Happened): Entry {
  const text = (name: string) => (typeof data[name] === "string" ? data[name] : "");
  const verdicts = Array.isArray(data.verdicts) ? (data.verdicts as { requirement: string; met: boolean }[]) : null;
  return {
    key: String(sequence),
    at,
    who: text("by") || text("requester") || actor,
    what: type === MOVED ? "applied" : type.replace("promotion.", ""),
    text: text("comment"),
    missing: verdicts === null ? null : verdicts.filter((one) => !one.met).map((one) => one.requirement),
  };
}
