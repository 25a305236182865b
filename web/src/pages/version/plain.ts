/** Values of strangers as text, and which of them may be links. */

import { figure } from "../../ui/values";

/** An address that may be followed: only http and https, whatever the text looks like. */
export function safeLink(text: string): string | undefined {
  if (!/^https?:\/\//i.test(text)) return undefined;
  try {
    return new URL(text).href;
  } catch {
    return undefined;
  }
}

/** A JSON value on one line; numbers as they are, since parameters are compared by their digits. */
export function plain(value: unknown): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return JSON.stringify(value);
}

/** A value of a gate: figures rounded, lists joined, the rest as JSON. */
export function evidence(value: unknown): string {
  if (typeof value === "number") return figure(value);
  if (Array.isArray(value)) return value.map(evidence).join(", ");
  if (typeof value === "object" && value !== null) {
    return Object.entries(value)
      .map(([key, one]) => `${key}: ${evidence(one)}`)
      .join("; ");
  }
  return plain(value);
}

/** Nested values as rows of dotted names, in the order in which they came. */
export function flattened(values: Record<string, unknown>, before = ""): [string, unknown][] {
  return Object.entries(values).flatMap(([key, value]): [string, unknown][] =>
    typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
      ? flattened(value as Record<string, unknown>, `${before}${key}.`)
      : [[`${before}${key}`, value]],
  );
}
