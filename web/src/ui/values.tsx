/** Values as people read them: moments, sizes, shares, digests, actors. */

import { useEffect, useState } from "preact/hooks";

import { language } from "../words";
import { Copy } from "./command";

const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];
const TICK_MS = 10_000;
/** Moments that lie less far ahead are now. */
const AHEAD_S = 30;

/** How long ago a moment was, in words. */
export function ago(at: Date, now: Date): string {
  // The reader's clock may be a little behind the server's.
  const ahead = (at.getTime() - now.getTime()) / 1000;
  const seconds = ahead > 0 && ahead < AHEAD_S ? 0 : ahead;
  const [unit, length] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return relative.format(Math.trunc(seconds / length), unit);
}

/** A moment of the record: how long ago, the moment itself as a title. */
export function Time({ at }: { at: string }) {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => {
      setNow(new Date());
    }, TICK_MS);
    return () => {
      clearInterval(timer);
    };
  }, []);
  const moment = new Date(at);
  if (Number.isNaN(moment.getTime())) return <span>{at}</span>;
  return (
    <time dateTime={at} title={moment.toLocaleString(language)}>
      {ago(moment, now)}
    </time>
  );
}

const SIZES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Bytes in powers of 1024. */
export function bytes(count: number): string {
  const power = Math.min(Math.floor(Math.log2(Math.max(count, 1)) / 10), SIZES.length - 1);
  const value = count / 1024 ** power;
  return `${value.toLocaleString(language, { maximumFractionDigits: power === 0 ? 0 : 1 })} ${SIZES[power] ?? "B"}`;
}

/** A share of 1 in per cent, with so many digits as tell something. */
export function percent(share: number): string {
  return share.toLocaleString(language, { style: "percent", maximumFractionDigits: Math.abs(share) < 0.1 ? 2 : 1 });
}

/** Seconds as ms or s. */
export function seconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  const digits = { maximumSignificantDigits: 3 };
  return value < 1 ? `${(value * 1000).toLocaleString(language, digits)} ms` : `${value.toLocaleString(language, digits)} s`;
}

/** A figure with four significant digits, or as the options say; as a power of ten where it would be a row of zeros. */
export function figure(value: number | null | undefined, options: Intl.NumberFormatOptions = {}): string {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  const notation = size >= 1e15 || (size > 0 && size < 1e-6) ? "scientific" : "standard";
  // Zero has no sign for readers.
  return (value + 0).toLocaleString(language, { maximumSignificantDigits: 4, notation, ...options });
}

/** The beginning of a digest, and the whole of it to copy. */
export function Digest({ value }: { value: string }) {
  const short = value.includes(":") ? value.slice(0, value.indexOf(":") + 13) : value.slice(0, 12);
  return (
    <span class="row">
      <code title={value}>{short}…</code>
      <Copy text={value} />
    </span>
  );
}
