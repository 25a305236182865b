/** A table that may be wider than the screen: it scrolls in its frame, also by keyboard. */

import type { ComponentChildren } from "preact";

export function Frame({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div class="table-frame" role="group" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}
