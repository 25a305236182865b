/** Beginning to serve a version: the strategy, what it will do, and the plan as the server would make it. */

import { useLocation } from "preact-iso";
import { useEffect, useState } from "preact/hooks";

import { answered, api, once, type Schemas } from "../../api/client";
import { useData } from "../../data/use";
import { paths } from "../../paths";
import { Action, Choice, Field } from "../../ui/action";
import { line } from "../../ui/command";
import { Loaded } from "../../ui/notices";
import { seconds } from "../../ui/values";
import { words } from "../../words";
import { versionWords } from "../../words/version";
import { deployBody, deployWords, hasSteps, told, type Wish } from "./plan";

type Version = Schemas["VersionRecord"];
type Strategy = keyof typeof versionWords.actions.strategies;
const W = versionWords.actions;
const STRATEGIES = Object.entries(W.strategies) as [Strategy, string][];
/** While somebody types, the plan is not asked for. */
const TYPING_MS = 300;

export function Deploy({ record }: { record: Version }) {
  const { route } = useLocation();
  const [wish, setWish] = useState<Wish>({
    version: record.version,
    strategy: "canary",
    environment: "production",
    steps: "",
    maxErrors: "",
    reason: "",
  });
  const set = (key: keyof Wish) => (value: string) => {
    setWish((before) => ({ ...before, [key]: value }));
  };
  const run = async () => {
    const begun = await answered(
      api.POST("/api/models/{name}/deploy", {
        params: { path: { name: record.name }, header: once() },
        body: deployBody(wish),
      }),
    );
    route(paths.deployment(begun.id));
  };
  return (
    <Action
      label={W.deploy}
      kind="main"
      effect={<Effect record={record} wish={wish} />}
      line={line(...deployWords(record.name, wish))}
      run={run}
    >
      <Choice label={W.strategy} value={wish.strategy} options={STRATEGIES} onInput={set("strategy")} />
      <Field label={W.environment} value={wish.environment} onInput={set("environment")} required />
      {hasSteps(wish.strategy) && (
        <Field label={W.steps} help={W.stepsHelp} value={wish.steps} onInput={set("steps")} placeholder="10,50,100" />
      )}
      <Field label={W.maxErrors} help={W.maxErrorsHelp} value={wish.maxErrors} onInput={set("maxErrors")} />
      <Field label={words.common.reason} help={words.common.reasonHelp} value={wish.reason} onInput={set("reason")} />
    </Action>
  );
}

/** A text as it was some time after the last change. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => {
      setSettled(text);
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [text]);
  return settled;
}

function Effect({ record, wish }: { record: Version; wish: Wish }) {
  const asked = useSettled(JSON.stringify({ ...deployBody({ ...wish, reason: "" }), dry_run: true }));
  const plan = useData(`${record.id} ${asked}`, (signal) =>
    answered(
      api.POST("/api/models/{name}/deploy", {
        params: { path: { name: record.name } },
        body: JSON.parse(asked) as ReturnType<typeof deployBody>,
        signal,
      }),
    ),
  );
  return (
    <div class="effect tall" aria-live="polite">
      <p>{W.effects[wish.strategy as Strategy]}</p>
      <Loaded data={plan}>
        {(value) => (
          <>
            <p>{value.base == null || value.base === "" ? W.first(value.environment) : W.replaces(value.base, value.environment)}</p>
            <ol class="steps" aria-label={W.plan}>
              {told(value.plan, value.version_id).map((one, place) => (
                <li key={place}>{one}</li>
              ))}
            </ol>
            {value.plan.bake_seconds > 0 && <p>{W.bakes(seconds(value.plan.bake_seconds))}</p>}
          </>
        )}
      </Loaded>
    </div>
  );
}
