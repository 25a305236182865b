/** Who the server takes one for, and what one may do. */

import { useState } from "preact/hooks";

import { answered, api, type Schemas } from "../../api/client";
import { asProblem, type Problem } from "../../api/problem";
import { useData } from "../../data/use";
import { Field } from "../../ui/action";
import { Badge } from "../../ui/badges";
import { Command, line } from "../../ui/command";
import { ErrorNotice, Loaded } from "../../ui/notices";
import { Section } from "../../ui/page";
import { peopleWords as words } from "../../words/people";
import { grantText } from "./grants";

const said = words.you;

export function You() {
  const data = useData("whoami", (signal) => answered(api.GET("/api/whoami", { signal })), {
    on: (event) => event.type.startsWith("user."),
  });
  return (
    <div class="stack">
      <Section title={said.title}>
        <Loaded data={data}>
          {(me) => (
            <>
              <Me me={me} />
              {!me.proven && <SwitchOn />}
            </>
          )}
        </Loaded>
      </Section>
      <CanI />
    </div>
  );
}

function Me({ me }: { me: Schemas["Whoami"] }) {
  const { roles = [], grants = [] } = me;
  return (
    <dl class="facts card">
      <dt>{said.name}</dt>
      <dd>{me.name}</dd>
      <dt>{said.asked}</dt>
      <dd>
        <Badge kind={me.proven ? "good" : "warn"}>{me.proven ? said.proven : said.unproven}</Badge>
      </dd>
      {roles.length > 0 && (
        <>
          <dt>{said.roles}</dt>
          <dd>{roles.join(", ")}</dd>
        </>
      )}
      <dt>{said.grants}</dt>
      <dd>
        <ul class="plain">
          {grants.map((one) => (
            <li key={grantText(one)}>{grantText(one)}</li>
          ))}
        </ul>
      </dd>
    </dl>
  );
}

function SwitchOn() {
  return (
    <div class="notice section" data-kind="warn">
      <p>{said.off}</p>
      <p>{said.how}</p>
      <Command line={line("user", "create", "ana@example.com", "--role", "admin")} />
      <Command line={line("token", "create", "ana@example.com", "--expires", "90d")} />
      <p>{said.then}</p>
      <Command line={said.config} />
    </div>
  );
}

function CanI() {
  const [permission, setPermission] = useState("stage.move");
  const [model, setModel] = useState("");
  const [target, setTarget] = useState("");
  const [answer, setAnswer] = useState<Schemas["Allowed"]>();
  const [problem, setProblem] = useState<Problem>();
  const ask = (event: Event) => {
    event.preventDefault();
    answered(api.GET("/api/can-i", { params: { query: { permission, model, target } } })).then(
      (found) => {
        setAnswer(found);
        setProblem(undefined);
      },
      (error: unknown) => {
        setAnswer(undefined);
        setProblem(asProblem(error));
      },
    );
  };
  const narrowed = target === "" ? [] : [permission === "alias.move" ? "--alias" : "--stage", target];
  return (
    <Section title={said.can}>
      <form class="card section" onSubmit={ask}>
        <p class="faint">{said.canWhy}</p>
        <div class="filters">
          <Field label={said.permission} value={permission} onInput={setPermission} required />
          <Field label={said.model} value={model} onInput={setModel} placeholder={said.any} />
          <Field label={said.target} value={target} onInput={setTarget} placeholder={said.any} />
          <button type="submit" class="button" data-kind="main">
            {said.ask}
          </button>
        </div>
        <div role="status" class="can-answer">
          {answer !== undefined && <Answer answer={answer} />}
          {problem !== undefined && <ErrorNotice problem={problem} />}
        </div>
        <Command line={line("can-i", permission, ...(model === "" ? [] : [model]), ...narrowed)} />
      </form>
    </Section>
  );
}

function Answer({ answer }: { answer: Schemas["Allowed"] }) {
  const what = [answer.permission, answer.model, answer.target].filter((one) => one !== "").join(" ");
  return (
    <p>
      <Badge kind={answer.allowed ? "good" : "bad"}>
        {answer.allowed ? said.yes(answer.name, what) : said.no(answer.name, what)}
      </Badge>{" "}
      <span class="faint">{answer.reason}</span>
    </p>
  );
}
