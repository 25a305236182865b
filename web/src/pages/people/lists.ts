/** Users and tokens, whole: they come in pages. */

import { answered, api, type Schemas } from "../../api/client";
import type { HappenedEvent } from "../../api/live";

/** So many pages at most: whoever has more uses the command line. */
const MOST = 20;

async function all<T>(ask: (pageToken: string) => Promise<{ items: T[]; next: string }>): Promise<T[]> {
  const found: T[] = [];
  let token = "";
  for (let turn = 0; turn < MOST; turn += 1) {
    const page = await ask(token);
    found.push(...page.items);
    token = page.next;
    if (token === "") break;
  }
  return found;
}

/** People, or programs. */
export async function principals(kind: "user" | "service", signal: AbortSignal): Promise<Schemas["PrincipalRecord"][]> {
  const found = await all(async (page_token) => {
    const page = await answered(api.GET("/api/users", { params: { query: { page_token } }, signal }));
    return { items: page.users, next: page.next_page_token };
  });
  return found.filter((one) => one.kind === kind);
}

export function tokens(withEnded: boolean, signal: AbortSignal): Promise<Schemas["TokenRecord"][]> {
  return all(async (page_token) => {
    const page = await answered(api.GET("/api/tokens", { params: { query: { ended: withEnded, page_token } }, signal }));
    return { items: page.tokens, next: page.next_page_token };
  });
}

/** Whether an event changes any of these lists. */
export function isAboutAccounts({ type }: HappenedEvent): boolean {
  return type.startsWith("token.") || type.startsWith("user.");
}
