/**
 * The data of the cards: at most four requests for all of them, however many there are. When something happens, only the
 * models that it happened to are asked for again, and a moment's events together: fifty people may look at the page.
 */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";

import { answered, api } from "../../api/client";
import { type HappenedEvent, onEvent } from "../../api/live";
import { asProblem, Problem } from "../../api/problem";
import { useReturn } from "../../data/use";
import type { Alert, Endpoint, Rollback } from "./health";
import { type Part, partsOf, type Patch, patched, type Yard } from "./state";

const MODELS_AT_ONCE = 500;
const MOST = 1000;
/** Rollbacks that are looked at: older ones are not what serves now, or nobody needs to be told. */
const ROLLBACKS = 100;
const GATHER_MS = 200;
/** Changed models above which everything is loaded again. */
const FEW = 4;

export interface YardData {
  yard: Yard | undefined;
  problem: Problem | undefined;
  reload: () => void;
  /** Load the next models; absent where all are here. */
  more: (() => void) | undefined;
}

export function useYard(): YardData {
  const [state, setState] = useState<{ yard?: Yard; problem?: Problem }>({});
  const [turn, setTurn] = useState(0);
  const current = useRef(state);
  current.current = state;
  const failed = useCallback((error: unknown) => {
    setState((before) => ({ ...before, problem: asProblem(error) }));
  }, []);
  const reload = useCallback(() => {
    setTurn((now) => now + 1);
  }, []);
  useEffect(() => {
    const over = new AbortController();
    loadYard(over.signal).then(
      (yard) => {
        if (!over.signal.aborted) setState({ yard });
      },
      (error: unknown) => {
        if (!over.signal.aborted) failed(error);
      },
    );
    return () => {
      over.abort();
    };
  }, [turn, failed]);
  useReturn(reload, state.problem);
  useChanges(reload, (patch) => {
    setState((before) => (before.yard === undefined ? before : { yard: patched(before.yard, patch) }));
  });
  const { yard, problem } = state;
  const more = () => {
    const before = current.current.yard;
    if (before === undefined) return;
    loadModels(before.token).then(({ models, next_page_token: token }) => {
      setState(({ yard: now }) => (now === undefined ? {} : { yard: { ...now, models: [...now.models, ...models], token } }));
    }, failed);
  };
  return { yard, problem, reload, more: yard === undefined || yard.token === "" ? undefined : more };
}

function useChanges(reload: () => void, change: (patch: Patch) => void): void {
  const latest = useRef({ reload, change });
  latest.current = { reload, change };
  useEffect(() => {
    const over = new AbortController();
    const dirty = new Map<string, Set<Part>>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = () => {
      timer = undefined;
      const all = [...dirty];
      dirty.clear();
      if (all.length > FEW) latest.current.reload();
      else for (const [name, parts] of all) follow(name, parts, over.signal, latest.current);
    };
    const end = onEvent((event) => {
      note(dirty, event);
      if (dirty.size > 0) timer ??= setTimeout(flush, GATHER_MS);
    });
    return () => {
      over.abort();
      clearTimeout(timer);
      end();
    };
  }, []);
}

function note(dirty: Map<string, Set<Part>>, event: HappenedEvent): void {
  if (event.model === "") return;
  const parts = dirty.get(event.model) ?? new Set<Part>();
  for (const part of partsOf(event)) parts.add(part);
  dirty.set(event.model, parts);
  // Of a renamed model the card of the old name goes.
  if (event.type === "model.renamed" && typeof event.data.from === "string") dirty.set(event.data.from, new Set(["model"]));
}

function follow(
  name: string,
  parts: ReadonlySet<Part>,
  over: AbortSignal,
  { reload, change }: { reload: () => void; change: (patch: Patch) => void },
): void {
  loadPatch(name, parts, over).then(
    (patch) => {
      if (!over.aborted) change(patch);
    },
    () => {
      if (!over.aborted) reload();
    },
  );
}

async function loadYard(signal: AbortSignal): Promise<Yard> {
  const [page, endpoints, alerts, rollbacks] = await Promise.all([
    loadModels("", signal),
    loadEndpoints({}, signal),
    loadAlerts({}, signal),
    loadRollbacks({}, signal),
  ]);
  return { models: page.models, token: page.next_page_token, endpoints, alerts, rollbacks };
}

async function loadPatch(name: string, parts: ReadonlySet<Part>, signal: AbortSignal): Promise<Patch> {
  const [model, endpoints, rollbacks, alerts] = await Promise.all([
    parts.has("model") ? loadModel(name, signal) : undefined,
    parts.has("traffic") ? loadEndpoints({ name }, signal) : undefined,
    parts.has("traffic") ? loadRollbacks({ name }, signal) : undefined,
    parts.has("alerts") ? loadAlerts({ model: name }, signal) : undefined,
  ]);
  return {
    name,
    ...(model === undefined ? {} : { model }),
    ...(endpoints === undefined ? {} : { endpoints }),
    ...(rollbacks === undefined ? {} : { rollbacks }),
    ...(alerts === undefined ? {} : { alerts }),
  };
}

async function loadModel(name: string, signal: AbortSignal) {
  try {
    const model = await answered(api.GET("/api/models/{name}", { params: { path: { name } }, signal }));
    // An old name still leads to the renamed model.
    return model.name === name ? model : null;
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

function loadModels(token: string, signal?: AbortSignal) {
  const query = { limit: MODELS_AT_ONCE, ...(token === "" ? {} : { page_token: token }) };
  return answered(api.GET("/api/models", { params: { query }, ...(signal === undefined ? {} : { signal }) }));
}

function loadEndpoints(of: { name?: string }, signal: AbortSignal): Promise<Endpoint[]> {
  const query = { ...of, limit: MOST };
  return orNone(answered(api.GET("/api/endpoints", { params: { query }, signal })).then((page) => page.endpoints));
}

function loadAlerts(of: { model?: string }, signal: AbortSignal): Promise<Alert[]> {
  const query = { ...of, state: "firing", limit: MOST };
  return orNone(answered(api.GET("/api/alerts", { params: { query }, signal })).then((page) => page.alerts));
}

function loadRollbacks(of: { name?: string }, signal: AbortSignal): Promise<Rollback[]> {
  const query = { ...of, limit: of.name === undefined ? ROLLBACKS : 10 };
  return orNone(answered(api.GET("/api/rollbacks", { params: { query }, signal })).then((page) => page.rollbacks));
}

/** What one may not see is not there. */
async function orNone<T>(asking: Promise<T[]>): Promise<T[]> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof Problem && error.status === 403) return [];
    throw error;
  }
}
