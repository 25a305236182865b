/** Answers that tests give in the server's place: path → what `fetch` gets. */

import { vi } from "vitest";

export interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  body: unknown;
  headers: Headers;
}

type Answer = (asked: Asked) => unknown;

export class Refusal {
  constructor(
    readonly status: number,
    readonly body: unknown,
  ) {}
}

/**
 * Let `fetch` answer from a table of `METHOD /path` → JSON, a function of what was asked, or a `Refusal`.
 *
 * @returns what was asked so far; it grows.
 */
export function answering(table: Record<string, unknown>): Asked[] {
  const seen: Asked[] = [];
  vi.stubGlobal("fetch", async (given: Request | string, options?: RequestInit) => {
    const request = given instanceof Request ? given : new Request(new URL(given, location.origin), options);
    const url = new URL(request.url);
    const text = await request.text();
    const asked: Asked = {
      method: request.method,
      path: decodeURIComponent(url.pathname),
      query: url.searchParams,
      body: text === "" ? undefined : JSON.parse(text),
      headers: request.headers,
    };
    seen.push(asked);
    const row = table[`${asked.method} ${asked.path}`];
    if (row === undefined) return reply(404, { code: "not_found", detail: `nothing at ${asked.path}` });
    const said = typeof row === "function" ? (row as Answer)(asked) : row;
    return said instanceof Refusal ? reply(said.status, said.body) : reply(200, said);
  });
  return seen;
}

function reply(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });
}
