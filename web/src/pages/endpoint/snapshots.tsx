/** Snapshots: what the endpoint was, what differs, and how to bring it back. */

import { useState } from "preact/hooks";

import { answered, api, once, type Schemas } from "../../api/client";
import { usePlace } from "../../data/address";
import { useData } from "../../data/use";
import { Action, Choice, Field } from "../../ui/action";
import { Badge } from "../../ui/badges";
import { line } from "../../ui/command";
import { Empty, Loaded } from "../../ui/notices";
import { Time } from "../../ui/values";
import { counted, language, number, words } from "../../words";
import { endpointWords as endpoint } from "../../words/endpoint";
import { Frame, Head } from "../../ui/frame";
import { type Whole, whole } from "../deployment/whole";
import { Changes } from "./changes";
import type { Endpoint } from "./served";

const told = endpoint.snapshots;
const PAGE = 50;

type Snapshot = Whole<Schemas["SnapshotRecord"]>;

interface Props {
  one: Endpoint;
  onDone: () => void;
}

export function Snapshots({ one, onDone }: Props) {
  const { name, environment } = one;
  const data = useData(
    `snapshots ${name}\n${environment}\n${String(one.epoch)}`,
    (signal) =>
      whole(
        answered(
          api.GET("/api/models/{name}/snapshots", {
            params: { path: { name }, query: { environment, limit: PAGE } },
            signal,
          }),
        ),
      ),
    { on: (event) => event.model === name },
  );
  return (
    <Loaded data={data}>
      {({ snapshots }) =>
        snapshots.length === 0 ? (
          <Empty text={told.none} command={line("snapshot", "create", name, "--environment", environment)} />
        ) : (
          <div class="stack">
            <Comparison snapshots={snapshots} epoch={one.epoch} />
            <List snapshots={snapshots} onDone={onDone} />
          </div>
        )
      }
    </Loaded>
  );
}

function List({ snapshots, onDone }: { snapshots: Snapshot[]; onDone: () => void }) {
  return (
    <Frame label={told.caption}>
      <table>
        <caption>{told.caption}</caption>
        <Head of={[told.taken, told.version, told.state, told.epoch, told.why, told.actions]} />
        <tbody>
          {snapshots.map((one) => (
            <tr key={one.id}>
              <td>
                <Time at={one.created_at} />
              </td>
              <th scope="row">{one.version ?? endpoint.history.nothing}</th>
              <td>
                <Badge kind={one.healthy ? "good" : "plain"}>{one.healthy ? told.healthy : told.unhealthy}</Badge>
              </td>
              <td class="numbers">{number(one.epoch)}</td>
              <td class="reason">{one.reason}</td>
              <td>
                <Restore one={one} onDone={onDone} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Frame>
  );
}

function restore(id: string, reason: string, isDry: boolean) {
  const body = { reason, dry_run: isDry, force: false };
  return answered(api.POST("/api/snapshots/{id}/restore", { params: { path: { id }, header: once() }, body }));
}

function Restore({ one, onDone }: { one: Snapshot; onDone: () => void }) {
  const [reason, setReason] = useState("");
  return (
    <Action
      label={told.restore}
      kind="danger"
      effect={<Rehearsal one={one} />}
      line={line("snapshot", "restore", one.id, ...(reason === "" ? [] : ["--reason", reason]))}
      run={() => restore(one.id, reason, false)}
      onDone={onDone}
    >
      <Field label={words.common.reason} help={words.common.reasonHelp} value={reason} onInput={setReason} />
    </Action>
  );
}

function Rehearsal({ one }: { one: Snapshot }) {
  const data = useData(`restore ${one.id}`, () => restore(one.id, "", true));
  return (
    <>
      <p>{one.version === null ? told.restoresNone : told.restores(one.version)}</p>
      <Loaded data={data}>
        {(plan) => (
          <details>
            <summary>{endpoint.rollback.changes(counted(plan.changes?.length ?? 0, "difference", "differences"))}</summary>
            <Changes changes={plan.changes ?? []} />
          </details>
        )}
      </Loaded>
    </>
  );
}

/** What differs between two, chosen in the address. */
function Comparison({ snapshots, epoch }: { snapshots: Snapshot[]; epoch: number }) {
  const { query, path, route } = usePlace();
  const from = query.from ?? snapshots[0]?.id ?? "";
  const to = query.to ?? "";
  const go = (change: Record<string, string>) => {
    const kept = new URLSearchParams({ ...query, tab: "snapshots", from, to, ...change });
    if (kept.get("to") === "") kept.delete("to");
    route(`${path}?${kept.toString()}`, true);
  };
  const options = snapshots.map((one) => [one.id, nameOf(one)] as const);
  const known = options.some(([id]) => id === from) ? options : [[from, from] as const, ...options];
  return (
    <div class="card section">
      <div class="filters">
        <Choice label={told.from} value={from} options={known} onInput={(id) => { go({ from: id }); }} />
        <Choice
          label={told.to}
          value={to}
          options={[["", told.now], ...options]}
          onInput={(id) => {
            go({ to: id });
          }}
        />
      </div>
      <Difference key={`${from} ${to}`} from={from} to={to} epoch={epoch} />
    </div>
  );
}

function nameOf(one: Snapshot): string {
  const at = new Date(one.created_at).toLocaleString(language, { dateStyle: "short", timeStyle: "medium" });
  return told.one(at, one.version ?? endpoint.history.nothing);
}

function Difference({ from, to, epoch }: { from: string; to: string; epoch: number }) {
  const data = useData(`difference ${from} ${to} ${String(epoch)}`, (signal) =>
    answered(
      api.GET("/api/snapshots/{id}/diff", {
        params: { path: { id: from }, ...(to === "" ? {} : { query: { other: to } }) },
        signal,
      }),
    ),
  );
  return <Loaded data={data}>{(found) => <Changes changes={found.changes ?? []} />}</Loaded>;
}

export function TakeSnapshot({ one, onDone }: Props) {
  const [reason, setReason] = useState("");
  const { name, environment } = one;
  return (
    <Action
      label={told.take}
      effect={<p>{told.takes(name)}</p>}
      line={line("snapshot", "create", name, "--environment", environment, ...(reason === "" ? [] : ["--reason", reason]))}
      run={() =>
        answered(
          api.POST("/api/models/{name}/snapshots", {
            params: { path: { name }, header: once() },
            body: { environment, reason },
          }),
        )
      }
      onDone={onDone}
    >
      <Field label={words.common.reason} help={words.common.reasonHelp} value={reason} onInput={setReason} />
    </Action>
  );
}
