/** What is looked for: the search field and the filters. `/` comes here from anywhere on the page, Escape clears. */

import { useEffect, useId, useRef, useState } from "preact/hooks";

import { Choice } from "../../ui/action";
import { yardWords } from "../../words/yard";
import { isNarrowed, NOTHING, SORTS, type Sort, type Wanted } from "./query";
import type { Choices } from "./state";

/** Between a keystroke and the search, in ms: whoever types fast asks once. */
export const DEBOUNCE_MS = 150;

interface Props {
  wanted: Wanted;
  choices: Choices;
  /** `isTyping` while a text grows: such steps are not worth one in the browser's history each. */
  onChange: (wanted: Wanted, isTyping: boolean) => void;
}

export function SearchBar({ wanted, choices, onChange }: Props) {
  const say = yardWords.search;
  const set = (change: Partial<Wanted>) => {
    onChange({ ...wanted, ...change }, false);
  };
  return (
    <search class="yard-search" aria-label={say.region}>
      <SearchField wanted={wanted} onChange={onChange} />
      <div class="filters">
        <Choice label={say.stage} value={wanted.stage} options={optionsOf(choices.stages)} onInput={(stage) => { set({ stage }); }} />
        <Choice label={say.owner} value={wanted.owner} options={optionsOf(choices.owners)} onInput={(owner) => { set({ owner }); }} />
        <Choice label={say.team} value={wanted.team} options={optionsOf(choices.teams)} onInput={(team) => { set({ team }); }} />
        <Choice label={say.tag} value={wanted.tag} options={optionsOf(choices.tags)} onInput={(tag) => { set({ tag }); }} />
        <Choice
          label={say.sort}
          value={wanted.sort}
          options={SORTS.map((one) => [one, say.sorts[one]] as const)}
          onInput={(sort) => { set({ sort: sort as Sort }); }}
        />
        <button
          type="button"
          class="button"
          aria-disabled={!isNarrowed(wanted)}
          onClick={() => {
            onChange({ ...NOTHING, sort: wanted.sort }, false);
          }}
        >
          {say.clear}
        </button>
      </div>
    </search>
  );
}

function SearchField({ wanted, onChange }: Pick<Props, "wanted" | "onChange">) {
  const say = yardWords.search;
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(wanted.q);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const sent = useRef(wanted.q);
  useSlash(field);
  // The address may change without the field: back, forward, a cleared filter.
  useEffect(() => {
    if (wanted.q === sent.current) return;
    sent.current = wanted.q;
    setText(wanted.q);
  }, [wanted.q]);
  useEffect(() => () => { clearTimeout(timer.current); }, []);
  const latest = useRef({ wanted, onChange });
  latest.current = { wanted, onChange };
  const send = (q: string) => {
    clearTimeout(timer.current);
    sent.current = q;
    const now = latest.current;
    if (q !== now.wanted.q) now.onChange({ ...now.wanted, q }, now.wanted.q !== "" && q !== "");
  };
  return (
    <div class="field">
      <label for={id}>{say.label}</label>
      <input
        ref={field}
        id={id}
        type="search"
        value={text}
        placeholder={say.placeholder}
        autoComplete="off"
        spellcheck={false}
        maxLength={500}
        aria-describedby={`${id}-help`}
        aria-keyshortcuts="/"
        onInput={(event) => {
          const given = event.currentTarget.value;
          setText(given);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => { send(given.trim()); }, DEBOUNCE_MS);
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter") send(text.trim());
          if (event.key !== "Escape") return;
          event.preventDefault();
          setText("");
          send("");
        }}
      />
      <small id={`${id}-help`}>{say.help}</small>
    </div>
  );
}

/** Let `/` come to a field, wherever one is that does not take text. */
function useSlash(field: { current: HTMLInputElement | null }): void {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const at = event.target as HTMLElement | null;
      const isText = at !== null && (at.isContentEditable || at.closest("input, textarea, select, dialog") !== null);
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isText) return;
      event.preventDefault();
      field.current?.focus();
      field.current?.select();
    };
    document.addEventListener("keydown", listen);
    return () => { document.removeEventListener("keydown", listen); };
  }, [field]);
}

function optionsOf(values: readonly string[]): (readonly [string, string])[] {
  return [["", yardWords.search.any], ...values.map((one) => [one, one] as const)];
}
