/** The events of a page: the newest at once, older ones when asked for, new ones held back until they are wanted. */

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";

import { answered, api } from "../../api/client";
import { type HappenedEvent, onEvent } from "../../api/live";
import { asProblem, type Problem } from "../../api/problem";
import { useReturn } from "../../data/use";
import { type Ask, olderThan } from "./older";

/** So many at first; it is also what the server gives from the end in one answer. */
const FIRST = 500;
const LIMIT = 1000;

export interface Filters {
  model: string;
  /** A type, or the beginning of one and `*`; all where it is empty. */
  type: string;
}

export interface Feed {
  /** The newest first; undefined while they are loaded. */
  events: HappenedEvent[] | undefined;
  /** How many happened since, and are not shown yet. */
  fresh: number;
  showFresh: () => void;
  isEnd: boolean;
  isLoading: boolean;
  loadOlder: () => void;
  problem: Problem | undefined;
}

interface State {
  key: string;
  events?: HappenedEvent[];
  fresh: HappenedEvent[];
  isEnd: boolean;
  isLoading: boolean;
  problem?: Problem;
}

function begun(key: string): State {
  return { key, fresh: [], isEnd: false, isLoading: true };
}

export function useFeed({ model, type }: Filters): Feed {
  const key = JSON.stringify([model, type]);
  const [state, setState] = useState<State>(() => begun(key));
  const [turn, setTurn] = useState(0);
  const current = useRef(key);
  current.current = key;

  /** Let an answer change the state, unless other filters were set meanwhile. */
  const settle = useCallback((of: string, from: Promise<(now: State) => Partial<State>>) => {
    from.then(
      (change) => {
        setState((now) => (now.key === of ? { ...now, ...change(now), isLoading: false } : now));
      },
      (error: unknown) => {
        setState((now) => (now.key === of ? { ...now, problem: asProblem(error), isLoading: false } : now));
      },
    );
  }, []);

  useEffect(() => {
    setState(begun(key));
    const asking = ask(model, type, FIRST)(-FIRST, "");
    settle(
      key,
      asking.then(({ events }) => () => ({ events: [...events].reverse(), isEnd: events.length < FIRST })),
    );
    return onEvent((event) => {
      if (!isMeant(event, { model, type })) return;
      setState((now) => (isKnown(now, event) ? now : { ...now, fresh: [event, ...now.fresh] }));
    });
  }, [key, turn]);
  useReturn(() => {
    setTurn(turn + 1);
  }, state.problem);

  const loadOlder = useCallback(() => {
    setState((now) => {
      const last = now.events?.at(-1);
      if (last === undefined || now.isEnd || now.isLoading) return now;
      settle(
        now.key,
        olderThan(last.sequence, ask(model, type, LIMIT), FIRST).then(
          (older) => (then) => ({ events: [...(then.events ?? []), ...older.events], isEnd: older.isEnd }),
        ),
      );
      return { ...now, isLoading: true };
    });
  }, [key]);

  const showFresh = useCallback(() => {
    setState((now) => ({ ...now, events: [...now.fresh, ...(now.events ?? [])], fresh: [] }));
  }, []);

  const isCurrent = state.key === key;
  return useMemo(
    () => ({
      events: isCurrent ? state.events : undefined,
      fresh: isCurrent ? state.fresh.length : 0,
      isEnd: state.isEnd,
      isLoading: state.isLoading || !isCurrent,
      problem: isCurrent ? state.problem : undefined,
      showFresh,
      loadOlder,
    }),
    [state, isCurrent],
  );
}

/** Whether an event of the stream passes the filters, as the server would see it. */
export function isMeant(event: Pick<HappenedEvent, "model" | "type">, { model, type }: Filters): boolean {
  if (model !== "" && event.model !== model) return false;
  if (type === "") return true;
  return type.endsWith("*") ? event.type.startsWith(type.slice(0, -1)) : event.type === type;
}

function isKnown({ events = [], fresh }: State, { sequence }: HappenedEvent): boolean {
  return fresh.some((one) => one.sequence === sequence) || events.slice(0, LIMIT).some((one) => one.sequence === sequence);
}

function ask(model: string, type: string, limit: number): Ask {
  return (after, pageToken) =>
    answered(
      api.GET("/api/events", {
        params: { query: { name: model, types: type === "" ? [] : [type], after, limit, page_token: pageToken } },
      }),
    );
}
