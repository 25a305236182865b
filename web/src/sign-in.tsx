/** Asks for a token; it goes nowhere but to this server. */

import { useState } from "preact/hooks";

import { answered, api } from "./api/client";
import { asProblem, type Problem } from "./api/problem";
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
    // It is kept when the server takes it.
    answered(api.GET("/api/whoami", { headers: { Authorization: `Bearer ${given.trim()}` } })).then(
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
