/** The events of a page: the newest at once, older ones when asked for, new ones held back until they are wanted. */

import { useCallback, useEffect, useMemo, useState } from "preact/hooks";

import { answered, api } from "../../api/client";
import { type HappenedEvent, onEvent } from "../../api/live";
import { asProblem, type Problem } from "../../api/problem";
import { useReturn } from "../../data/use";

const AT_ONCE = 500;
/** Events after a moment that are loaded with those before it, to step on from there. */
const LATER = 100;

export interface Filters {
  model: string;
  /** A type, or the beginning of one and `*`; all where it is empty. */
  type: string;
  actor: string;
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
  /** Of the next, older page; empty where the record begins with what is there. */
  token: string;
  isLoading: boolean;
  problem?: Problem;
}

function begun(key: string): State {
  return { key, fresh: [], token: "", isLoading: true };
}

/**
 * Load the events that pass filters.
 *
 * @param until a moment: those around it are loaded, and none that happen now; the newest are where it is undefined, and
 *   none at all where it is empty.
 */
export function useFeed(filters: Filters, until?: string): Feed {
  const { model, type, actor } = filters;
  const key = JSON.stringify([model, type, actor, until]);
  const [state, setState] = useState<State>(() => begun(key));
  const [turn, setTurn] = useState(0);

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
    if (until === "") return undefined;
    settle(key, around(filters, until).then((loaded) => () => loaded));
    if (until !== undefined) return undefined;
    return onEvent((event) => {
      if (!isMeant(event, filters)) return;
      setState((now) => (isKnown(now, event) ? now : { ...now, fresh: [event, ...now.fresh] }));
    });
  }, [key, turn]);
  useReturn(() => {
    setTurn(turn + 1);
  }, state.problem);

  const loadOlder = useCallback(() => {
    setState((now) => {
      if (now.events === undefined || now.token === "" || now.isLoading) return now;
      settle(
        now.key,
        back(filters, until, now.token).then(
          (page) => (then) => ({ events: [...(then.events ?? []), ...page.events], token: page.next_page_token }),
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
      isEnd: state.token === "",
      isLoading: state.isLoading || !isCurrent,
      problem: isCurrent ? state.problem : undefined,
      showFresh,
      loadOlder,
    }),
    [state, isCurrent],
  );
}

/** Whether an event of the stream passes the filters, as the server would see it. */
export function isMeant(event: Pick<HappenedEvent, "model" | "type" | "actor">, { model, type, actor }: Filters): boolean {
  if ((model !== "" && event.model !== model) || (actor !== "" && event.actor !== actor)) return false;
  if (type === "") return true;
  return type.endsWith("*") ? event.type.startsWith(type.slice(0, -1)) : event.type === type;
}

function isKnown({ events = [], fresh }: State, { sequence }: HappenedEvent): boolean {
  return fresh.some((one) => one.sequence === sequence) || events.slice(0, AT_ONCE).some((one) => one.sequence === sequence);
}

/** The newest events up to a moment, or up to now; and a few after it. */
async function around(filters: Filters, until: string | undefined): Promise<Partial<State>> {
  const { events, next_page_token: token } = await back(filters, until, "");
  const [last] = events;
  const later = until === undefined ? [] : (await ask(filters, { after: last?.sequence ?? 0, limit: LATER })).events;
  return { events: [...later.reverse(), ...events], token };
}

function back(filters: Filters, until = "", token: string) {
  return ask(filters, { until, newest_first: true, limit: AT_ONCE, page_token: token });
}

interface Span {
  until?: string;
  after?: number;
  newest_first?: boolean;
  limit: number;
  page_token?: string;
}

function ask({ model, type, actor }: Filters, span: Span) {
  const query = { name: model, types: type === "" ? [] : [type], actor, ...span };
  return answered(api.GET("/api/events", { params: { query } }));
}
