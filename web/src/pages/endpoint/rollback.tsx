/** Rolling an endpoint back: what would change is asked of the server first, and shown. */

import { useEffect, useState } from "preact/hooks";

import { answered, api, once } from "../../api/client";
import { useData } from "../../data/use";
import { Action, Choice, Field } from "../../ui/action";
import { line } from "../../ui/command";
import { Loaded } from "../../ui/notices";
import { counted, words } from "../../words";
import { endpointWords as endpoint } from "../../words/endpoint";
import { Changes } from "./changes";

const told = endpoint.rollback;
const SETTLED_MS = 500;

interface Props {
  name: string;
  environment: string;
  onDone: () => void;
}

export function RollbackAction({ name, environment, onDone }: Props) {
  const [reason, setReason] = useState("");
  const [isAtFault, setAtFault] = useState("yes");
  const deprecate = isAtFault === "yes";
  const [typed, setTyped] = useState("");
  const to = typed.trim();
  const settled = useSettled(to);
  return (
    <Action
      label={told.label}
      kind="danger"
      effect={<Rehearsal name={name} environment={environment} deprecate={deprecate} to={settled} />}
      line={line(
        "rollback",
        name,
        "--environment",
        environment,
        ...(to === "" ? [] : ["--to", to]),
        ...(deprecate ? [] : ["--not-at-fault"]),
        ...(reason === "" ? [] : ["--reason", reason]),
      )}
      run={() => rollBack(name, { version: to || null, environment, reason, deprecate, dry_run: false })}
      onDone={onDone}
    >
      <Field label={told.to} help={told.toHelp} value={typed} onInput={setTyped} />
      <Choice
        label={told.fault}
        value={isAtFault}
        options={[
          ["yes", told.atFault],
          ["no", told.notAtFault],
        ]}
        onInput={setAtFault}
      />
      <Field label={words.common.reason} help={words.common.reasonHelp} value={reason} onInput={setReason} />
    </Action>
  );
}

function rollBack(
  reference: string,
  given: { version: string | null; environment: string; reason: string; deprecate: boolean; dry_run: boolean },
) {
  const body = { stage: "", snapshot: "", force: false, ...given };
  return answered(
    api.POST("/api/models/{reference}/rollback", { params: { path: { reference }, header: once() }, body }),
  );
}

/** What is typed, once nothing more was typed for a moment. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => {
      setSettled(text);
    }, SETTLED_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [text]);
  return settled;
}

/** What a rollback would do, as the server tells it without doing it. */
interface RehearsalProps {
  name: string;
  environment: string;
  deprecate: boolean;
  to: string;
}

function Rehearsal({ name, environment, deprecate, to }: RehearsalProps) {
  const data = useData(`rehearsal ${name}\n${environment}\n${to}`, () =>
    rollBack(name, { version: to || null, environment, reason: "", deprecate: false, dry_run: true }),
  );
  return (
    <Loaded data={data}>
      {({ endpoint: plan }) =>
        plan ? (
          <div class="section">
            <p>
              {typeof plan.version === "string"
                ? told.effect(plan.left ?? "", plan.version)
                : told.effectNone(plan.left ?? "")}{" "}
              {deprecate && typeof plan.left === "string" && told.deprecates(plan.left)}
            </p>
            <details>
              <summary>{told.changes(counted(plan.changes?.length ?? 0, "difference", "differences"))}</summary>
              <Changes changes={plan.changes ?? []} />
            </details>
          </div>
        ) : null
      }
    </Loaded>
  );
}
