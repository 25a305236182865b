/** Where the parts of a plot stand, in CSS pixels. */

import { markedOf, markersOf, type Point, pathOf, pointsOf, thinned } from "./plot-lines";
import { ends, hasPlace, linearScale, logScale, namedScale, type Scale, shareOf, timeScale } from "./plot-scales";

export interface Series {
  name: string;
  values: (number | null)[];
  /** A dashed line, for thresholds and bounds. */
  isBound?: boolean;
}

/** What a plot shows. */
export interface Figures {
  /** Places on the x axis: Unix seconds where `isTime`, else numbers that `xText` tells. */
  x: number[];
  series: Series[];
  isTime?: boolean;
  xText?: (value: number) => string;
  yText?: (value: number) => string;
  /** A logarithmic y axis. */
  isLog?: boolean;
}

export interface Line {
  path: string;
  markers: string;
  /** Where the name of a bound stands. */
  label?: { x: number; y: number };
}

export interface Drawing {
  left: number;
  right: number;
  top: number;
  bottom: number;
  xTicks: { at: number; textAt: number; text: string; below: string }[];
  yTicks: { at: number; text: string }[];
  lines: Line[];
  /** From a value to its pixel; null where the axis has no place for it. */
  across: (x: number) => number | null;
  up: (y: number | null | undefined) => number | null;
  /** From a pixel to a value of x. */
  valueAt: (pixel: number) => number;
  notPositive: number;
  notFinite: number;
}

/** Of the drawing; the legend stands below it. */
export const HEIGHT = 224;
const TOP = 12;
const RIGHT = 14;
/** A line of text below the axis. */
const TEXT_LINE = 16;
/** The width of a letter, about: nothing is measured, so nothing has to be drawn twice. */
const LETTER = 6.8;
const LONGEST_NAME = 16;

/** The drawing of figures in so many pixels, or null where there is nothing to draw. */
export function drawingOf(figures: Figures, width: number): Drawing | null {
  const { x, series, isTime = false, isLog = false } = figures;
  const xKind = isTime ? "time" : "linear";
  const yKind = isLog ? "log" : "linear";
  const taken = series.map((one) => pointsOf(x, one.values, (at, value) => hasPlace(at, xKind) && hasPlace(value, yKind)));
  const points = taken.flatMap((one) => one.points);
  if (points.length === 0) return null;
  const bottom = HEIGHT - TEXT_LINE * (isTime ? 2 : 1) - 8;
  const [low, high] = ends(points.map((one) => one.y));
  const most = Math.floor((bottom - TOP) / 32);
  const yScale = isLog ? logScale(low, high, most) : linearScale(low, high, most, true);
  const yTicks = yScale.ticks.map((tick) => ({ ...tick, text: figures.yText?.(tick.value) ?? tick.text }));
  const longest = ends(yTicks.map((tick) => tick.text.length))[1];
  const left = Math.ceil(Math.min(Math.max(longest * LETTER + 14, 36), width / 3));
  const right = Math.max(width - RIGHT, left + 1);
  const places = x.filter((value) => hasPlace(value, xKind));
  const xScale = xScaleOf(figures, places, right - left);
  const across = (value: number) => left + shareOf(xScale, value) * (right - left);
  const up = (value: number) => bottom - shareOf(yScale, value) * (bottom - TOP);
  const toPixels = (point: Point) => ({ ...point, x: across(point.x), y: up(point.y) });
  const lines = taken.map((one, place) =>
    series[place]?.isBound === true
      ? boundOf(thinned(one.points).map(toPixels), left, right)
      : lineOf(thinned(one.points).map(toPixels), place, right - left),
  );
  keepApart(lines);
  const out = taken.flatMap((one) => one.left);
  const notPositive = isLog ? out.filter((value) => value <= 0 && Number.isFinite(value)).length : 0;
  return {
    left,
    right,
    top: TOP,
    bottom,
    xTicks: xScale.ticks.map((tick) => xTick(figures, tick, across(tick.value), width)),
    yTicks: yTicks.map((tick) => ({ at: up(tick.value), text: tick.text })),
    lines,
    across: (value) => (hasPlace(value, xKind) ? across(value) : null),
    up: (value) => (typeof value === "number" && hasPlace(value, yKind) ? up(value) : null),
    valueAt: (pixel) => xScale.low + ((pixel - left) / (right - left)) * (xScale.high - xScale.low),
    notPositive,
    notFinite: out.length - notPositive,
  };
}

function xScaleOf({ isTime, xText }: Figures, places: readonly number[], room: number): Scale {
  const [low, high] = ends(places);
  // Moments of a few seconds are told with milliseconds, which takes more room.
  if (isTime === true) return timeScale(low, high, Math.max(room / (high - low < 10 ? 90 : 75), 1));
  if (xText === undefined) return linearScale(low, high, Math.max(room / 80, 1), false);
  const letters = ends(places.map((value) => short(xText(value)).length))[1];
  // The last name is moved to the left by up to half of its width, so as not to be cut.
  return namedScale(places, Math.floor(room / (letters * LETTER * 1.5 + 8)), xText);
}

function xTick({ xText }: Figures, tick: { value: number; text: string; below?: string }, at: number, width: number) {
  const text = short(xText?.(tick.value) ?? tick.text);
  const below = tick.below ?? "";
  const half = (Math.max(text.length, below.length) * LETTER) / 2;
  return { at, textAt: Math.max(Math.min(at, width - half), half), text, below };
}

/** So much of a text as has room. */
export function short(text: string, letters = LONGEST_NAME): string {
  return text.length > letters ? `${text.slice(0, letters - 1)}…` : text;
}

function lineOf(points: readonly Point[], series: number, room: number): Line {
  return { path: pathOf(points), markers: markersOf(markedOf(points, room), series) };
}

/** A bound that is everywhere the same holds beside its points, too. */
function boundOf(points: readonly Point[], left: number, right: number): Line {
  const first = points[0];
  if (first === undefined) return { path: "", markers: "" };
  const label = { x: left + 6, y: first.y };
  if (points.some((point) => point.y !== first.y)) return { path: pathOf(points), markers: "", label };
  const across = [left, right].map((x) => ({ x, y: first.y, run: 0 }));
  return { path: pathOf(across), markers: "", label };
}

/** Names of bounds stand above their lines, or below where there is no room. */
function keepApart(lines: readonly Line[]): void {
  const labels = lines.map((line) => line.label).filter((label) => label !== undefined);
  let before = 0;
  for (const label of labels.sort((one, other) => one.y - other.y)) {
    const next = before + TEXT_LINE - 2;
    label.y = label.y - 5 >= next ? label.y - 5 : Math.max(label.y + TEXT_LINE - 2, next);
    before = label.y;
  }
}
