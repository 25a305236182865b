/** What is said instead of data: it is being loaded, it failed, there is none yet, there is more than is shown. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

import type { Problem } from "../api/problem";
import type { Data } from "../data/use";
import { words } from "../words";
import { Command } from "./command";

/** An error, with its code and the next step. */
export function ErrorNotice({ problem, again }: { problem: Problem; again?: () => void }) {
  return (
    <div class="notice" data-kind="bad" role="alert">
      <p>
        {problem.message} <code>{problem.code}</code>
      </p>
      {problem.hint !== "" && (
        <p class="faint">
          <Said text={problem.hint} />
        </p>
      )}
      {again !== undefined && (
        <button type="button" class="button" onClick={again}>
          {words.common.again}
        </button>
      )}
    </div>
  );
}

/** A sentence of the server, in which commands stand in backticks. */
export function Said({ text }: { text: string }) {
  return <>{text.split("`").map((part, place) => (place % 2 === 1 ? <code key={place}>{part}</code> : part))}</>;
}

/** Nothing is there yet; the command that would change this. */
export function Empty({ text, command, children }: { text: string; command?: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p>{text}</p>
      {command !== undefined && <Command line={command} />}
      {children}
    </div>
  );
}

/** Show data once it is there; what was shown stays while it is loaded again, even if that fails. */
export function Loaded<T>({ data, children }: { data: Data<T>; children: (value: T) => ComponentChildren }) {
  const { value, problem, reload } = data;
  if (value === undefined) {
    if (problem !== undefined) return <ErrorNotice problem={problem} again={reload} />;
    return (
      <div class="waiting" role="status">
        {words.common.loading}
      </div>
    );
  }
  return (
    <>
      {problem !== undefined && (
        <div class="section">
          <p class="faint">{words.common.stale}</p>
          <ErrorNotice problem={problem} again={reload} />
        </div>
      )}
      {children(value)}
    </>
  );
}

/** A full screen and more; people who want one of thousands search for it. */
const STEP = 100;

interface SomeProps<T> {
  items: readonly T[];
  children: (shown: T[]) => ComponentChildren;
}

/** The first of many, and a way to the others: what nobody asked for is not drawn. */
export function Some<T>({ items, children }: SomeProps<T>) {
  const [count, setCount] = useState(STEP);
  return (
    <>
      {children(items.slice(0, count))}
      {items.length > count && (
        <div>
          <button
            type="button"
            class="button"
            onClick={() => {
              setCount(count + STEP);
            }}
          >
            {words.common.more}
          </button>
        </div>
      )}
    </>
  );
}
