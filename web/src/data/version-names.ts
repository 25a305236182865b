/**
 * The numbers of versions by their ids, for lists of events, which name a version by its id alone. A number never
 * changes, so each id is asked for once; many are told by the events themselves.
 */

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { answered, api } from "../api/client";
import type { HappenedEvent } from "../api/live";
import type { VersionOf } from "./happenings";

const AT_ONCE = 4;
/** Ids that a list asks for at most; older events go without. */
const MOST = 40;

const names = signal<ReadonlyMap<string, string>>(new Map());
const asked = new Set<string>();
let waiting: string[] = [];
let running = 0;

/** A look-up that grows: what it does not know yet is asked for, and the component is drawn again. */
export function useVersionNames(events: readonly HappenedEvent[]): VersionOf {
  useEffect(() => {
    learn(new Map(events.flatMap(namesOf)));
    const missing = events.map((one) => one.version_id).filter((id) => id !== null && !asked.has(id) && !names.value.has(id));
    ask([...new Set(missing)].slice(-MOST) as string[]);
  }, [events]);
  const known = names.value;
  return (id) => known.get(id);
}

/** Forget everything; for tests. */
export function forgetNames(): void {
  names.value = new Map();
  asked.clear();
  waiting = [];
}

/** The numbers that an event tells itself. */
export function namesOf({ version_id: id, data }: Pick<HappenedEvent, "version_id" | "data">): [string, string][] {
  return id !== null && typeof data.version === "string" && data.version !== "" ? [[id, data.version]] : [];
}

function learn(found: ReadonlyMap<string, string>): void {
  if ([...found.keys()].every((id) => names.value.has(id))) return;
  names.value = new Map([...names.value, ...found]);
}

function ask(ids: string[]): void {
  for (const id of ids) asked.add(id);
  waiting.push(...ids);
  while (running < AT_ONCE && waiting.length > 0) {
    running += 1;
    void follow();
  }
}

async function follow(): Promise<void> {
  for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
    try {
      const found = await answered(api.GET("/api/models/{reference}/resolve", { params: { path: { reference: id } } }));
      learn(new Map([[id, found.version]]));
    } catch {
      // A deleted version has no number to be found; the sentence does without.
    }
  }
  running -= 1;
}
