/** Tokens: made, replaced, ended. The text of one is shown once, when it is made. */

import { useState } from "preact/hooks";

import { answered, api, once, type Schemas } from "../../api/client";
import { useAddress } from "../../data/address";
import { useData } from "../../data/use";
import { Action, Field } from "../../ui/action";
import { Badge, type Kind } from "../../ui/badges";
import { line } from "../../ui/command";
import { Frame } from "../../ui/frame";
import { Empty, Loaded, Some } from "../../ui/notices";
import { Section } from "../../ui/page";
import { Secret } from "../../ui/secret";
import { Time } from "../../ui/values";
import { words as everywhere } from "../../words";
import { peopleWords as words } from "../../words/people";
import { GrantFields } from "./grant-fields";
import { grantsOf, grantsText, NOTHING, optionsOf } from "./grants";
import { all } from "./pages";

type Token = Schemas["TokenRecord"];
type Issued = Schemas["IssuedToken"];
const said = words.tokens;
const KINDS: Record<string, Kind> = { active: "good", expired: "warn", revoked: "plain" };

export function Tokens() {
  const [query, change] = useAddress();
  const [issued, setIssued] = useState<Issued>();
  const withEnded = query.ended === "yes";
  const data = useData(
    `tokens ${String(withEnded)}`,
    (signal) =>
      all(async (page_token) => {
        const page = await answered(api.GET("/api/tokens", { params: { query: { ended: withEnded, page_token } }, signal }));
        return { items: page.tokens, next: page.next_page_token };
      }),
    { on: (event) => event.type.startsWith("token.") || event.type.startsWith("user."), keeps: true },
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
      <label class="row">
        <input
          type="checkbox"
          checked={withEnded}
          onChange={(event) => {
            change({ ended: event.currentTarget.checked ? "yes" : undefined });
          }}
        />
        {said.ended}
      </label>
      <Loaded data={data}>
        {(tokens) =>
          tokens.length === 0 ? (
            <Empty text={said.empty} command={line("token", "create", "ci", "--role", "developer", "--expires", "90d")} />
          ) : (
            <Some items={tokens}>{(shown) => <Table tokens={shown} reload={data.reload} onIssued={take} />}</Some>
          )
        }
      </Loaded>
    </Section>
  );
}

function Table({ tokens, reload, onIssued }: { tokens: Token[]; reload: () => void; onIssued: (token: Issued) => void }) {
  return (
    <Frame label={said.title}>
      <table aria-label={said.title}>
        <thead>
          <tr>
            {[said.of, said.what, said.may, said.ends, said.used].map((one) => (
              <th key={one} scope="col">
                {one}
              </th>
            ))}
            <th scope="col">
              <span class="hidden-text">{words.actions}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {tokens.map((one) => (
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
        {state === "active" && (
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
        )}
      </td>
    </tr>
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

function NewToken({ onIssued }: { onIssued: (token: Issued) => void }) {
  const [principal, setPrincipal] = useState("");
  const [expires, setExpires] = useState("90d");
  const [description, setDescription] = useState("");
  const [draft, setDraft] = useState(NOTHING);
  const given = [
    ...optionsOf(draft),
    ...(expires === "" ? [] : ["--expires", expires]),
    ...(description === "" ? [] : ["--description", description]),
  ];
  return (
    <Action
      label={said.new}
      kind="main"
      effect={said.newEffect}
      line={line("token", "create", principal === "" ? "NAME" : principal, ...given)}
      run={async () => {
        const body = { principal: principal.trim(), grants: grantsOf(draft), expires, description };
        onIssued(await answered(api.POST("/api/tokens", { body, params: { header: once() } })));
      }}
    >
      <Field label={said.owner} help={said.ownerHelp} value={principal} onInput={setPrincipal} autoComplete="off" required />
      <Field label={said.expires} help={said.expiresHelp} value={expires} onInput={setExpires} />
      <Field label={said.description} value={description} onInput={setDescription} />
      <GrantFields draft={draft} onInput={setDraft} none={said.limitsAll} />
    </Action>
  );
}
