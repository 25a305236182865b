/** A long list of which only what is seen is drawn. */

import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from "@tanstack/virtual-core";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";

interface Props<T> {
  label: string;
  items: readonly T[];
  keyOf: (item: T) => string;
  /** Height of a row in CSS pixels, before it is measured. */
  height: number;
  row: (item: T) => ComponentChildren;
  /** Called when the end comes into sight: there may be more to load. */
  onEnd?: () => void;
}

export function VirtualList<T>({ label, items, keyOf, height, row, onEnd }: Props<T>) {
  const frame = useRef<HTMLDivElement>(null);
  const [, draw] = useReducer((turn: number) => turn + 1, 0);
  const options = {
    count: items.length,
    estimateSize: () => height,
    overscan: 8,
    getScrollElement: () => frame.current,
    getItemKey: (place: number) => {
      const item = items[place];
      return item === undefined ? place : keyOf(item);
    },
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    onChange: () => {
      draw(0);
    },
  };
  const [list] = useState(() => new Virtualizer<HTMLDivElement, HTMLDivElement>(options));
  list.setOptions(options);
  useEffect(() => list._didMount(), [list]);
  useLayoutEffect(() => {
    list._willUpdate();
  });
  const seen = list.getVirtualItems();
  const last = seen.at(-1)?.index ?? -1;
  useEffect(() => {
    if (last >= items.length - 1) onEnd?.();
  }, [last, items.length]);
  return (
    <div class="virtual" ref={frame} role="list" aria-label={label} tabIndex={0}>
      <div style={{ height: `${String(list.getTotalSize())}px` }}>
        {seen.map((one) => {
          const item = items[one.index];
          return item === undefined ? null : (
            <div
              key={one.key}
              role="listitem"
              aria-setsize={items.length}
              aria-posinset={one.index + 1}
              data-index={one.index}
              ref={(element) => {
                if (element !== null) list.measureElement(element);
              }}
              style={{ transform: `translateY(${String(one.start)}px)` }}
            >
              {row(item)}
            </div>
          );
        })}
      </div>
    </div>
  );
}
