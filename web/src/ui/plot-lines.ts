/** From the values of a series to what is drawn of them: runs of points, thinned, as SVG paths. */

export interface Point {
  x: number;
  y: number;
  /** Points of one run are joined; between two runs there is a gap. */
  run: number;
}

/** More points tell an eye nothing, and cost time. */
const MOST_POINTS = 300;
/** A marker, in CSS pixels from its middle. */
const RADIUS = 3.5;

/**
 * The points of a series, in its own units.
 *
 * A line goes on over a missing value (`null`): nothing was measured there. A value that the axes have no place for
 * makes a gap, for there the line goes where it cannot be drawn; `left` has these values.
 */
export function pointsOf(
  x: readonly number[],
  values: readonly (number | null)[],
  canDraw: (x: number, y: number) => boolean,
): { points: Point[]; left: number[] } {
  const points: Point[] = [];
  const left: number[] = [];
  for (const [place, at] of x.entries()) {
    const value = values[place] ?? null;
    if (value === null) continue;
    if (canDraw(at, value)) points.push({ x: at, y: value, run: left.length });
    else left.push(value);
  }
  return { points, left };
}

/** At most `most` of the points, the lowest and the highest of each stretch of x; first and last are kept. */
export function thinned(points: readonly Point[], most = MOST_POINTS): readonly Point[] {
  const first = points[0];
  const last = points.at(-1);
  if (points.length <= most || first === undefined || last === undefined) return points;
  const stretches = Math.floor(most / 2) - 1;
  // Where all stand at one x, there is one stretch.
  const span = last.x - first.x || 1;
  const found: { low: Point; high: Point }[] = [];
  for (const point of points) {
    const stretch = Math.min(Math.floor(((point.x - first.x) / span) * stretches), stretches - 1);
    const pair = (found[stretch] ??= { low: point, high: point });
    if (point.y < pair.low.y) pair.low = point;
    if (point.y > pair.high.y) pair.high = point;
  }
  const kept = new Set([first, last, ...found.flatMap(({ low, high }) => [low, high])]);
  return points.filter((point) => kept.has(point));
}

/** The line through points of the drawing. */
export function pathOf(points: readonly Point[]): string {
  return points
    .map((point, place) => `${points[place - 1]?.run === point.run ? "L" : "M"}${shown(point.x)} ${shown(point.y)}`)
    .join("");
}

/** Points that carry a marker: all where there is room, otherwise a few; and each that no line reaches. */
export function markedOf(points: readonly Point[], width: number): readonly Point[] {
  const room = Math.floor(width / 16);
  if (points.length <= room) return points;
  const chosen = new Set(evenly(points.length, Math.min(room, 6)));
  return points.filter(
    (point, place) =>
      chosen.has(place) || (points[place - 1]?.run !== point.run && points[place + 1]?.run !== point.run),
  );
}

const R = RADIUS;
const SHAPES = [
  `m${String(-R)} 0a${String(R)} ${String(R)} 0 1 0 ${String(2 * R)} 0a${String(R)} ${String(R)} 0 1 0 ${String(-2 * R)} 0z`,
  "m-3-3h6v6h-6z",
  "m0-4.5l4.2 7.5h-8.4z",
  "m0-4.8l4.8 4.8l-4.8 4.8l-4.8-4.8z",
  "m0 4.5l4.2-7.5h-8.4z",
  "m-1.4-4.2h2.8v2.8h2.8v2.8h-2.8v2.8h-2.8v-2.8h-2.8v-2.8h2.8z",
];

/** The markers of a series, which has its own shape of them. */
export function markersOf(points: readonly Pick<Point, "x" | "y">[], series: number): string {
  const shape = SHAPES[series % SHAPES.length] ?? "";
  return points.map((point) => `M${shown(point.x)} ${shown(point.y)}${shape}`).join("");
}

function shown(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** At most `most` places of `count`, evenly chosen, the first and the last among them. */
export function evenly(count: number, most: number): number[] {
  if (count <= most) return Array.from({ length: count }, (_, place) => place);
  if (most < 2) return [count - 1];
  return Array.from({ length: most }, (_, place) => Math.round((place * (count - 1)) / (most - 1)));
}

/** The place whose x is nearest to a value, or null where there is none. */
export function nearest(x: readonly number[], value: number): number | null {
  let found: number | null = null;
  let least = Infinity;
  for (const [place, at] of x.entries()) {
    const far = Math.abs(at - value);
    if (far < least) {
      least = far;
      found = place;
    }
  }
  return found;
}
