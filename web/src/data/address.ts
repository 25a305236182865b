/** What a page keeps in its address, so that it can be shared: filters, the chosen tab, a moment. */

import { useLocation, useRoute } from "preact-iso";
import { useCallback } from "preact/hooks";

export type Change = Record<string, string | undefined>;

/** The search part of an address with some of it changed; what is empty is left out. */
export function withChange(search: string, change: Change): string {
  const query = new URLSearchParams(search);
  for (const [key, value] of Object.entries(change)) {
    if (value === undefined || value === "") query.delete(key);
    else query.set(key, value);
  }
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

/**
 * Where the page itself lies, and the way to another place. While the next page is fetched, this one is still shown: the
 * location is the next one's already, and a page that followed it would ask for what nobody will see.
 */
export function usePlace() {
  return { ...useLocation(), ...useRoute() };
}

/** The query of the page, and a function that changes some of it in place: going back leaves the page. */
export function useAddress(): [query: Record<string, string>, change: (change: Change) => void] {
  const { query, route } = usePlace();
  const change = useCallback(
    (given: Change) => {
      route(location.pathname + withChange(location.search, given), true);
    },
    [route],
  );
  return [query, change];
}
