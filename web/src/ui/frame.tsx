/** A table that may be wider than the screen, or longer than is good: it scrolls in its frame, also by keyboard. */

import type { ComponentChildren } from "preact";

interface Props {
  label: string;
  /** Whether it is cut at a height. */
  isTall?: boolean;
  children: ComponentChildren;
}

export function Frame({ label, isTall = false, children }: Props) {
  return (
    <div class={isTall ? "table-frame tall" : "table-frame"} role="group" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}

/** The head of a table; `hidden` names a last column of buttons, for those who listen. */
export function Head({ of, hidden }: { of: readonly string[]; hidden?: string }) {
  return (
    <thead>
      <tr>
        {of.map((one) => (
          <th key={one} scope="col">
            {one}
          </th>
        ))}
        {hidden !== undefined && (
          <th scope="col">
            <span class="hidden-text">{hidden}</span>
          </th>
        )}
      </tr>
    </thead>
  );
}
