/** The one way to the server: typed by its own OpenAPI document, with the caller's token, errors as `Problem`. */

import type { Answer, Ask, Method } from "./calls";
import { problemOf, unreachable } from "./problem";
import type { components } from "./schema";
import { forget, me, token } from "./session";

export type Schemas = components["schemas"];

interface Asked {
  params?: { path?: object; query?: object; header?: object };
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  parseAs?: "json" | "text";
}

function asking<M extends Method>(method: M): Ask<M> {
  return ((path: string, asked?: Asked) => ask(method.toUpperCase(), path, asked ?? {})) as Ask<M>;
}

/** Requests by method: `api.GET("/api/models/{name}", { params: { path: { name } } })`. */
export const api = {
  GET: asking("get"),
  PUT: asking("put"),
  POST: asking("post"),
  PATCH: asking("patch"),
  DELETE: asking("delete"),
};

async function ask(method: string, path: string, asked: Asked): Promise<Answer<unknown>> {
  const { params = {}, body, signal, parseAs = "json" } = asked;
  const headers = new Headers(asked.headers);
  for (const [name, value] of given(params.header)) headers.set(name, String(value));
  if (body !== undefined) headers.set("Content-Type", "application/json");
  if (token.value !== "") headers.set("Authorization", `Bearer ${token.value}`);
  const response = await fetch(addressOf(path, params.path, params.query), {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
  if (response.status === 401) forget();
  const text = await response.text();
  if (!response.ok) return { error: parsed(text), response };
  if (parseAs === "text") return { data: text, response };
  return { data: text === "" ? undefined : JSON.parse(text), response };
}

/**
 * A path with its `{parts}` filled in and the query behind it.
 *
 * What is undefined or null is left out; the name of a list stands before each of its values.
 */
export function addressOf(path: string, parts: object = {}, query: object = {}): string {
  const values = new Map(given(parts));
  const filled = path.replace(/\{([^{}]+)\}/g, (whole, name: string) =>
    values.has(name) ? encodeURIComponent(String(values.get(name))) : whole,
  );
  const asked = new URLSearchParams();
  for (const [name, value] of given(query)) {
    for (const one of Array.isArray(value) ? value : [value]) asked.append(name, String(one));
  }
  const said = asked.toString();
  return said === "" ? filled : `${filled}?${said}`;
}

function given(values: object = {}): [string, unknown][] {
  return Object.entries(values).filter(([, value]) => value !== undefined && value !== null);
}

/** A refusal may come from something before the server, which does not speak JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * The value of an answer.
 *
 * @throws {Problem} the server refused, or could not be reached.
 */
export async function answered<T>(asking: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await asking;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw unreachable(error);
  }
  if (!answer.response.ok) throw problemOf(answer.response.status, answer.error);
  return answer.data as T;
}

/** Who one is, for pages that look otherwise by it; nothing where it cannot be told, which the frame says. */
export async function whoAsks(signal?: AbortSignal): Promise<void> {
  try {
    me.value ??= await answered(api.GET("/api/whoami", signal === undefined ? {} : { signal }));
  } catch {
    // The frame asks too.
  }
}

/** The headers of a change that runs once, however often the request is repeated. */
export function once(): { "Idempotency-Key": string } {
  return { "Idempotency-Key": crypto.randomUUID() };
}
