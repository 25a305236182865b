/** The newest events: those that were there, and those that come while one looks. */

import { useEffect, useRef, useState } from "preact/hooks";

import { answered, api } from "../../api/client";
import { type HappenedEvent, onEvent } from "../../api/live";
import type { Problem } from "../../api/problem";
import { isEcho } from "../../data/happenings";
import { useData } from "../../data/use";

/** Events that are shown. */
export const SHOWN = 20;
/** Asked for more than are shown: some are left out. */
const ASKED = 60;
const GATHER_MS = 250;

/** The newest of both that say something, the newest first; pure. */
export function merged(before: readonly HappenedEvent[], fresh: readonly HappenedEvent[]): HappenedEvent[] {
  const all = new Map([...before, ...fresh].map((one) => [one.sequence, one]));
  return [...all.values()]
    .filter((one) => !isEcho(one))
    .sort((a, b) => b.sequence - a.sequence)
    .slice(0, SHOWN);
}

export interface Happening {
  events: readonly HappenedEvent[] | undefined;
  /** Those that came since the page was opened, by their sequence. */
  fresh: ReadonlySet<number>;
  problem: Problem | undefined;
  reload: () => void;
}

export function useHappening(): Happening {
  const first = useData("happening", (signal) =>
    answered(api.GET("/api/events", { params: { query: { after: -ASKED, limit: ASKED } }, signal })),
  );
  const [came, setCame] = useState<readonly HappenedEvent[]>([]);
  const waiting = useRef<HappenedEvent[]>([]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = onEvent((event) => {
      waiting.current.push(event);
      timer ??= setTimeout(() => {
        timer = undefined;
        const fresh = waiting.current;
        waiting.current = [];
        setCame((before) => merged(before, fresh));
      }, GATHER_MS);
    });
    return () => {
      clearTimeout(timer);
      end();
    };
  }, []);
  const [shown, setShown] = useState<readonly HappenedEvent[]>();
  useEffect(() => {
    if (first.value !== undefined) setShown(merged(first.value.events, came));
  }, [first.value, came]);
  return { events: shown, fresh: new Set(came.map((one) => one.sequence)), problem: first.problem, reload: first.reload };
}
