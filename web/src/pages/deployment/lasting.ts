/** Lengths of time as people say them. */

import { language } from "../../words";

const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
] as const;

function part(count: number, unit: string): string {
  return count.toLocaleString(language, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 0 });
}

/** A length in its two largest units: "4 min 10 sec". What is shorter than ten seconds has a decimal. */
export function lasting(seconds: number): string {
  if (seconds < 10) {
    const digits = { style: "unit", unit: "second", unitDisplay: "short", maximumFractionDigits: 1 } as const;
    return Math.max(seconds, 0).toLocaleString(language, digits);
  }
  let rest = Math.round(seconds);
  const parts: string[] = [];
  for (const [unit, length] of UNITS) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0) parts.push(part(count, unit));
    // "1 day 5 sec" tells nobody more than "1 day".
    if (parts.length > 0 && (parts.length === 2 || count === 0)) break;
  }
  return parts.join(" ");
}

/** Seconds from one moment of the record to another. */
export function between(from: string, to: string | Date): number {
  return ((to instanceof Date ? to : new Date(to)).getTime() - new Date(from).getTime()) / 1000;
}
