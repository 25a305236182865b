/** What one can do with a deployment. Each is refused if it has moved since it was shown: what was read is what happens. */

import { useState } from "preact/hooks";

import { answered, api, once } from "../../api/client";
import { Action, Choice, Field } from "../../ui/action";
import { line } from "../../ui/command";
import { percent } from "../../ui/values";
import { words } from "../../words";
import { deploymentWords } from "../../words/deployment";
import { RollbackAction } from "../endpoint/rollback";
import {
  type Deployment,
  effectOfAbort,
  effectOfAdvance,
  effectOfFull,
  hasTraffic,
  isBaking,
  isBeforeTraffic,
  isTest,
  stepNow,
  stepText,
} from "./state";

const told = deploymentWords.actions;

interface Props {
  one: Deployment;
  onDone: () => void;
}

export function Actions({ one, onDone }: Props) {
  if (!one.live) {
    return one.state === "SUCCEEDED" ? (
      <RollbackAction name={one.name} environment={one.environment} onDone={onDone} />
    ) : null;
  }
  const isMoving = hasTraffic(one);
  return (
    <>
      {(one.state === "STAGE" || one.state === "BAKE") && <Steer key="pause" one={one} onDone={onDone} what="pause" />}
      {one.state === "PAUSED" && <Steer key="resume" one={one} onDone={onDone} what="resume" />}
      {isMoving && <Onwards one={one} onDone={onDone} />}
      {(isMoving || isBeforeTraffic(one)) && <Steer key="abort" one={one} onDone={onDone} what="abort" />}
    </>
  );
}

function Onwards({ one, onDone }: Props) {
  if (isTest(one)) return <Winner one={one} onDone={onDone} />;
  return (
    <>
      <Advance key="advance" one={one} onDone={onDone} />
      {!isLast(one) && <Advance key="full" one={one} onDone={onDone} full />}
    </>
  );
}

/** Whether the next thing that happens is the end. */
function isLast(one: Deployment): boolean {
  return isBaking(one) || (one.step === one.plan.steps.length - 1 && one.plan.bake_seconds <= 0);
}

function headers(one: Deployment) {
  return { ...once(), "If-Match": `"${String(one.revision)}"` };
}

function effectOf(one: Deployment, what: "pause" | "resume" | "abort"): string {
  if (what === "abort") return effectOfAbort(one);
  const share = percent(one.weight);
  return what === "pause" ? told.pauses(one.version, share) : told.resumes(one.version, share, stepText(one));
}

function useReason() {
  const [reason, setReason] = useState("");
  const field = <Field label={words.common.reason} help={words.common.reasonHelp} value={reason} onInput={setReason} />;
  const flags = reason === "" ? [] : ["--reason", reason];
  return { reason, field, flags };
}

function Steer({ one, onDone, what }: Props & { what: "pause" | "resume" | "abort" }) {
  const { reason, field, flags } = useReason();
  const run = () => {
    const asked = { params: { path: { id: one.id }, header: headers(one) }, body: { reason } };
    if (what === "pause") return answered(api.POST("/api/deployments/{id}/pause", asked));
    if (what === "resume") return answered(api.POST("/api/deployments/{id}/resume", asked));
    return answered(api.POST("/api/deployments/{id}/abort", asked));
  };
  return (
    <Action
      label={told[what]}
      kind={what === "abort" ? "danger" : what === "resume" ? "main" : "plain"}
      effect={<p>{effectOf(one, what)}</p>}
      line={line(what, one.id, ...flags)}
      run={run}
      onDone={onDone}
    >
      {field}
    </Action>
  );
}

function promote(one: Deployment, body: { full: boolean; winner: string; reason: string }) {
  return answered(
    api.POST("/api/deployments/{id}/promote", { params: { path: { id: one.id }, header: headers(one) }, body }),
  );
}

function Advance({ one, onDone, full = false }: Props & { full?: boolean }) {
  const { reason, field, flags } = useReason();
  return (
    <Action
      label={full || isLast(one) ? told.full : told.advance}
      effect={<p>{full ? effectOfFull(one) : effectOfAdvance(one)}</p>}
      line={line("advance", one.id, full ? "--full" : undefined, ...flags)}
      run={() => promote(one, { full, winner: "", reason })}
      onDone={onDone}
    >
      {field}
    </Action>
  );
}

function Winner({ one, onDone }: Props) {
  const { reason, field, flags } = useReason();
  const versions = (stepNow(one)?.arms ?? []).map((arm) => arm.version);
  const [chosen, setChosen] = useState(one.version);
  const others = versions.filter((version) => version !== chosen).join(", ");
  return (
    <Action
      label={deploymentWords.test.end}
      effect={<p>{deploymentWords.test.ends(chosen, others)}</p>}
      line={line("advance", one.id, "--winner", chosen, ...flags)}
      run={() => promote(one, { full: false, winner: chosen, reason })}
      onDone={onDone}
    >
      <Choice
        label={deploymentWords.test.winner}
        value={chosen}
        options={versions.map((version) => [version, version])}
        onInput={setChosen}
      />
      {field}
    </Action>
  );
}
