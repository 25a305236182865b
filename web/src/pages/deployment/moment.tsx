/** A moment of a deployment: the time of the day, for steps that follow each other within minutes. */

import { language } from "../../words";

/** The time of a moment, with its day where that is not today. */
export function clockText(at: Date, now: Date): string {
  const isToday = at.toDateString() === now.toDateString();
  return at.toLocaleString(language, isToday ? { timeStyle: "medium" } : { dateStyle: "medium", timeStyle: "medium" });
}

export function Moment({ at }: { at: string }) {
  const moment = new Date(at);
  return (
    <time class="numbers" dateTime={at} title={moment.toLocaleString(language)}>
      {clockText(moment, new Date())}
    </time>
  );
}
