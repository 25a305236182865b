/** The one way to the server: typed by its own OpenAPI document, with the caller's token, errors as `Problem`. */

import createClient, { type Middleware } from "openapi-fetch";

import { problemOf, unreachable } from "./problem";
import type { components, paths } from "./schema";
import { forget, token } from "./session";

export type Schemas = components["schemas"];

const withToken: Middleware = {
  onRequest({ request }) {
    if (token.value !== "") request.headers.set("Authorization", `Bearer ${token.value}`);
    return request;
  },
  onResponse({ response }) {
    if (response.status === 401) forget();
  },
};

export const api = createClient<paths>({
  baseUrl: typeof location === "undefined" ? "" : location.origin,
  // Looked up at each call, so that tests can stand in for the network.
  fetch: (request) => fetch(request),
  querySerializer: { array: { style: "form", explode: true } },
});
api.use(withToken);

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
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

/** The headers of a change that runs once, however often the request is repeated. */
export function once(): { "Idempotency-Key": string } {
  return { "Idempotency-Key": crypto.randomUUID() };
}
