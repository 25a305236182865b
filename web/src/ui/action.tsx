/**
 * Something that changes the yard: a button, a dialog that says what will happen and which command does the same, and
 * the server's word if it refuses.
 */

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

import { giveUp } from "../api/client";
import { asProblem, type Problem } from "../api/problem";
import { words } from "../words";
import { Command } from "./command";
import { useCaught } from "./focus";
import { ErrorNotice } from "./notices";

export interface ActionProps {
  label: string;
  kind?: "main" | "danger" | "plain";
  /** What will happen, in a sentence or two. */
  effect: ComponentChildren;
  /** The command that does the same, given what is filled in. */
  line: string;
  /** Fields of the dialog. */
  children?: ComponentChildren;
  /** Does it; what it throws is shown, and the dialog stays open. */
  run: () => Promise<unknown>;
  /** Called after it was done. */
  onDone?: () => void;
  disabled?: boolean;
}

export function Action(props: ActionProps) {
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  useCaught(button);
  return (
    <>
      <button
        ref={button}
        type="button"
        class="button"
        data-kind={props.kind ?? "plain"}
        disabled={props.disabled}
        aria-haspopup="dialog"
        onClick={() => {
          setOpen(true);
        }}
      >
        {props.label}
      </button>
      {isOpen && (
        <Dialog
          {...props}
          close={() => {
            setOpen(false);
          }}
        />
      )}
    </>
  );
}

function Dialog({ label, kind, effect, line, children, run, onDone, close }: ActionProps & { close: () => void }) {
  const frame = useRef<HTMLDialogElement>(null);
  const [problem, setProblem] = useState<Problem>();
  const [isRunning, setRunning] = useState(false);
  const title = useId();
  useCaught(frame);
  useEffect(() => {
    frame.current?.showModal();
    return giveUp;
  }, []);
  const submit = (event: Event) => {
    event.preventDefault();
    if (isRunning) return;
    setRunning(true);
    setProblem(undefined);
    run().then(
      () => {
        frame.current?.close();
        onDone?.();
      },
      (error: unknown) => {
        setProblem(asProblem(error));
        setRunning(false);
      },
    );
  };
  return (
    <dialog ref={frame} aria-labelledby={title} onClose={close}>
      <form onSubmit={submit}>
        <h2 id={title}>{label}</h2>
        <div>{effect}</div>
        {children}
        <div class="field">
          <span class="faint">{words.common.sameBy}</span>
          <Command line={line} />
        </div>
        {problem !== undefined && <ErrorNotice problem={problem} />}
        <p role="status" class="faint">
          {isRunning ? words.common.working : ""}
        </p>
        <div class="row">
          {/* A button that is disabled would lose the focus, and a refusal would find it nowhere. */}
          <button type="submit" class="button" data-kind={kind === "danger" ? "danger" : "main"} aria-disabled={isRunning}>
            {label}
          </button>
          <button
            type="button"
            class="button"
            disabled={isRunning}
            onClick={() => {
              frame.current?.close();
            }}
          >
            {words.common.cancel}
          </button>
        </div>
      </form>
    </dialog>
  );
}

interface FieldProps {
  label: string;
  value: string;
  onInput: (value: string) => void;
  help?: string;
  type?: "text" | "password" | "number" | "search" | "url" | "datetime-local";
  required?: boolean;
  autoComplete?: string;
  placeholder?: string;
  /** Id of a `<datalist>` with what might be meant. */
  list?: string;
  /** What the browser takes, as a regular expression; `help` says it in words. */
  pattern?: string;
}

/** A labelled input. */
export function Field({ label, value, onInput, help, type = "text", ...rest }: FieldProps) {
  const id = useId();
  // The types tell each kind of input apart, which a field need not.
  const given = { ...rest, type } as { type: "text" };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        {...given}
        id={id}
        value={value}
        aria-describedby={help === undefined ? undefined : `${id}-help`}
        onInput={(event) => {
          onInput(event.currentTarget.value);
        }}
      />
      {help !== undefined && <small id={`${id}-help`}>{help}</small>}
    </div>
  );
}

/** A labelled choice of few. */
export function Choice({
  label,
  value,
  options,
  onInput,
}: {
  label: string;
  value: string;
  options: readonly (readonly [value: string, text: string])[];
  onInput: (value: string) => void;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        onChange={(event) => {
          onInput(event.currentTarget.value);
        }}
      >
        {options.map(([one, text]) => (
          <option key={one} value={one}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

/** Something that is so, or is not. */
export function Check({ label, isOn, onInput }: { label: string; isOn: boolean; onInput: (isOn: boolean) => void }) {
  return (
    <label class="row">
      <input
        type="checkbox"
        checked={isOn}
        onChange={(event) => {
          onInput(event.currentTarget.checked);
        }}
      />
      {label}
    </label>
  );
}
