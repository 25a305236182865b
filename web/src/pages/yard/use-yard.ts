/**
 * The data of the cards: at most four requests for all of them, however many there are. When something happens, only the
 * models that it happened to are asked for again, and a moment's events together: fifty people may look at the page.
 */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";

import { answered, api } from "../../api/client";
import { type HappenedEvent, onEvent } from "../../api/live";
import { asProblem, Problem } from "../../api/problem";
import { useReturn } from "../../data/use";
import type { Alert, Endpoint, Known, Rollback } from "./health";
import { type Filters, filtersOf, type Wanted } from "./query";
import { type Part, partsOf, type Patch, patched, type Yard } from "./state";

const MODELS_AT_ONCE = 500;
const MOST = 1000;
/** Rollbacks that are looked at: older ones are not what serves now, or nobody needs to be told. */
const ROLLBACKS = 100;
const NOBODY: Known = { endpoints: [], alerts: [], rollbacks: [] };
const GATHER_MS = 200;
/** Changed models above which everything is loaded again. */
const FEW = 4;

export interface YardData {
  yard: Yard | undefined;
  /** What it was asked for; until an answer comes, that is what was wanted before. */
  wanted: Wanted;
  problem: Problem | undefined;
  reload: () => void;
  /** Load the next models; absent where all are here. */
  more: (() => void) | undefined;
}

export function useYard(wanted: Wanted): YardData {
  const filters = filtersOf(wanted);
  const key = JSON.stringify(filters);
  const [state, setState] = useState<{ yard?: Yard; wanted: Wanted; problem?: Problem }>({ wanted });
  const [turn, setTurn] = useState(0);
  /** When what stands beside the models was loaded; other filters change the models alone. */
  const beside = useRef(-1);
  const failed = useCallback((error: unknown) => {
    setState((before) => ({ ...before, problem: asProblem(error) }));
  }, []);
  const reload = useCallback(() => {
    setTurn((now) => now + 1);
  }, []);
  useEffect(() => {
    const over = new AbortController();
    const isBesideHere = beside.current === turn;
    Promise.all([loadModels(filters, "", over.signal), isBesideHere ? undefined : loadBeside(over.signal)]).then(
      ([page, known]) => {
        if (over.signal.aborted) return;
        beside.current = turn;
        const models = { models: page.models, token: page.next_page_token };
        setState(({ yard }) => ({ wanted, yard: { ...NOBODY, ...yard, ...known, ...models } }));
      },
      (error: unknown) => {
        if (!over.signal.aborted) failed(error);
      },
    );
    return () => {
      over.abort();
    };
  }, [turn, key, failed]);
  useReturn(reload, state.problem);
  useChanges(wanted.stage, reload, (patch) => {
    setState(({ wanted: of, yard }) => (yard === undefined ? { wanted: of } : { wanted: of, yard: patched(yard, patch) }));
  });
  const { yard, problem } = state;
  const more = () => {
    const asked = yard?.token ?? "";
    loadModels(filtersOf(state.wanted), asked).then(({ models, next_page_token: token }) => {
      // Other filters, or a second click, may have changed what is there meanwhile.
      setState((now) =>
        now.yard?.token !== asked ? now : { ...now, yard: { ...now.yard, models: [...now.yard.models, ...models], token } },
      );
    }, failed);
  };
  return { yard, wanted: state.wanted, problem, reload, more: yard === undefined || yard.token === "" ? undefined : more };
}

function useChanges(stage: string, reload: () => void, change: (patch: Patch) => void): void {
  const latest = useRef({ stage, reload, change });
  latest.current = { stage, reload, change };
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
  { stage, reload, change }: { stage: string; reload: () => void; change: (patch: Patch) => void },
): void {
  loadPatch(name, parts, stage, over).then(
    (patch) => {
      if (!over.aborted) change(patch);
    },
    () => {
      if (!over.aborted) reload();
    },
  );
}

async function loadBeside(signal: AbortSignal): Promise<Known> {
  const [endpoints, alerts, rollbacks] = await Promise.all([
    loadEndpoints({}, signal),
    loadAlerts({}, signal),
    loadRollbacks({}, signal),
  ]);
  return { endpoints, alerts, rollbacks };
}

async function loadPatch(name: string, parts: ReadonlySet<Part>, stage: string, signal: AbortSignal): Promise<Patch> {
  const [model, endpoints, rollbacks, alerts] = await Promise.all([
    parts.has("model") ? loadModel(name, stage, signal) : undefined,
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

async function loadModel(name: string, stage: string, signal: AbortSignal) {
  const path = { name };
  try {
    const [model, standing] = await Promise.all([
      answered(api.GET("/api/models/{name}", { params: { path }, signal })),
      // A model does not tell of every stage whether a version stands in it.
      stage === ""
        ? undefined
        : answered(api.GET("/api/models/{name}/versions", { params: { path, query: { stage, limit: 1 } }, signal })),
    ]);
    // An old name still leads to the renamed model.
    return model.name === name && standing?.versions.length !== 0 ? model : null;
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

function loadModels(filters: Filters, token: string, signal?: AbortSignal) {
  const query = { ...filters, limit: MODELS_AT_ONCE, ...(token === "" ? {} : { page_token: token }) };
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
