/** The last events of the record, for what each agent did; the newest first. */

import { useEffect, useMemo, useState } from "preact/hooks";

import { answered, api } from "../../api/client";
import { type HappenedEvent, onEvent } from "../../api/live";
import { useData } from "../../data/use";

/** So many are looked through. */
export const SEEN = 500;

const NONE: HappenedEvent[] = [];

/** Undefined while they are loaded, and for who may not read them. */
export function useActs(): readonly HappenedEvent[] | undefined {
  const [fresh, setFresh] = useState(NONE);
  const { value } = useData("acts", async (signal) => {
    const { events } = await answered(api.GET("/api/events", { params: { query: { after: -SEEN, limit: SEEN } }, signal }));
    return events.reverse();
  });
  useEffect(
    () =>
      onEvent((event) => {
        setFresh((before) => [event, ...before].slice(0, SEEN));
      }),
    [],
  );
  return useMemo(() => {
    const last = value?.[0]?.sequence ?? 0;
    return value && [...fresh.filter((one) => one.sequence > last), ...value];
  }, [value, fresh]);
}
