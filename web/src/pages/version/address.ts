/** What of the page lies in its address, so that it can be shared. */

import { usePlace } from "../../data/address";

/** The query of an address with some values changed; empty ones are left out. */
export function queryWith(query: Record<string, string>, changes: Record<string, string>): string {
  const kept = Object.entries({ ...query, ...changes }).filter(([, value]) => value !== "");
  const told = new URLSearchParams(kept).toString();
  return told === "" ? "" : `?${told}`;
}

/** The query, a way to change it that leaves no entry in the history, and an address with some values changed. */
export function useQuery() {
  const { path, query, route } = usePlace();
  return {
    query,
    change: (changes: Record<string, string>) => {
      route(`${path}${queryWith(query, changes)}`, true);
    },
    hrefWith: (changes: Record<string, string>) => `${path}${queryWith(query, changes)}`,
  };
}
