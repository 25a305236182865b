/** Moving a version to another stage: at once, or by a request that others agree to. */

import { useLocation } from "preact-iso";
import { useState } from "preact/hooks";

import { answered, api, once, type Schemas } from "../../api/client";
import { paths } from "../../paths";
import { Action, Choice, Field } from "../../ui/action";
import { line } from "../../ui/command";
import { Loaded } from "../../ui/notices";
import { counted, words } from "../../words";
import { versionWords } from "../../words/version";
import { useGates } from "./gates";
import { missing } from "./moves";

type Version = Schemas["VersionRecord"];
const W = versionWords.actions;

/** How the choice about whoever stands in the stage is sent, and written on the command line. */
const KEEPING: Record<string, { sent: boolean | null; option: string[] }> = {
  as: { sent: null, option: [] },
  archive: { sent: true, option: ["--archive-previous"] },
  stay: { sent: false, option: ["--keep-previous"] },
};

interface Props {
  record: Version;
  stages: string[];
}

function useStage(stages: string[]): [string, (stage: string) => void] {
  const [stage, setStage] = useState("");
  // The version may have moved since the stage was chosen.
  return [stages.includes(stage) ? stage : (stages[0] ?? ""), setStage];
}

export function Move({ record, stages, onDone }: Props & { onDone: () => void }) {
  const [stage, setStage] = useStage(stages);
  const [keeping, setKeeping] = useState("as");
  const [comment, setComment] = useState("");
  const reference = `${record.name}/${record.version}`;
  const { sent, option } = KEEPING[keeping] ?? { sent: null, option: [] };
  const why = comment === "" ? [] : ["--comment", comment];
  return (
    <Action
      label={W.move}
      effect={<Effect record={record} stage={stage} keeping={keeping} />}
      line={line("promote", reference, "--target-stage", stage, ...option, ...why)}
      run={() =>
        answered(
          api.POST("/api/models/{reference}/promote", {
            params: { path: { reference }, header: once() },
            body: { target_stage: stage, comment, archive_previous: sent },
          }),
        )
      }
      onDone={onDone}
    >
      <Stage stage={stage} stages={stages} onInput={setStage} />
      <Choice
        label={W.keep}
        value={keeping}
        onInput={setKeeping}
        options={[
          ["as", W.keepAs],
          ["archive", W.keepArchive],
          ["stay", W.keepStay],
        ]}
      />
      <Field label={words.common.reason} help={words.common.reasonHelp} value={comment} onInput={setComment} />
    </Action>
  );
}

export function Request({ record, stages }: Props) {
  const { route } = useLocation();
  const [stage, setStage] = useStage(stages);
  const [comment, setComment] = useState("");
  const [expires, setExpires] = useState("");
  const reference = `${record.name}/${record.version}`;
  const more = [...(expires === "" ? [] : ["--expires-after", expires]), ...(comment === "" ? [] : ["--comment", comment])];
  const run = async () => {
    const asked = await answered(
      api.POST("/api/models/{reference}/promotions", {
        params: { path: { reference }, header: once() },
        body: { target_stage: stage, comment, ...(expires === "" ? {} : { expires_after: expires }) },
      }),
    );
    route(paths.promotion(asked.id));
  };
  return (
    <Action
      label={W.request}
      effect={<RequestEffect record={record} stage={stage} />}
      line={line("request", reference, "--target-stage", stage, ...more)}
      run={run}
    >
      <Stage stage={stage} stages={stages} onInput={setStage} />
      <Field label={W.expires} help={W.expiresHelp} value={expires} onInput={setExpires} />
      <Field label={words.common.reason} help={words.common.reasonHelp} value={comment} onInput={setComment} />
    </Action>
  );
}

function Stage({ stage, stages, onInput }: { stage: string; stages: string[]; onInput: (stage: string) => void }) {
  return <Choice label={W.moveTo} value={stage} options={stages.map((one) => [one, one] as const)} onInput={onInput} />;
}

function Effect({ record, stage, keeping }: { record: Version; stage: string; keeping: string }) {
  const report = useGates(record, stage);
  return (
    <div class="effect" aria-live="polite">
      <p>{W.moves(`${record.name} ${record.version}`, record.stage, stage)}</p>
      <Loaded data={report}>
        {(value) => (
          <>
            {effects(value, keeping).map((one) => (
              <p key={one}>{one}</p>
            ))}
          </>
        )}
      </Loaded>
    </div>
  );
}

/** What a move will bring with it, in sentences. */
export function effects(report: Schemas["GateReport"] | null, keeping: string): string[] {
  if (report === null) return [];
  const others = (report.would_replace ?? []).join(", ");
  const names = missing(report).join(", ");
  return [
    others === "" ? "" : keeping === "stay" ? W.stays(others) : W.room(others),
    report.met ? W.gatesMet : W.gatesMissing(names),
    report.approvals_needed > 0 ? W.needsApproval(approvals(report)) : "",
  ].filter((one) => one !== "");
}

function approvals(report: Schemas["GateReport"]): string {
  return counted(report.approvals_needed, versionWords.gates.approval, versionWords.gates.approvalsMany);
}

function RequestEffect({ record, stage }: { record: Version; stage: string }) {
  const report = useGates(record, stage);
  return (
    <div class="effect" aria-live="polite">
      <p>{W.requestEffect(`${record.name} ${record.version}`, record.stage, stage)}</p>
      <Loaded data={report}>
        {(value) =>
          value !== null && (
            <>
              {!value.met && <p>{W.requestGates(missing(value).join(", "))}</p>}
              {value.approvals_needed > 0 && (
                <p>{versionWords.gates.approvals(approvals(value))}</p>
              )}
            </>
          )
        }
      </Loaded>
    </div>
  );
}
