/** The axes of a plot: which values they reach from and to, and where their ticks stand. No drawing happens here. */

import { language } from "../words";

export interface Tick {
  value: number;
  text: string;
  /** A second line, where it changes: the day of a clock time, the year of a day. */
  below?: string;
}

export interface Scale {
  low: number;
  high: number;
  isLog: boolean;
  ticks: readonly Tick[];
}

/** Beyond these, the difference or the share of two values would not be finite. */
const LARGEST = 1e300;
const SMALLEST = 1e-300;
/** Seconds; the calendar of the browser ends a little later. */
const LAST_MOMENT = 8e12;
/** Values that differ by less, relatively, are one value: a number has no digits for ticks between them. */
const SAME = 1e-12;

/** Whether an axis has a place for a value. */
export function hasPlace(value: number, kind: "linear" | "log" | "time"): boolean {
  if (kind === "time") return Math.abs(value) <= LAST_MOMENT;
  return Math.abs(value) <= LARGEST && (kind === "linear" || value >= SMALLEST);
}

/** Where a value lies on a scale: 0 at its low end, 1 at its high end. */
export function shareOf({ low, high, isLog }: Scale, value: number): number {
  if (!isLog) return (value - low) / (high - low);
  return (Math.log(value) - Math.log(low)) / (Math.log(high) - Math.log(low));
}

/**
 * A linear scale with at most about `most` ticks at 1, 2 or 5 times a power of ten.
 *
 * @param isRound whether it reaches from tick to tick, not only as far as its values.
 */
export function linearScale(lowest: number, highest: number, most: number, isRound: boolean): Scale {
  const [low, high] = apart(lowest, highest);
  const { digit, power } = stepOf((high - low) / most);
  const step = Number(`${String(digit)}e${String(power)}`);
  // 0.3 / 0.1 is a little less than 3.
  const slack = isRound ? 1e-9 : -1e-9;
  const first = isRound ? Math.floor(low / step + slack) : Math.ceil(low / step + slack);
  const last = isRound ? Math.ceil(high / step - slack) : Math.floor(high / step - slack);
  const text = formatOf(Math.max(Math.abs(low), Math.abs(high)), power);
  const ticks: Tick[] = [];
  for (let place = first; place <= last; place += 1) {
    // Read as a decimal, a tick is 0.3 and not 0.30000000000000004.
    const value = Number(`${String(place * digit)}e${String(power)}`);
    ticks.push({ value, text: text.format(value) });
  }
  if (!isRound) return { low, high, isLog: false, ticks };
  return { low: ticks[0]?.value ?? low, high: ticks.at(-1)?.value ?? high, isLog: false, ticks };
}

function apart(low: number, high: number): [number, number] {
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (high - low > Math.max(size * SAME, SMALLEST)) return [low, high];
  const room = size > SMALLEST * 1e6 ? size * 0.1 : 1;
  return [low - room, high + room];
}

/** The next of 1, 2, 5, 10, 20, … from a size on. */
function stepOf(size: number): { digit: number; power: number } {
  const power = Math.floor(Math.log10(size));
  const digit = [1, 2, 5].find((one) => Number(`${String(one)}e${String(power)}`) >= size);
  return digit === undefined ? { digit: 1, power: power + 1 } : { digit, power };
}

/** So many digits that neighbouring ticks read differently. */
function formatOf(size: number, power: number): Intl.NumberFormat {
  if (size < 1e9 && power >= -6) return new Intl.NumberFormat(language, digits(Math.max(-power, 0)));
  const own = Math.min(Math.max(Math.floor(Math.log10(size)) - power, 0), 15);
  return new Intl.NumberFormat(language, { notation: "scientific", ...digits(own) });
}

function digits(count: number): Intl.NumberFormatOptions {
  return { minimumFractionDigits: count, maximumFractionDigits: count };
}

const RUNGS = [1, 2, 5];

function rung(place: number): number {
  const power = Math.floor(place / 3);
  return Number(`${String(RUNGS[place - power * 3] ?? 1)}e${String(power)}`);
}

/** A logarithmic scale; both ends have to be above 0. Its ticks stand at 1, 2, 5, or at powers of ten where these are many. */
export function logScale(lowest: number, highest: number, most: number): Scale {
  let first = 3 * (Math.floor(Math.log10(lowest)) + 1);
  while (rung(first) > lowest) first -= 1;
  let last = Math.max(first, 3 * (Math.floor(Math.log10(highest)) - 1));
  while (rung(last) < highest) last += 1;
  if (first === last) {
    first -= 1;
    last += 1;
  }
  const every = last - first <= most ? 1 : 3 * Math.ceil((last - first) / 3 / most);
  const ticks: Tick[] = [];
  for (let place = Math.ceil(first / every) * every; place <= last; place += every) {
    ticks.push({ value: rung(place), text: valueText(rung(place)) });
  }
  return { low: rung(first), high: rung(last), isLog: true, ticks };
}

