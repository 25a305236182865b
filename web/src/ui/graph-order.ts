/**
 * Who stands where in a graph of columns: the column of each node, the order within it, and the heights. Pure.
 *
 * The way of Sugiyama, Tagawa and Toda (1981): circles are opened, nodes are put into columns, the order within a column
 * follows the mean place of the neighbours, to and fro, and the order with the fewest crossings is kept.
 */

/** What was there first lies on the left. */
export interface Arrow {
  from: string;
  to: string;
}

/** A place in a column: of a node, or of a line that passes through. */
export interface Place {
  height: number;
  /** Those in the column before that a line leads to. */
  left: Place[];
  right: Place[];
  /** The middle. */
  y: number;
}

/** Sweeps to and fro; more of them change little. */
const ROUNDS = 8;
/** Pixels between places of a column. */
const GAP = 18;

/** The arrows that lead back to where one came from; without them there is no circle. */
export function backwards<A extends Arrow>(ids: readonly string[], arrows: readonly A[]): Set<A> {
  const order = new Map(ids.map((id, place) => [id, place]));
  const leaving = new Map<string, A[]>(ids.map((id) => [id, []]));
  const reached = new Set<string>();
  for (const arrow of arrows) {
    leaving.get(arrow.from)?.push(arrow);
    reached.add(arrow.to);
  }
  // The first named comes first: of the stages of a circle, the first is where one enters.
  for (const all of leaving.values()) all.sort((one, other) => (order.get(one.to) ?? 0) - (order.get(other.to) ?? 0));
  const found = new Set<A>();
  const seen = new Set<string>();
  const entries = [...ids.filter((id) => !reached.has(id)), ...ids];
  for (const entry of entries) {
    if (!seen.has(entry)) walk(entry, leaving, seen, found);
  }
  return found;
}

/** Go on from one node as deep as it goes; without recursion, as a line of versions may be long. */
function walk<A extends Arrow>(entry: string, leaving: Map<string, A[]>, seen: Set<string>, found: Set<A>): void {
  const way: { id: string; next: number }[] = [{ id: entry, next: 0 }];
  const isOnWay = new Set([entry]);
  seen.add(entry);
  for (let here = way.at(-1); here !== undefined; here = way.at(-1)) {
    const arrow = leaving.get(here.id)?.[here.next];
    here.next += 1;
    if (arrow === undefined) {
      isOnWay.delete(here.id);
      way.pop();
    } else if (isOnWay.has(arrow.to)) {
      found.add(arrow);
    } else if (!seen.has(arrow.to)) {
      seen.add(arrow.to);
      isOnWay.add(arrow.to);
      way.push({ id: arrow.to, next: 0 });
    }
  }
}

/**
 * The column of each node: as far left as what it comes from allows, and what comes from nothing just before the first
 * that needs it.
 */
export function columns(ids: readonly string[], arrows: readonly Arrow[]): Map<string, number> {
  const before = neighbours(ids, arrows, "to", "from");
  const after = neighbours(ids, arrows, "from", "to");
  const found = new Map<string, number>();
  const waiting = new Map(ids.map((id) => [id, of(before, id).length]));
  let ready = ids.filter((id) => waiting.get(id) === 0);
  // What stands in a circle never gets ready.
  for (let place = 0; ready.length > 0; place += 1) {
    for (const id of ready) found.set(id, place);
    const reached = ready.flatMap((id) => of(after, id));
    for (const id of reached) waiting.set(id, (waiting.get(id) ?? 0) - 1);
    ready = [...new Set(reached)].filter((id) => waiting.get(id) === 0);
  }
  for (const id of ids) {
    const users = of(after, id).map((user) => found.get(user) ?? 0);
    if (of(before, id).length === 0 && users.length > 0) found.set(id, Math.min(...users) - 1);
  }
  return found;
}

/** The nodes at the other ends of each node's arrows. */
function neighbours(
  ids: readonly string[],
  arrows: readonly Arrow[],
  one: keyof Arrow,
  other: keyof Arrow,
): Map<string, string[]> {
  const found = new Map<string, string[]>(ids.map((id) => [id, []]));
  for (const arrow of arrows) found.get(arrow[one])?.push(arrow[other]);
  return found;
}

