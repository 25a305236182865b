/** The moments that the slider stands at: those at which something happened, and now. */

import type { HappenedEvent } from "../../api/live";

export interface Step {
  at: string;
  /** The last event of that moment. */
  event: HappenedEvent;
}

/** The moments of events, the earliest first; what happened in one transaction is one moment. */
export function stepsOf(newestFirst: readonly HappenedEvent[]): Step[] {
  const steps = new Map<string, Step>();
  for (const event of newestFirst) {
    if (!steps.has(event.at)) steps.set(event.at, { at: event.at, event });
  }
  return [...steps.values()].sort((one, two) => micros(one.at) - micros(two.at) || one.at.localeCompare(two.at));
}

/** Where the slider stands at a moment: the last step that was over then; -1 before all, the number of steps for now. */
export function placeOf(steps: readonly Step[], at: string | undefined): number {
  if (at === undefined) return steps.length;
  return steps.findLastIndex((one) => !isAfter(one.at, at));
}

/** Whether one moment is after another; both as ISO 8601, with microseconds or without. */
export function isAfter(one: string, other: string): boolean {
  return micros(one) > micros(other);
}

/** Microseconds: a `Date` alone has thousandths, and two events may share one. */
function micros(at: string): number {
  const rest = /\.\d{3}(\d{1,3})/.exec(at)?.[1] ?? "";
  return new Date(at).getTime() * 1000 + Number(rest.padEnd(3, "0"));
}

/** A moment as the address may hold it; undefined for what is none. */
export function momentOf(text: string | undefined): string | undefined {
  return text === undefined || Number.isNaN(new Date(text).getTime()) ? undefined : text;
}

/** A moment as `datetime-local` writes it, in the reader's time. */
export function localText(at: string): string {
  const moment = new Date(at);
  const shifted = new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 23);
}