/** A value of any size in four digits. */
export function valueText(value: number): string {
  const size = Math.abs(value);
  const isPlain = size === 0 || (size >= 1e-4 && size < 1e9) || !Number.isFinite(value);
  return value.toLocaleString(language, {
    notation: isPlain ? "standard" : "scientific",
    maximumSignificantDigits: 4,
  });
}

/** A scale whose ticks stand at values that have names of their own, the newest of them among these. */
export function namedScale(values: readonly number[], most: number, text: (value: number) => string): Scale {
  const [low, high] = apart(...ends(values));
  const every = Math.ceil(values.length / Math.max(most, 1));
  const ticks = values
    .filter((_, place) => (values.length - 1 - place) % every === 0)
    .map((value) => ({ value, text: text(value) }));
  return { low, high, isLog: false, ticks };
}

/** The lowest and the highest of values; of none, 0 and 0. */
export function ends(values: readonly number[]): [number, number] {
  let low = values[0] ?? 0;
  let high = low;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;
const MONTH = 2_629_746;
const EVEN = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30].concat(
  [1, 2, 5, 10, 15, 30].map((one) => one * MINUTE),
  [1, 2, 3, 6, 12].map((one) => one * HOUR),
);
const DAYS = [1, 2, 7, 14];
const MONTHS = [1, 3, 6];
/** More ticks than these no plot asks for; it also ends the search where the calendar does. */
const ENOUGH = 100;

/** A scale of Unix seconds, its ticks where the reader's clock and calendar are round. */
export function timeScale(lowest: number, highest: number, most: number): Scale {
  const [low, high] = highest - lowest >= 0.001 ? [lowest, highest] : [lowest - MINUTE / 2, highest + MINUTE / 2];
  const rough = (high - low) / most;
  const step = EVEN.find((one) => one >= rough);
  const [text, below] = clockOf(step ?? Math.max(rough, DAY));
  let before = "";
  const ticks = momentsOf(low, high, rough, step).map((value) => {
    const under = below?.format(value * 1000) ?? "";
    const tick = { value, text: text.format(value * 1000), ...(under === before ? {} : { below: under }) };
    before = under;
    return tick;
  });
  return { low, high, isLog: false, ticks };
}

function momentsOf(low: number, high: number, rough: number, step: number | undefined): number[] {
  const zone = -new Date(low * 1000).getTimezoneOffset() * MINUTE;
  const days = DAYS.find((one) => one * DAY >= rough);
  const months = MONTHS.find((one) => one * MONTH >= rough) ?? 12 * yearsOf(rough);
  const at = (place: number) => {
    if (step !== undefined) return place * step - zone;
    // Days and months have no even length; 1970-01-05 was a Monday.
    const date = days === undefined ? new Date(1970, place * months) : new Date(1970, 0, 5 + place * days);
    return date.getTime() / 1000;
  };
  const length = step ?? (days === undefined ? months * MONTH : days * DAY);
  const found: number[] = [];
  for (let place = Math.floor((low + zone) / length) - 2; at(place) <= high && found.length < ENOUGH; place += 1) {
    if (at(place) >= low) found.push(at(place));
  }
  return found;
}

function yearsOf(rough: number): number {
  const { digit, power } = stepOf(Math.max(rough / (12 * MONTH), 1));
  return digit * 10 ** power;
}

function clockOf(step: number): [Intl.DateTimeFormat, Intl.DateTimeFormat?] {
  const made = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(language, options);
  if (step > 6 * MONTH) return [made({ year: "numeric" })];
  if (step > 14 * DAY) return [made({ month: "short" }), made({ year: "numeric" })];
  if (step >= DAY) return [made({ day: "numeric", month: "short" }), made({ year: "numeric" })];
  const clock: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  if (step < MINUTE) clock.second = "2-digit";
  if (step < 1) clock.fractionalSecondDigits = 3;
  return [made(clock), made({ day: "numeric", month: "short", year: "numeric" })];
}

const wholeMoment = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

/** A moment of Unix seconds by the reader's clock. */
export function momentText(value: number): string {
  return hasPlace(value, "time") ? wholeMoment.format(value * 1000) : String(value);
}
