/** The versions that a search finds, page by page; what was found stays until the next search has an answer. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";

import { answered, api, type Schemas } from "../../api/client";
import { asProblem, type Problem } from "../../api/problem";
import { useReturn } from "../../data/use";
import { filtersOf, isSearchable, type Wanted } from "./query";

export type Version = Schemas["VersionRecord"];

const PAGE = 25;

export interface Found {
  /** Which search the hits are of. */
  key: string;
  hits: readonly Version[];
  isAll: boolean;
  isLoading: boolean;
  problem: Problem | undefined;
  more: () => void;
}

interface State {
  key: string;
  hits: readonly Version[];
  token: string;
  isLoading: boolean;
  problem?: Problem;
}

export function useSearch(wanted: Wanted): Found {
  const [state, setState] = useState<State>({ key: "", hits: [], token: "", isLoading: true });
  const over = useRef(new AbortController());
  const current = useRef(state);
  current.current = state;
  const { q, stage, owner, team, tag } = wanted;
  const key = JSON.stringify([q, stage, owner, team, tag]);
  const ask = useCallback(
    (token: string) => {
      over.current.abort();
      const asking = new AbortController();
      over.current = asking;
      setState((before) => ({ ...before, isLoading: true }));
      const query = { ...filtersOf(wanted), q: wanted.q, limit: PAGE, ...(token === "" ? {} : { page_token: token }) };
      answered(api.GET("/api/search", { params: { query }, signal: asking.signal })).then(
        ({ versions, next_page_token: next }) => {
          if (asking.signal.aborted) return;
          setState((before) => {
            const hits = token === "" ? versions : [...before.hits, ...versions];
            return { key, hits, token: next, isLoading: false };
          });
        },
        (error: unknown) => {
          if (asking.signal.aborted) return;
          setState((before) => ({ ...before, key, isLoading: false, problem: asProblem(error) }));
        },
      );
    },
    [key],
  );
  useEffect(() => {
    if (isSearchable(q)) ask("");
    return () => {
      over.current.abort();
    };
  }, [ask, q]);
  useReturn(() => {
    ask("");
  }, state.problem);
  const more = useCallback(() => {
    const now = current.current;
    if (now.key === key && now.token !== "" && !now.isLoading) ask(now.token);
  }, [ask, key]);
  return {
    key: state.key,
    hits: state.hits,
    isAll: state.token === "",
    isLoading: state.isLoading || state.key !== key,
    problem: state.problem,
    more,
  };
}
