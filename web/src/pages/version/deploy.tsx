/** Beginning to serve a version: the strategy, what it will do, and the plan as the server would make it. */

import { useLocation } from "preact-iso";
import { useEffect, useId, useState } from "preact/hooks";

import { answered, api, once, type Schemas } from "../../api/client";
import { useData } from "../../data/use";
import { paths } from "../../paths";
import { Action, Check, Choice, Field } from "../../ui/action";
import { line } from "../../ui/command";
import { Loaded } from "../../ui/notices";
import { seconds } from "../../ui/values";
import { words } from "../../words";
import { versionWords } from "../../words/version";
import { told } from "./plan";
import { AB, deployBody, deployWords, FIRST, isFor, JUDGE, MORE, type Option, type Share, type Wish } from "./wish";

type Version = Schemas["VersionRecord"];
type Strategy = keyof typeof versionWords.actions.strategies;
const W = versionWords.actions;
const STRATEGIES = Object.entries(W.strategies) as [Strategy, string][];
const LABELS: Record<string, string> = W.options;
const HELPS: Record<string, string | undefined> = W.optionHelps;
const CHOICES: Record<string, Record<string, string> | undefined> = W.choices;
/** While somebody types, the plan is not asked for. */
const TYPING_MS = 300;
const EMPTY: Share = { version: "", share: "" };

export function Deploy({ record }: { record: Version }) {
  const { route } = useLocation();
  const [wish, setWish] = useState<Wish>({
    version: record.version,
    strategy: "canary",
    environment: "production",
    reason: "",
    split: [EMPTY],
    values: {},
  });
  const set = (key: "strategy" | "environment" | "reason") => (value: string) => {
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
  const options = (of: readonly Option[]) =>
    of
      .filter((one) => isFor(one, wish.strategy))
      .map((one) => (
        <OptionField
          key={one.path}
          option={one}
          value={wish.values[one.path] ?? ""}
          onInput={(value) => {
            setWish((before) => ({ ...before, values: { ...before.values, [one.path]: value } }));
          }}
        />
      ));
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
      {wish.strategy === AB && (
        <Split
          name={record.name}
          rows={wish.split}
          onInput={(split) => {
            setWish((before) => ({ ...before, split }));
          }}
        />
      )}
      {options(FIRST)}
      <details>
        <summary>{W.more}</summary>
        <div class="section">{options(MORE)}</div>
      </details>
      <Field label={words.common.reason} help={words.common.reasonHelp} value={wish.reason} onInput={set("reason")} />
    </Action>
  );
}

function OptionField({ option, value, onInput }: { option: Option; value: string; onInput: (value: string) => void }) {
  const { path, kind, usual } = option;
  const label = LABELS[path] ?? path;
  if (kind === "choice") return <Choice label={label} value={value} options={Object.entries(CHOICES[path] ?? {})} onInput={onInput} />;
  if (kind === "yes" || kind === "no") {
    return (
      <Check
        label={label}
        isOn={value !== ""}
        onInput={(isOn) => {
          onInput(isOn ? "x" : "");
        }}
      />
    );
  }
  return (
    <Field
      label={label}
      {...(HELPS[path] === undefined ? {} : { help: HELPS[path] })}
      type={kind === "moment" ? "datetime-local" : "text"}
      placeholder={usual}
      value={value}
      onInput={onInput}
    />
  );
}

/** The shares of other versions. */
function Split({ name, rows, onInput }: { name: string; rows: readonly Share[]; onInput: (rows: readonly Share[]) => void }) {
  const id = useId();
  const versions = useData(`split ${name}`, async (signal) => {
    const found = api.GET("/api/models/{name}/versions", { params: { path: { name }, query: { limit: 100 } }, signal });
    return (await answered(found)).versions;
  });
  const set = (place: number, change: Partial<Share>) => {
    onInput(rows.map((one, at) => (at === place ? { ...one, ...change } : one)));
  };
  return (
    <fieldset class="section">
      <legend>{W.split}</legend>
      <datalist id={id}>
        {(versions.value ?? []).map((one) => (
          <option key={one.id} value={one.version} />
        ))}
      </datalist>
      {rows.map((one, place) => (
        <div key={place} class="field-grid">
          <Field label={W.splitVersion} list={id} value={one.version} onInput={(version) => { set(place, { version }); }} />
          <Field label={W.splitShare} placeholder="50" value={one.share} onInput={(share) => { set(place, { share }); }} />
        </div>
      ))}
      <small class="faint">{W.splitHelp}</small>
      <div>
        <button type="button" class="button" data-kind="small" onClick={() => { onInput([...rows, EMPTY]); }}>
          {W.splitAdd}
        </button>
      </div>
    </fieldset>
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
  const { strategy, values } = wish;
  const winner = (values["options.promote_winner"] ?? "") === "" ? W.names : W.decides;
  return (
    <div class="effect tall" aria-live="polite">
      <p>
        {W.effects[strategy as Strategy]} {isFor(JUDGE, strategy) && W.judged[(values[JUDGE.path] ?? "") as keyof typeof W.judged]}
      </p>
      <Loaded data={plan}>
        {(value) => (
          <>
            <p>{value.base == null || value.base === "" ? W.first(value.environment) : W.replaces(value.base, value.environment)}</p>
            <ol class="steps" aria-label={W.plan}>
              {told(value.plan, value.version_id, strategy === AB ? winner : W.holds).map((one, place) => (
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
