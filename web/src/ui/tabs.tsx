/** Tabs as WAI-ARIA describes them: one is shown, arrows go from one to the next. */

import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";

export interface Tab {
  id: string;
  text: string;
  show: () => ComponentChildren;
}

interface Props {
  label: string;
  tabs: Tab[];
  /** The id of the one that is shown. */
  chosen: string;
  onChoose: (id: string) => void;
}

export function Tabs({ label, tabs, chosen, onChoose }: Props) {
  const prefix = useId();
  const list = useRef<HTMLDivElement>(null);
  const shown = tabs.find((one) => one.id === chosen) ?? tabs[0];
  if (shown === undefined) return null;
  const onKeyDown = (event: KeyboardEvent) => {
    const place = tabs.indexOf(shown);
    const places: Record<string, number> = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: tabs.length - 1 };
    const next = places[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const to = tabs[(next + tabs.length) % tabs.length];
    if (to === undefined) return;
    onChoose(to.id);
    list.current?.querySelector<HTMLElement>(`[data-tab="${CSS.escape(to.id)}"]`)?.focus();
  };
  return (
    <div class="tabs">
      <div role="tablist" aria-label={label} ref={list} onKeyDown={onKeyDown}>
        {tabs.map((one) => (
          <button
            key={one.id}
            type="button"
            role="tab"
            id={`${prefix}-${one.id}`}
            data-tab={one.id}
            aria-selected={one === shown}
            aria-controls={`${prefix}-panel`}
            tabIndex={one === shown ? 0 : -1}
            onClick={() => {
              onChoose(one.id);
            }}
          >
            {one.text}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${prefix}-panel`} aria-labelledby={`${prefix}-${shown.id}`} tabIndex={0}>
        {shown.show()}
      </div>
    </div>
  );
}
