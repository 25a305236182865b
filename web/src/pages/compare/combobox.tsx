/** Finds a version as one types: a combobox with a list, as WAI-ARIA describes it. */

import { useEffect, useId, useRef, useState } from "preact/hooks";

import { answered, api } from "../../api/client";
import { useData } from "../../data/use";
import { State } from "../../ui/badges";
import { ErrorNotice } from "../../ui/notices";
import { number } from "../../words";
import { compareWords } from "../../words/compare";
import { nameOf } from "./load";

const said = compareWords.box;
const MOST = 8;
const PAUSE_MS = 150;

interface Option {
  reference: string;
  text: string;
  detail: string;
  stage: string;
}

interface Props {
  /** References that are chosen already, and not offered again. */
  chosen: readonly string[];
  onChoose: (reference: string) => void;
}

export function VersionBox({ chosen, onChoose }: Props) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const asked = usePaused(text.trim());
  const data = useData(asked, (signal) => find(asked, signal));
  // What was found for an earlier text must not be chosen by a quick Enter.
  const isCurrent = asked === text.trim();
  const options = offered(text.trim(), (isCurrent ? data.value : undefined) ?? [], chosen);
  const current = options[active];
  const choose = (option: Option | undefined) => {
    if (option === undefined) return;
    onChoose(option.reference);
    setText("");
    setActive(-1);
    setOpen(false);
    input.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
    const step = steps[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setOpen(true);
      const count = options.length;
      if (count > 0) setActive(active < 0 ? (step > 0 ? 0 : count - 1) : (active + step + count) % count);
    } else if (event.key === "Enter" && isOpen) {
      event.preventDefault();
      choose(current ?? options[0]);
    } else if (event.key === "Escape") {
      if (isOpen) setOpen(false);
      else setText("");
      setActive(-1);
    }
  };
  const isShown = isOpen && options.length > 0;
  return (
    <div class="field combobox">
      <label for={`${id}-input`}>{said.label}</label>
      <div class="place">
      <input
        id={`${id}-input`}
        ref={input}
        type="text"
        role="combobox"
        autoComplete="off"
        spellcheck={false}
        aria-expanded={isShown}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-describedby={`${id}-help`}
        aria-activedescendant={isShown && current !== undefined ? `${id}-${String(active)}` : undefined}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setActive(-1);
          setOpen(true);
        }}
        onClick={() => {
          setOpen(true);
        }}
        onKeyDown={onKeyDown}
        onBlur={() => {
          setOpen(false);
        }}
      />
      <Options id={id} options={options} active={active} isShown={isShown} onChoose={choose} />
      </div>
      <small id={`${id}-help`}>{said.help}</small>
      <span class="hidden-text" role="status">
        {isOpen && isCurrent && !data.isLoading ? (options.length === 0 ? said.nothing : said.found(number(options.length))) : ""}
      </span>
      {data.problem !== undefined && <ErrorNotice problem={data.problem} again={data.reload} />}
    </div>
  );
}

interface OptionsProps {
  id: string;
  options: readonly Option[];
  active: number;
  isShown: boolean;
  onChoose: (option: Option) => void;
}

function Options({ id, options, active, isShown, onChoose }: OptionsProps) {
  return (
    <ul class="plain options" role="listbox" id={`${id}-list`} aria-label={said.label} hidden={!isShown}>
      {options.map((one, place) => (
        <li
          key={one.reference}
          id={`${id}-${String(place)}`}
          role="option"
          aria-selected={place === active}
          onMouseDown={(event) => {
            // The input keeps the focus, so that its list stays until the click ends.
            event.preventDefault();
          }}
          onClick={() => {
            onChoose(one);
          }}
        >
          <span>{one.text}</span>
          {one.stage !== "" && <State state={one.stage} />}
          {one.detail !== "" && <small>{one.detail}</small>}
        </li>
      ))}
    </ul>
  );
}

/** What the list offers: what was found, and what was typed where it may be a reference. */
function offered(text: string, found: readonly Option[], chosen: readonly string[]): Option[] {
  const options = found.filter((one) => !chosen.includes(one.reference));
  const isReference = /[/@:]|^mv_/.test(text) && !chosen.includes(text) && !options.some((one) => one.reference === text);
  return isReference ? [...options, { reference: text, text: said.asIs(text), detail: "", stage: "" }] : options;
}

async function find(text: string, signal: AbortSignal): Promise<Option[]> {
  const query = { limit: MOST };
  const page =
    text === ""
      ? await answered(api.GET("/api/models/versions", { params: { query }, signal }))
      : await answered(api.GET("/api/search", { params: { query: { ...query, q: text } }, signal }));
  return page.versions.map((one) => ({
    reference: nameOf(one),
    text: nameOf(one),
    detail: [...(one.aliases ?? []), one.description].filter((word) => word !== "").join(" · "),
    stage: one.stage,
  }));
}

/** A text once it has been left alone for a moment. */
function usePaused(text: string): string {
  const [kept, setKept] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => {
      setKept(text);
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [text]);
  return kept;
}
