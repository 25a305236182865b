/** People with what they were granted; programs have a page of their own (`pages/agents`). */

import { useState } from "preact/hooks";

import { answered, api, once, type Schemas } from "../../api/client";
import { useData } from "../../data/use";
import { paths } from "../../paths";
import { Action, Field } from "../../ui/action";
import { Badge } from "../../ui/badges";
import { line } from "../../ui/command";
import { Frame } from "../../ui/frame";
import { Empty, Loaded, Some } from "../../ui/notices";
import { Section } from "../../ui/page";
import { Time } from "../../ui/values";
import { number } from "../../words";
import { peopleWords as words } from "../../words/people";
import { GrantFields } from "./grant-fields";
import { draftOf, grantsOf, grantsText, grantText, NOTHING, optionsOf } from "./grants";
import { isAboutAccounts, principals } from "./lists";

export type User = Schemas["PrincipalRecord"];
const said = words.users;

export function Users() {
  const data = useData("users", (signal) => principals("user", signal), { on: isAboutAccounts });
  return (
    <Section title={said.title} actions={<NewUser onDone={data.reload} />}>
      <p class="faint">
        <a href={paths.agents()}>{said.agents}</a>
      </p>
      <Loaded data={data}>
        {(users) =>
          users.length === 0 ? (
            <Empty text={said.empty} command={line("user", "create", "ana@example.com", "--role", "admin")} />
          ) : (
            <Some items={users}>{(shown) => <Table users={shown} reload={data.reload} />}</Some>
          )
        }
      </Loaded>
    </Section>
  );
}

function Table({ users, reload }: { users: User[]; reload: () => void }) {
  return (
    <Frame label={said.title}>
      <table aria-label={said.title}>
        <thead>
          <tr>
            {[said.name, said.grants].map((one) => (
              <th key={one} scope="col">
                {one}
              </th>
            ))}
            <th scope="col" data-numbers>
              {said.tokens}
            </th>
            <th scope="col">{said.since}</th>
            <th scope="col">
              <span class="hidden-text">{words.actions}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {users.map((one) => (
            <Row key={one.name} user={one} reload={reload} />
          ))}
        </tbody>
      </table>
    </Frame>
  );
}

function Row({ user, reload }: { user: User; reload: () => void }) {
  return (
    <tr>
      <th scope="row">
        <span class="name">{user.name}</span> {user.disabled && <Badge kind="warn">{said.disabled}</Badge>}
      </th>
      <td class="wide">
        <ul class="plain">
          {user.grants.map((one) => (
            <li key={grantText(one)}>{grantText(one)}</li>
          ))}
          {user.grants.length === 0 && <li class="faint">{said.nothing}</li>}
        </ul>
      </td>
      <td data-numbers>{number(user.tokens)}</td>
      <td>
        <Time at={user.created_at} />
      </td>
      <td>
        <div class="row tight">
          <Change key={user.revision} user={user} onDone={reload} />
          <Switch user={user} onDone={reload} />
        </div>
      </td>
    </tr>
  );
}

function NewUser({ onDone }: { onDone: () => void }) {
  const [name, setName] = useState("");
  const [draft, setDraft] = useState({ ...NOTHING, role: "viewer" });
  return (
    <Action
      label={said.new}
      kind="main"
      effect={said.newEffect}
      line={line("user", "create", name === "" ? "NAME" : name, ...optionsOf(draft))}
      run={() =>
        answered(
          api.POST("/api/users", {
            body: { name: name.trim(), kind: "user", grants: grantsOf(draft) },
            params: { header: once() },
          }),
        )
      }
      onDone={() => {
        setName("");
        onDone();
      }}
    >
      <Field label={said.name} value={name} onInput={setName} placeholder="ana@example.com" autoComplete="off" required />
      <GrantFields draft={draft} onInput={setDraft} />
    </Action>
  );
}

function header(user: User): { "Idempotency-Key": string; "If-Match": string } {
  return { ...once(), "If-Match": `"${String(user.revision)}"` };
}

export function Change({ user, onDone }: { user: User; onDone: () => void }) {
  const [draft, setDraft] = useState(() => draftOf(user.grants));
  const options = optionsOf(draft);
  return (
    <Action
      label={said.change}
      effect={said.changeEffect(user.name, grantsText(user.grants))}
      line={line("user", "update", user.name, ...(options.length === 0 ? ["--nothing"] : options))}
      run={() =>
        answered(
          api.PATCH("/api/users/{name}", {
            params: { path: { name: user.name }, header: header(user) },
            body: { grants: grantsOf(draft), disabled: null },
          }),
        )
      }
      onDone={onDone}
    >
      <GrantFields draft={draft} onInput={setDraft} />
    </Action>
  );
}

export function Switch({ user, onDone }: { user: User; onDone: () => void }) {
  const { name, disabled } = user;
  return (
    <Action
      label={disabled ? said.enable : said.disable}
      kind={disabled ? "plain" : "danger"}
      effect={disabled ? said.enableEffect(name) : said.disableEffect(name)}
      line={line("user", disabled ? "enable" : "disable", name)}
      run={() =>
        answered(
          api.PATCH("/api/users/{name}", { params: { path: { name }, header: header(user) }, body: { grants: null, disabled: !disabled } }),
        )
      }
      onDone={onDone}
    />
  );
}
