/** Data for components: loaded once, kept while it is loaded again, and loaded again when something happened to it. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";

import { connection, type HappenedEvent, onEvent } from "../api/live";
import { asProblem, type Problem } from "../api/problem";

export interface Data<T> {
  /** What was loaded last; it stays while it is loaded again. */
  value: T | undefined;
  problem: Problem | undefined;
  isLoading: boolean;
  reload: () => void;
}

interface Options {
  /** Which events change what is shown; none where left out. */
  on?: (event: HappenedEvent) => boolean;
  /** Seconds after which it is loaded again, while the page is looked at; never where left out. */
  every?: number | undefined;
  /** Whether what another key had stays until its own is there, so that a list does not vanish while its filter is changed. */
  keeps?: boolean;
}

/** Events within so many ms lead to one reload: a bulk change is no reason to ask a hundred times. */
const GATHER_MS = 150;

/**
 * Load something, as long as the component is shown.
 *
 * @param key says what is loaded: another key loads anew and forgets what was there.
 * @param load asks for it; the signal ends with the component.
 */
export function useData<T>(key: string, load: (over: AbortSignal) => Promise<T>, options: Options = {}): Data<T> {
  const [state, setState] = useState<{ key: string; value?: T; problem?: Problem; isLoading: boolean }>({
    key,
    isLoading: true,
  });
  const [turn, setTurn] = useState(0);
  const latest = useRef({ load, options });
  latest.current = { load, options };
  const reload = useCallback(() => {
    setTurn((now) => now + 1);
  }, []);

  useEffect(() => {
    const over = new AbortController();
    setState((before) => {
      if (before.key === key) return { ...before, isLoading: true };
      const kept = latest.current.options.keeps === true && before.value !== undefined ? { value: before.value } : {};
      return { ...kept, key, isLoading: true };
    });
    latest.current.load(over.signal).then(
      (value) => {
        if (!over.signal.aborted) setState({ key, value, isLoading: false });
      },
      (error: unknown) => {
        if (over.signal.aborted) return;
        // What was shown before stays: a server that restarts must not empty the page.
        setState((before) => ({
          ...(before.key === key ? before : {}),
          key,
          problem: asProblem(error),
          isLoading: false,
        }));
      },
    );
    return () => {
      over.abort();
    };
  }, [key, turn]);

  useReturn(reload, state.problem);
  useLive(latest, reload, options.on !== undefined);
  useInterval(reload, options.every);
  const isCurrent = state.key === key;
  return {
    value: isCurrent || options.keeps === true ? state.value : undefined,
    problem: isCurrent ? state.problem : undefined,
    isLoading: !isCurrent || state.isLoading,
    reload,
  };
}

/** Load again what failed because the server was away, once it is back: nobody has to ask for it. */
export function useReturn(reload: () => void, problem: Problem | undefined): void {
  const isWanted = problem?.isPassing === true;
  useEffect(() => {
    if (!isWanted) return;
    let before = connection.peek();
    return connection.subscribe((now) => {
      if (now === "live" && now !== before) reload();
      before = now;
    });
  }, [reload, isWanted]);
}

function useLive(latest: { current: { options: Options } }, reload: () => void, isWanted: boolean): void {
  useEffect(() => {
    if (!isWanted) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = onEvent((event) => {
      if (timer !== undefined || latest.current.options.on?.(event) !== true) return;
      timer = setTimeout(() => {
        timer = undefined;
        reload();
      }, GATHER_MS);
    });
    return () => {
      clearTimeout(timer);
      end();
    };
  }, [latest, reload, isWanted]);
}

function useInterval(tick: () => void, seconds: number | undefined): void {
  useEffect(() => {
    if (seconds === undefined) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") tick();
    }, seconds * 1000);
    return () => {
      clearInterval(timer);
    };
  }, [tick, seconds]);
}
