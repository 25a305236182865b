/** Which promotions are listed, as the address says: `?state=applied&model=fraud`. */

import type { promotionWords } from "../../words/promotion";

export type StateFilter = keyof typeof promotionWords.list.states;
export const STATES: readonly StateFilter[] = [
  "open",
  "all",
  "pending",
  "approved",
  "applied",
  "rejected",
  "withdrawn",
  "expired",
  "refused",
];

export interface Filter {
  state: StateFilter;
  model: string;
}

export function parseFilter(query: Record<string, string>): Filter {
  return { state: STATES.find((one) => one === query.state) ?? "open", model: (query.model ?? "").trim() };
}

export function filterAddress({ state, model }: Filter): string {
  const query = new URLSearchParams({ ...(state === "open" ? {} : { state }), ...(model === "" ? {} : { model }) });
  return query.size === 0 ? "/promotions" : `/promotions?${query.toString()}`;
}
