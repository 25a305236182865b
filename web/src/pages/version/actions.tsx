/** What one can do with a version. */

import { useState } from "preact/hooks";

import { answered, api, once, type Schemas } from "../../api/client";
import { paths } from "../../paths";
import { Action, Choice, Field } from "../../ui/action";
import { line } from "../../ui/command";
import { words } from "../../words";
import { versionWords } from "../../words/version";
import { Deploy } from "./deploy";
import { Move, Request } from "./move";
import { gatedFirst, isExclusive } from "./moves";

type Version = Schemas["VersionRecord"];
const W = versionWords.actions;

interface Props {
  record: Version;
  model: Schemas["ModelRecord"] | undefined;
  graph: Schemas["GraphRecord"] | undefined;
  onDone: () => void;
}

export function Actions({ record, model, graph, onDone }: Props) {
  const stages = graph === undefined ? [] : gatedFirst(graph, record.stage);
  const held = model?.stages?.["production"];
  return (
    <>
      <Deploy record={record} />
      {stages.length > 0 && (
        <>
          <Move record={record} stages={stages} onDone={onDone} />
          <Request record={record} stages={stages} />
        </>
      )}
      <SetAlias record={record} aliases={model?.aliases ?? {}} onDone={onDone} />
      {record.deprecated ? <Undo record={record} onDone={onDone} /> : <Deprecate record={record} onDone={onDone} />}
      <Rollbacks record={record} graph={graph} onDone={onDone} />
      {held !== undefined && held !== record.version && (
        <a
          class="button"
          href={paths.compare([`${record.name}/${held}`, `${record.name}/${record.version}`])}
        >
          {versionWords.compare}
        </a>
      )}
    </>
  );
}

function SetAlias({ record, aliases, onDone }: { record: Version; aliases: Record<string, string>; onDone: () => void }) {
  const [given, setGiven] = useState("");
  const alias = given.trim();
  const held = aliases[alias];
  const reference = `${record.name}@${alias}`;
  return (
    <Action
      label={W.alias}
      effect={aliasEffect(reference, held, record.version)}
      line={line("alias", record.name, alias === "" ? "ALIAS" : alias, record.version)}
      run={() =>
        answered(
          api.PUT("/api/models/{name}/aliases/{alias}", {
            params: { path: { name: record.name, alias }, header: once() },
            body: { version: record.version },
          }),
        )
      }
      onDone={onDone}
    >
      <Field label={W.aliasName} value={given} onInput={setGiven} help={W.aliasHelp} required pattern="[\w\-]+" />
    </Action>
  );
}

function aliasEffect(reference: string, held: string | undefined, version: string): string {
  if (reference.endsWith("@")) return W.aliasEmpty;
  if (held === undefined) return W.aliasEffect(reference, version);
  return held === version ? W.aliasSame(reference, version) : W.aliasMoves(reference, held, version);
}

function Deprecate({ record, onDone }: { record: Version; onDone: () => void }) {
  const [reason, setReason] = useState("");
  const [successor, setSuccessor] = useState("");
  const reference = `${record.name}/${record.version}`;
  const more = successor.trim() === "" ? [] : ["--successor", successor.trim()];
  return (
    <Action
      label={W.deprecate}
      kind="danger"
      effect={W.deprecateEffect(reference)}
      line={line("deprecate", reference, "--reason", reason === "" ? "WHY" : reason, ...more)}
      run={() => deprecated(reference, { reason, successor: successor.trim(), undo: false })}
      onDone={onDone}
    >
      <Field label={words.common.reason} help={words.common.reasonHelp} value={reason} onInput={setReason} required />
      <Field label={W.successor} help={W.successorHelp} value={successor} onInput={setSuccessor} />
    </Action>
  );
}

function Undo({ record, onDone }: { record: Version; onDone: () => void }) {
  const reference = `${record.name}/${record.version}`;
  return (
    <Action
      label={W.undo}
      effect={W.undoEffect(reference)}
      line={line("deprecate", reference, "--undo")}
      run={() => deprecated(reference, { reason: "", successor: "", undo: true })}
      onDone={onDone}
    />
  );
}

function deprecated(reference: string, body: { reason: string; successor: string; undo: boolean }): Promise<Version> {
  const params = { path: { reference }, header: once() };
  return answered(api.POST("/api/models/{reference}/deprecate", { params, body }));
}

/** One for each place that the version can be taken back from: an endpoint that it serves, a stage that it holds. */
function Rollbacks({ record, graph, onDone }: Omit<Props, "model">) {
  const served = Object.keys(record.serving ?? {});
  return (
    <>
      {served.map((environment) => (
        <Rollback
          key={environment}
          record={record}
          place={environment}
          effect={W.rollbackServing(record.name, environment, record.version)}
          target={{ stage: "", environment }}
          onDone={onDone}
        />
      ))}
      {isExclusive(graph, record.stage) && !served.includes(record.stage) && (
        <Rollback
          record={record}
          place={record.stage}
          effect={W.rollbackStage(record.stage, record.version)}
          target={{ stage: record.stage, environment: "" }}
          onDone={onDone}
        />
      )}
    </>
  );
}

interface RollbackProps {
  record: Version;
  place: string;
  effect: string;
  target: { stage: string; environment: string };
  onDone: () => void;
}

function Rollback({ record, place, effect, target, onDone }: RollbackProps) {
  const [reason, setReason] = useState("");
  const [fault, setFault] = useState("yes");
  const where = target.stage === "" ? ["--environment", target.environment] : ["--stage", target.stage];
  const more = [...(reason === "" ? [] : ["--reason", reason]), ...(fault === "yes" ? [] : ["--not-at-fault"])];
  return (
    <Action
      label={W.rollback(place)}
      kind="danger"
      effect={effect}
      line={line("rollback", record.name, ...where, ...more)}
      run={() =>
        answered(
          api.POST("/api/models/{reference}/rollback", {
            params: { path: { reference: record.name }, header: once() },
            body: { version: null, snapshot: "", dry_run: false, force: false, reason, deprecate: fault === "yes", ...target },
          }),
        )
      }
      onDone={onDone}
    >
      <Choice
        label={W.fault}
        value={fault}
        onInput={setFault}
        options={[
          ["yes", W.faultYes],
          ["no", W.faultNo],
        ]}
      />
      <Field label={words.common.reason} help={words.common.reasonHelp} value={reason} onInput={setReason} />
    </Action>
  );
}
