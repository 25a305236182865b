/** The one way to the server: typed by its own OpenAPI document, with the caller's token, errors as `Problem`. */

import type { Answer, Ask, Method } from "./calls";
import { problemOf, unreachable } from "./problem";
import type { components } from "./schema";
import { forget, me, token } from "./session";

export type Schemas = components["schemas"];

const KEY = "Idempotency-Key";

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

/** The keys of changes that were sent and never answered, by what was asked. */
const unanswered = new Map<string, string>();

/** What was not answered is given up: the same change is another one from now on. */
export function giveUp(): void {
  unanswered.clear();
}

async function ask(method: string, path: string, asked: Asked): Promise<Answer<unknown>> {
  const { params = {}, signal = null, parseAs = "json" } = asked;
  const body = asked.body === undefined ? null : JSON.stringify(asked.body);
  const address = addressOf(path, params.path, params.query);
  const known = token.value;
  const headers = headersOf(asked);
  const change = [method, address, headers.get("If-Match"), body].join(" ");
  keep(change, headers);
  const response = await fetch(address, { method, headers, body, signal });
  // A refusal that comes late is of a token that was changed meanwhile.
  if (response.status === 401 && known === token.value) forget();
  const text = await response.text();
  // What stands before the server does not know what became of it.
  if (response.status < 502) unanswered.delete(change);
  if (!response.ok) return { error: parsed(text), response };
  if (parseAs === "text") return { data: text, response };
  return { data: text === "" ? undefined : JSON.parse(text), response };
}

function keep(change: string, headers: Headers): void {
  const key = unanswered.get(change) ?? headers.get(KEY);
  if (key === null) return;
  headers.set(KEY, key);
  unanswered.set(change, key);
}

function headersOf({ headers, params, body }: Asked): Headers {
  const all = new Headers(headers);
  for (const [name, value] of given(params?.header)) all.set(name, String(value));
  if (body !== undefined) all.set("Content-Type", "application/json");
  if (token.value !== "") all.set("Authorization", `Bearer ${token.value}`);
  return all;
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

/**
 * The headers of a change that runs once, however often the request is repeated: where no answer came, nobody knows
 * whether it ran, and the same change goes out under the same key again.
 */
export function once(): { [KEY]: string } {
  // `randomUUID` is there for addresses with https alone, and some yards have none.
  return { [KEY]: crypto.getRandomValues(new Uint32Array(4)).join("-") };
}
