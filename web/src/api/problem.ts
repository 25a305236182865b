/** Errors as the server tells them (RFC 9457): what is wrong, a stable code, and the next step. */

export interface Verdict {
  gate?: string;
  name?: string;
  passed?: boolean;
  reason?: string;
}

export class Problem extends Error {
  override readonly name = "Problem";

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint = "",
    readonly details: Record<string, unknown> = {},
  ) {
    super(message);
  }

  /** Whether nobody answered, or only what stands before the server: it may be gone when the server is back. */
  get isPassing(): boolean {
    return this.status === 0 || this.status > 501;
  }
}

/** What a refusal's body says; a body that says nothing is told by its status. */
export function problemOf(status: number, body: unknown): Problem {
  const said = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const text = (key: string) => (typeof said[key] === "string" ? said[key] : "");
  const details = typeof said.details === "object" && said.details !== null ? said.details : {};
  return new Problem(
    status,
    text("code") || `http_${String(status)}`,
    text("detail") || text("title") || `The server answered with status ${String(status)}.`,
    text("hint"),
    details as Record<string, unknown>,
  );
}

/** The error of a request that never got an answer. */
export function unreachable(cause: unknown): Problem {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new Problem(0, "unreachable", "The server does not answer.", "See whether `modelyard serve` still runs.", {
    why,
  });
}

/** Any error as a `Problem`. */
export function asProblem(error: unknown): Problem {
  return error instanceof Problem
    ? error
    : new Problem(0, "unexpected", error instanceof Error ? error.message : String(error));
}
