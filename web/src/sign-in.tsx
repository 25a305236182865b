/** Asks for a token; it goes nowhere but to this server. */

import { useState } from "preact/hooks";

import { asProblem, type Problem, problemOf } from "./api/problem";
import { signIn } from "./api/session";
import { Check, Field } from "./ui/action";
import { Command } from "./ui/command";
import { ErrorNotice } from "./ui/notices";
import { Page } from "./ui/page";
import { words } from "./words";

export function SignIn() {
  const [given, setGiven] = useState("");
  const [isKept, setKept] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const submit = (event: Event) => {
    event.preventDefault();
    checked(given.trim()).then(
      () => {
        signIn(given, isKept);
      },
      (error: unknown) => {
        setProblem(asProblem(error));
      },
    );
  };
  return (
    <main class="content">
      <Page title={words.common.signIn.title}>
        <form class="card stack" onSubmit={submit}>
          <p>{words.common.signIn.why}</p>
          <Field
            label={words.common.signIn.token}
            value={given}
            onInput={setGiven}
            type="password"
            autoComplete="current-password"
            required
          />
          <Check label={words.common.signIn.remember} isOn={isKept} onInput={setKept} />
          {problem !== undefined && <ErrorNotice problem={problem} />}
          <div>
            <button type="submit" class="button" data-kind="main">
              {words.common.signIn.go}
            </button>
          </div>
          <p class="faint">{words.common.signIn.how}</p>
          <Command line="modelyard token create" />
        </form>
      </Page>
    </main>
  );
}

/** Ask the server whether it takes a token, before it is kept. */
async function checked(token: string): Promise<void> {
  const response = await fetch("/api/whoami", { headers: { Authorization: `Bearer ${token}` } });
  if (!response.ok) throw problemOf(response.status, await response.json().catch(() => null));
}
