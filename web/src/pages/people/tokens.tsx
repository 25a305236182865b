/** Tokens: made, replaced, ended. The text of one is shown once, when it is made. */

import { useState } from "preact/hooks";

import { answered, api, once, type Schemas } from "../../api/client";
import { useAddress } from "../../data/address";
import { useData } from "../../data/use";
import { Action, Check, Field } from "../../ui/action";
import { Badge, type Kind } from "../../ui/badges";
import { line } from "../../ui/command";
import { Frame, Head } from "../../ui/frame";
import { Empty, Loaded, Some } from "../../ui/notices";
import { Section } from "../../ui/page";
import { Secret } from "../../ui/secret";
import { Time } from "../../ui/values";
import { words as everywhere } from "../../words";
import { peopleWords as words } from "../../words/people";
import { GrantFields } from "./grant-fields";
import { type Draft, grantsOf, grantsText, NOTHING, optionsOf } from "./grants";
import { isAboutAccounts, tokens } from "./lists";

export type Token = Schemas["TokenRecord"];
export type Issued = Schemas["IssuedToken"];
const said = words.tokens;
const KINDS: Record<string, Kind> = { active: "good", expired: "warn", revoked: "plain" };

export function Tokens() {
  const [query, change] = useAddress();
  const [issued, setIssued] = useState<Issued>();
  const withEnded = query.ended === "yes";
  const data = useData(
    `tokens ${String(withEnded)}`,
    (signal) => tokens(withEnded, signal),
    { on: isAboutAccounts, keeps: true },
  );
  const take = (token: Issued) => {
    setIssued(token);
    data.reload();
  };
  return (
    <Section title={said.title} actions={<NewToken onIssued={take} />}>
      {issued !== undefined && (
        <Secret
          text={said.shown(issued.principal)}
          secret={issued.token}
          onClose={() => {
            setIssued(undefined);
          }}
        />
      )}
      <Check
        label={said.ended}
        isOn={withEnded}
        onInput={(isOn) => {
          change({ ended: isOn ? "yes" : undefined });
        }}
      />
      <Loaded data={data}>
        {(found) =>
          found.length === 0 ? (
            <Empty text={said.empty} command={line("token", "create", "ci", "--role", "developer", "--expires", "90d")} />
          ) : (
            <Some items={found}>{(shown) => <Table tokens={shown} reload={data.reload} onIssued={take} />}</Some>
          )
        }
      </Loaded>
    </Section>
  );
}

function Table({ tokens: rows, reload, onIssued }: { tokens: Token[]; reload: () => void; onIssued: (token: Issued) => void }) {
  return (
    <Frame label={said.title}>
      <table aria-label={said.title}>
        <Head of={[said.of, said.what, said.may, said.ends, said.used]} hidden={words.actions} />
        <tbody>
          {rows.map((one) => (
            <Row key={one.id} token={one} reload={reload} onIssued={onIssued} />
          ))}
        </tbody>
      </table>
    </Frame>
  );
}

function Row({ token, reload, onIssued }: { token: Token; reload: () => void; onIssued: (token: Issued) => void }) {
  const { id, principal, state, expires_at: ends, last_used_at: used } = token;
  return (
    <tr>
      <th scope="row">
        <span class="name">{principal}</span> <Badge kind={KINDS[state] ?? "plain"}>{state}</Badge>
        <div class="faint mono">{id}</div>
      </th>
      <td>{token.description}</td>
      <td>{token.grants === null ? said.all : grantsText(token.grants)}</td>
      <td>{typeof ends === "string" ? <Time at={ends} /> : everywhere.common.never}</td>
      <td>{typeof used === "string" ? <Time at={used} /> : everywhere.common.never}</td>
      <td>
        {state === "active" && <TokenActions token={token} reload={reload} onIssued={onIssued} />}
      </td>
    </tr>
  );
}

export function TokenActions({ token, reload, onIssued }: { token: Token; reload: () => void; onIssued: (token: Issued) => void }) {
  const { id, principal } = token;
  return (
    <div class="row tight">
      <Rotate token={token} onIssued={onIssued} />
      <Action
        label={said.revoke}
        kind="danger"
        effect={said.revokeEffect(principal)}
        line={line("token", "revoke", id)}
        run={() => answered(api.DELETE("/api/tokens/{token}", { params: { path: { token: id }, header: once() } }))}
        onDone={reload}
      />
    </div>
  );
}

function Rotate({ token, onIssued }: { token: Token; onIssued: (token: Issued) => void }) {
  const [overlap, setOverlap] = useState("");
  const [expires, setExpires] = useState("");
  const given = [...(overlap === "" ? [] : ["--overlap", overlap]), ...(expires === "" ? [] : ["--expires", expires])];
  return (
    <Action
      label={said.rotate}
      effect={said.rotateEffect}
      line={line("token", "rotate", token.id, ...given)}
      run={async () => {
        const header = once();
        onIssued(
          await answered(
            api.POST("/api/tokens/{token}/rotate", { params: { path: { token: token.id }, header }, body: { overlap, expires } }),
          ),
        );
      }}
    >
      <Field label={said.overlap} help={said.overlapHelp} value={overlap} onInput={setOverlap} />
      <Field label={said.expires} help={said.expiresHelp} value={expires} onInput={setExpires} />
    </Action>
  );
}

interface NewProps {
  onIssued: (token: Issued) => void;
  /** Of whom; asked for where it is left out. */
  of?: string;
  label?: string;
  effect?: string;
  /** What it may do, unless something else is chosen. */
  start?: Draft;
}

export function NewToken({ onIssued, of = "", label = said.new, effect = said.newEffect, start = NOTHING }: NewProps) {
  const [principal, setPrincipal] = useState(of);
  const [expires, setExpires] = useState("90d");
  const [description, setDescription] = useState("");
  const [draft, setDraft] = useState(start);
  const given = [
    ...optionsOf(draft),
    ...(expires === "" ? [] : ["--expires", expires]),
    ...(description === "" ? [] : ["--description", description]),
  ];
  return (
    <Action
      label={label}
      kind={of === "" ? "main" : "plain"}
      effect={effect}
      line={line("token", "create", principal === "" ? "NAME" : principal, ...given)}
      run={async () => {
        const body = { principal: principal.trim(), grants: grantsOf(draft), expires, description };
        onIssued(await answered(api.POST("/api/tokens", { body, params: { header: once() } })));
      }}
    >
      {of === "" && (
        <Field label={said.owner} help={said.ownerHelp} value={principal} onInput={setPrincipal} autoComplete="off" required />
      )}
      <Field label={said.expires} help={said.expiresHelp} value={expires} onInput={setExpires} />
      <Field label={said.description} value={description} onInput={setDescription} />
      <GrantFields draft={draft} onInput={setDraft} none={said.limitsAll} />
    </Action>
  );
}
