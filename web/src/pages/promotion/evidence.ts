/** What a gate needed and found, as lines of text: values are whatever JSON the gate gave. */

import { figure } from "../../ui/values";
import { words } from "../../words";
import { promotionWords } from "../../words/promotion";

/** A line of evidence: what it is about, where that is told, and the value. */
export interface Fact {
  about: string;
  text: string;
}

/** A value as lines; an object has one for each of its fields. */
export function facts(value: unknown): Fact[] {
  if (!isObject(value)) return [{ about: "", text: told(value) }];
  const pairs = isObject(value.metrics) && typeof value.holder === "string" ? againstHolder(value.metrics, value.holder) : [];
  const others = Object.entries(value).filter(([name]) => pairs.length === 0 || (name !== "metrics" && name !== "holder"));
  return [...others.map(([name, item]) => ({ about: name, text: told(item) })), ...pairs];
}

/** `{"auc": [0.9, 0.8]}`: the version's own value, and the one of who stands in the stage. */
function againstHolder(metrics: Record<string, unknown>, holder: string): Fact[] {
  const entries = Object.entries(metrics);
  if (!entries.every(([, pair]) => Array.isArray(pair) && pair.length === 2)) return [];
  return entries.map(([name, pair]) => {
    const [own, other] = pair as [unknown, unknown];
    return { about: name, text: promotionWords.gates.against(told(own), told(other), holder) };
  });
}

/** A JSON value in a line; of a suite that ran, how that went is all. */
export function told(value: unknown): string {
  if (value === null || value === undefined) return promotionWords.gates.nothing;
  if (typeof value === "boolean") return value ? words.common.yes : words.common.no;
  if (typeof value === "number") return figure(value);
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.length === 0 ? promotionWords.gates.nothing : value.map(told).join(", ");
  if (isObject(value) && typeof value.passed === "boolean") return value.passed ? promotionWords.gates.passed : promotionWords.gates.failed;
  return JSON.stringify(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a text is an address that may be followed. */
export function isAddress(text: string): boolean {
  return /^https?:\/\/\S+$/i.test(text) && URL.canParse(text);
}
