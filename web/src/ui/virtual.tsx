/**
 * A long list of which only what is seen is drawn.
 *
 * The rows stand in normal flow between two spacers, so that the browser itself holds what one reads (scroll anchoring)
 * when rows above turn out to be higher than estimated.
 */

import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef } from "preact/hooks";

import { type Drawn, drawnAt, heightOf, resize, startsOf } from "./windowing";

interface Props<T> {
  label: string;
  items: readonly T[];
  /** Tells a row from all others; what was measured is remembered by it. */
  keyOf: (item: T) => string;
  /** Height of a row in CSS pixels, before it is measured. */
  height: number;
  row: (item: T) => ComponentChildren;
  /** Called when the end comes into sight: there may be more to load. */
  onEnd?: () => void;
}

export function VirtualList<T>({ label, items, keyOf, height, row, onEnd }: Props<T>) {
  const keys = useMemo(() => items.map(keyOf), [items]);
  const { frame, drawn, starts, watch, look } = useWindow(keys, height);
  const { first, end } = drawn;
  useEffect(() => {
    if (end >= items.length) onEnd?.();
  }, [end, items.length]);
  return (
    <div class="virtual" ref={frame} role="list" aria-label={label} tabIndex={0} onScroll={look}>
      <Room height={heightOf(starts, 0, first)} />
      {items.slice(first, end).map((item, place) => (
        <Row key={keys[first + place]} place={first + place} count={items.length} watch={watch}>
          {row(item)}
        </Row>
      ))}
      <Room height={heightOf(starts, end, items.length)} />
    </div>
  );
}

/** The room of rows that are not drawn. */
function Room({ height }: { height: number }) {
  return <div class="virtual-room" style={{ height: `${String(height)}px` }} />;
}

interface RowProps {
  place: number;
  count: number;
  watch: (element: HTMLElement) => () => void;
  children: ComponentChildren;
}

function Row({ place, count, watch, children }: RowProps) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => (element.current === null ? undefined : watch(element.current)), [watch]);
  return (
    <div ref={element} role="listitem" aria-setsize={count} aria-posinset={place + 1} data-last={place === count - 1 || undefined}>
      {children}
    </div>
  );
}

interface Now {
  keys: readonly string[];
  starts: Float64Array;
  drawn: Drawn;
  scrolled: number;
  /** The height of the frame. */
  seen: number;
}

/** The part of a list that is drawn, as its frame is scrolled and its rows are measured. */
function useWindow(keys: readonly string[], estimate: number) {
  const frame = useRef<HTMLDivElement>(null);
  const heights = useRef(new Map<string, number>());
  const starts = useMemo(() => startsOf(keys, heights.current, estimate), [keys, estimate]);
  const [, draw] = useReducer((turn: number) => turn + 1, 0);
  const now = useRef<Now>({ keys, starts, drawn: { first: 0, end: 0 }, scrolled: 0, seen: 0 });

  // The frame still shows what it showed before.
  const held = now.current.keys === keys ? undefined : heldIn(frame.current, now.current.keys, keys);
  const hadFocus = frame.current?.contains(document.activeElement) === true;
  const scrolled = held === undefined ? now.current.scrolled : (starts[held.place] ?? 0) + held.above;
  const drawn = drawnAt(starts, scrolled, now.current.seen);
  now.current = { ...now.current, keys, starts, drawn, scrolled };

  const look = useMemo(() => () => {
    const element = frame.current;
    if (element === null) return;
    const { starts, drawn } = now.current;
    now.current.scrolled = element.scrollTop;
    now.current.seen = element.clientHeight;
    const wanted = drawnAt(starts, element.scrollTop, element.clientHeight);
    if (wanted.first !== drawn.first || wanted.end !== drawn.end) draw(0);
  }, []);
  const watch = useMeasured(frame, (element, height) => {
    const { keys, starts } = now.current;
    const place = placeOf(element);
    const key = keys[place];
    if (key === undefined || heights.current.get(key) === height) return;
    heights.current.set(key, height);
    resize(starts, place, height);
  }, look);
  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null) return;
    if (held !== undefined) hold(element, held);
    // A row that had the focus and is not drawn any more must not take it away from the list: keys would scroll the page.
    if (hadFocus && !element.contains(document.activeElement)) element.focus({ preventScroll: true });
    // What else there is to draw is told by the next scroll event or measurement. Looking here, before the new rows are
    // measured, would go to and fro for ever: the browser scrolls by what they are higher, which asks for other rows.
    now.current.scrolled = element.scrollTop;
  });
  return { frame, drawn, starts, watch, look };
}

/** Hear of the heights of rows, as they are drawn and whenever they change, and of the frame's. */
function useMeasured(frame: RefObject<HTMLElement | null>, onRow: (row: HTMLElement, height: number) => void, then: () => void) {
  const latest = useRef(onRow);
  latest.current = onRow;
  const observer = useMemo(
    () =>
      new ResizeObserver((entries) => {
        for (const { target, borderBoxSize } of entries) {
          const height = borderBoxSize[0]?.blockSize ?? 0;
          // What is hidden or gone has no height, and keeps the one that it had.
          if (target !== frame.current && target.isConnected && height > 0) latest.current(target as HTMLElement, height);
        }
        // Rows drawn now could be measured in this frame only if they lay deeper than all that was just measured.
        if (entries.some(({ target }) => target === frame.current)) then();
        else requestAnimationFrame(then);
      }),
    [],
  );
  useLayoutEffect(() => {
    if (frame.current !== null) observer.observe(frame.current);
    return () => {
      observer.disconnect();
    };
  }, [observer]);
  return useMemo(
    () => (row: HTMLElement) => {
      observer.observe(row);
      return () => {
        observer.unobserve(row);
      };
    },
    [observer],
  );
}

/** A row that stays where it is seen, while others come and go above it. */
interface Held {
  place: number;
  /** Pixels of it that lie above the frame; fewer than none where it begins within. */
  above: number;
}

/** The uppermost row in sight that is in the new list too; none at the very top, where one sees what is new. */
function heldIn(frame: HTMLElement | null, before: readonly string[], after: readonly string[]): Held | undefined {
  if (frame === null || frame.scrollTop <= 0) return undefined;
  const { top, bottom } = frame.getBoundingClientRect();
  for (const row of rowsIn(frame)) {
    const box = row.getBoundingClientRect();
    if (box.bottom <= top || box.top >= bottom) continue;
    const place = after.indexOf(before[placeOf(row)] ?? "");
    if (place >= 0) return { place, above: top - box.top };
  }
  return undefined;
}

function hold(frame: HTMLElement, { place, above }: Held): void {
  const row = rowsIn(frame).find((one) => placeOf(one) === place);
  if (row === undefined) return;
  const by = above - (frame.getBoundingClientRect().top - row.getBoundingClientRect().top);
  if (Math.abs(by) >= 1) frame.scrollTop += by;
}

function rowsIn(frame: HTMLElement): HTMLElement[] {
  return [...frame.querySelectorAll<HTMLElement>(":scope > [role=listitem]")];
}

function placeOf(row: HTMLElement): number {
  return Number(row.getAttribute("aria-posinset")) - 1;
}