function of(all: Map<string, string[]>, id: string): string[] {
  return all.get(id) ?? [];
}

/** The columns with their places in an order with few crossings. */
export function ordered<P extends Place>(given: readonly P[][]): P[][] {
  let best = given.map((column) => [...column]);
  let fewest = crossings(best);
  let now = best;
  for (let round = 0; round < ROUNDS && fewest > 0; round += 1) {
    now = swept(now, round % 2 === 0 ? "left" : "right");
    const found = crossings(now);
    if (found < fewest) [best, fewest] = [now, found];
  }
  return best;
}

type Side = "left" | "right";

/** Each column in the order of the mean place of its neighbours on one side, beginning at that side. */
function swept<P extends Place>(given: readonly P[][], side: Side): P[][] {
  const found = given.map((column) => [...column]);
  const order = side === "left" ? found : [...found].reverse();
  let places = new Map<Place, number>();
  for (const column of order) {
    // What has no neighbour there stays about where it is.
    const wanted = new Map(column.map((one, place) => [one, mean(one[side].map((other) => places.get(other) ?? 0)) ?? place]));
    column.sort((one, other) => (wanted.get(one) ?? 0) - (wanted.get(other) ?? 0));
    places = new Map(column.map((one, place) => [one, place]));
  }
  return found;
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, one) => sum + one, 0) / values.length;
}

/** How often lines between neighbouring columns cross. */
export function crossings(given: readonly Place[][]): number {
  let found = 0;
  given.slice(1).forEach((column, place) => {
    const before = given[place] ?? [];
    const rank = new Map(column.map((one, at) => [one, at]));
    const ends = before.flatMap((one) => one.right.map((other) => rank.get(other) ?? 0).sort((a, b) => a - b));
    found += inversions(ends, column.length);
  });
  return found;
}

/** Pairs that stand the wrong way round, counted with a tree of sums (Fenwick). */
function inversions(values: readonly number[], size: number): number {
  const sums = new Int32Array(size + 1);
  let found = 0;
  values.forEach((value, seen) => {
    let notGreater = 0;
    for (let at = value + 1; at > 0; at -= at & -at) notGreater += sums[at] ?? 0;
    found += seen - notGreater;
    for (let at = value + 1; at <= size; at += at & -at) sums[at] = (sums[at] ?? 0) + 1;
  });
  return found;
}

/** Give each place its height: near the middle of its neighbours, in the order of the columns, without overlap. */
export function spread(given: readonly Place[][]): void {
  for (const column of given) settle(column, column.map(() => 0));
  for (let round = 0; round < ROUNDS; round += 1) {
    const side: Side = round % 2 === 0 ? "left" : "right";
    for (const column of side === "left" ? given : [...given].reverse()) {
      settle(column, column.map((one) => mean(one[side].map((other) => other.y)) ?? one.y));
    }
  }
  for (const column of given) {
    settle(column, column.map((one) => mean([...one.left, ...one.right].map((other) => other.y)) ?? one.y));
  }
}

/** Bring a column as near to the wanted heights as order and gaps allow (least squares: adjacent violators are pooled). */
function settle(column: readonly Place[], wanted: readonly number[]): void {
  const offsets: number[] = [];
  const pools: { mean: number; count: number }[] = [];
  column.forEach((one, place) => {
    const above = column[place - 1];
    const offset = above === undefined ? 0 : (offsets[place - 1] ?? 0) + (above.height + one.height) / 2 + GAP;
    offsets.push(offset);
    let pool = { mean: (wanted[place] ?? 0) - offset, count: 1 };
    for (let last = pools.at(-1); last !== undefined && last.mean > pool.mean; last = pools.at(-1)) {
      const count = last.count + pool.count;
      pool = { mean: (last.mean * last.count + pool.mean * pool.count) / count, count };
      pools.pop();
    }
    pools.push(pool);
  });
  let place = 0;
  for (const pool of pools) {
    for (const end = place + pool.count; place < end; place += 1) {
      const one = column[place];
      if (one !== undefined) one.y = pool.mean + (offsets[place] ?? 0);
    }
  }
}
