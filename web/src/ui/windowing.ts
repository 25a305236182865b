/** Which rows of a long list are drawn, and how much room the others take. Pure. */

/** Rows that are drawn above and below what is seen, so that quick scrolling shows no gaps. */
export const BEYOND = 8;

/** The rows from `first` up to, not with, `end`. */
export interface Drawn {
  first: number;
  end: number;
}

/**
 * Where each row begins, in pixels from the top; behind the last row stands where the list ends.
 *
 * @param heights the measured ones, by key.
 * @param estimate the height of a row that was not measured yet.
 */
export function startsOf(keys: readonly string[], heights: ReadonlyMap<string, number>, estimate: number): Float64Array {
  const found = new Float64Array(keys.length + 1);
  keys.forEach((key, place) => {
    found[place + 1] = (found[place] ?? 0) + (heights.get(key) ?? estimate);
  });
  return found;
}

/** Take note, in place, that a row has another height: all rows below it move. */
export function resize(starts: Float64Array, place: number, height: number): void {
  const by = height - heightOf(starts, place, place + 1);
  for (let below = place + 1; below < starts.length; below += 1) starts[below] = (starts[below] ?? 0) + by;
}

/** The room that rows take, from one up to another. */
export function heightOf(starts: Float64Array, first: number, end: number): number {
  return (starts[end] ?? 0) - (starts[first] ?? 0);
}

/** The row at a height; the first or the last where it lies beyond them. */
export function rowAt(starts: Float64Array, height: number): number {
  let [low, high] = [0, Math.max(starts.length - 2, 0)];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] ?? 0) <= height) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The rows to draw where so many pixels are scrolled away and so many are seen. */
export function drawnAt(starts: Float64Array, scrolled: number, seen: number): Drawn {
  const count = starts.length - 1;
  return {
    first: Math.max(rowAt(starts, scrolled) - BEYOND, 0),
    end: Math.min(rowAt(starts, scrolled + seen) + 1 + BEYOND, count),
  };
}
