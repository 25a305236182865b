/** A line for a terminal, to be copied. */

import { useState } from "preact/hooks";

import { words } from "../words";

export function Command({ line, label }: { line: string; label?: string }) {
  return (
    <div class="command">
      <code tabIndex={0} aria-label={label}>
        {line}
      </code>
      <Copy text={line} />
    </div>
  );
}

/** Some lines of a program, to be copied. */
export function Code({ title, text }: { title: string; text: string }) {
  return (
    <div class="snippet">
      <pre tabIndex={0} aria-label={words.common.snippet(title)} role="region">
        <code>{text}</code>
      </pre>
      <Copy text={text} />
    </div>
  );
}

/** A button that copies a text. */
export function Copy({ text }: { text: string }) {
  const [isCopied, setCopied] = useState(false);
  // Browsers give no clipboard to addresses without https; the text can be selected by hand.
  if (!("clipboard" in navigator)) return null;
  const copy = () => {
    navigator.clipboard.writeText(text).then(
      () => {
        setCopied(true);
      },
      () => {
        // The text is there to be selected by hand.
        setCopied(false);
      },
    );
  };
  return (
    <button
      type="button"
      class="button"
      data-kind="small"
      onClick={copy}
      onBlur={() => {
        setCopied(false);
      }}
    >
      <span aria-live="polite">{isCopied ? words.common.copied : words.common.copy}</span>
    </button>
  );
}

/** A word as a shell takes it. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./^-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A line of `modelyard` from its words, each quoted where a shell wants it. */
export function line(...given: (string | number | undefined)[]): string {
  return ["modelyard", ...given.filter((one) => one !== undefined).map((one) => quoted(String(one)))].join(" ");
}

/** A text as a Python literal; JSON's escapes are Python's too. */
export function python(text: string): string {
  return JSON.stringify(text);
}

/** Which server a program asks, and how. */
export interface Place {
  /** Where the server is, such as http://127.0.0.1:5000. */
  origin: string;
  /** Whether it asks for a token. */
  hasToken: boolean;
}

/** What curl says of who asks. */
export function bearer({ hasToken }: Place): string {
  return hasToken ? ' -H "Authorization: Bearer $MODELYARD_TOKEN"' : "";
}
