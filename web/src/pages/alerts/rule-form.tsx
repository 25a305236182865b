/** The form of a rule: each kind asks for what it needs. */

import { useState } from "preact/hooks";

import { answered, api, once, type Schemas } from "../../api/client";
import { Action, Check, Choice, Field } from "../../ui/action";
import { alertsWords as words } from "../../words/alerts";
import { type Draft, draftOf, type Rule, ruleLine, ruleOf, USUAL } from "./rules";

const said = words.rules;
const UNITS: Record<string, string> = {
  error_rate: said.units.share,
  success_rate: said.units.percent,
  p50: said.units.seconds,
  p95: said.units.seconds,
  p99: said.units.seconds,
};
type Set = (change: Partial<Draft>) => void;

export function RuleAction({ row, onDone }: { row?: Schemas["AlertRuleRecord"]; onDone: () => void }) {
  const before = row === undefined ? USUAL : (row.rule as Rule);
  const [draft, setDraft] = useState(() => draftOf(row?.name ?? "", before));
  const set: Set = (change) => {
    setDraft((now) => ({ ...now, ...change }));
  };
  const rule = ruleOf(draft, before);
  const header = row === undefined ? once() : { ...once(), "If-Match": `"${String(row.revision)}"` };
  return (
    <Action
      label={row === undefined ? said.set : said.edit}
      kind={row === undefined ? "main" : "plain"}
      effect={said.effect}
      line={ruleLine(draft.name, rule)}
      run={() => answered(api.PUT("/api/alerts/rules/{name}", { params: { path: { name: draft.name }, header }, body: { rule } }))}
      onDone={onDone}
    >
      {row === undefined && (
        <Field label={said.fields.name} value={draft.name} onInput={(name) => { set({ name }); }} required />
      )}
      <Choice label={said.fields.kind} value={draft.kind} options={Object.entries(said.kinds)} onInput={(kind) => { set({ kind }); }} />
      <Condition draft={draft} set={set} />
      <Where draft={draft} set={set} />
      <div class="field-grid">
        <Choice
          label={said.severity}
          value={draft.severity}
          options={Object.entries(words.filters.severities)}
          onInput={(severity) => { set({ severity }); }}
        />
        <Field label={said.fields.min} type="number" value={draft.min} onInput={(min) => { set({ min }); }} />
      </div>
      <Field label={said.fields.description} value={draft.description} onInput={(description) => { set({ description }); }} />
      <Check label={said.fields.enabled} isOn={draft.enabled} onInput={(enabled) => { set({ enabled }); }} />
    </Action>
  );
}

function Condition({ draft, set }: { draft: Draft; set: Set }) {
  const isFigure = draft.kind === "threshold" || draft.kind === "degradation";
  return (
    <div class="field-grid">
      {isFigure && (
        <Choice label={said.fields.metric} value={draft.metric} options={Object.entries(said.metrics)} onInput={(metric) => { set({ metric }); }} />
      )}
      {draft.kind === "threshold" && (
        <Choice label={said.fields.bound} value={draft.bound} options={Object.entries(said.bounds)} onInput={(bound) => { set({ bound }); }} />
      )}
      {(draft.kind === "threshold" || draft.kind === "drift") && (
        <Field
          label={said.fields.limit}
          help={draft.kind === "drift" ? said.units.psi : (UNITS[draft.metric] ?? said.units.amount)}
          value={draft.limit}
          onInput={(limit) => { set({ limit }); }}
          required={draft.kind === "threshold"}
        />
      )}
      {draft.kind === "degradation" && (
        <Field label={said.fields.ratio} value={draft.ratio} onInput={(ratio) => { set({ ratio }); }} required />
      )}
      {draft.kind === "burn_rate" ? (
        <Field label={said.fields.objective} value={draft.objective} onInput={(objective) => { set({ objective }); }} required />
      ) : (
        <Field label={said.fields.window} type="number" value={draft.window} onInput={(window) => { set({ window }); }} required />
      )}
      <Field label={said.fields.for} type="number" value={draft.lasting} onInput={(lasting) => { set({ lasting }); }} />
    </div>
  );
}

function Where({ draft, set }: { draft: Draft; set: Set }) {
  return (
    <>
      <div class="field-grid">
        <Field label={words.match.model} value={draft.model} onInput={(model) => { set({ model }); }} />
        <Field label={words.match.environment} value={draft.environment} onInput={(environment) => { set({ environment }); }} />
        <Field label={words.match.version} value={draft.version} onInput={(version) => { set({ version }); }} />
      </div>
      <p class="faint">{words.matchHelp}</p>
    </>
  );
}
