/** The form of a channel: secrets are named by variables of the server, and never given. */

import { useState } from "preact/hooks";

import { answered, api, once, type Schemas } from "../../api/client";
import { Action, Choice, Field } from "../../ui/action";
import { alertsWords as words } from "../../words/alerts";
import { type Channel, channelLine, channelOf, draftOf, type Member, MEMBERS } from "./channel";

const said = words.channels;
const FIELDS: Partial<Record<Member, { label: string; help?: string; required?: boolean }>> = {
  url: { label: said.fields.url },
  url_env: { label: said.fields.urlEnv, help: said.fields.urlEnvHelp },
  secret_env: { label: said.fields.secretEnv, help: said.fields.secretEnvHelp },
  routing_key_env: { label: said.fields.routingEnv, help: said.fields.routingEnvHelp, required: true },
  host: { label: said.fields.host, required: true },
  username: { label: said.fields.username },
  password_env: { label: said.fields.passwordEnv, help: said.fields.passwordEnvHelp },
  sender: { label: said.fields.sender, required: true },
  recipients: { label: said.fields.recipients, required: true },
  models: { label: said.fields.models, help: said.fields.modelsHelp },
  description: { label: said.fields.description },
};

export function ChannelAction({ row, onDone }: { row?: Schemas["ChannelRecord"]; onDone: () => void }) {
  const before = row?.channel as Channel | undefined;
  const [draft, setDraft] = useState(() => draftOf(row?.name ?? "", before));
  const set = (member: Member) => (value: string) => {
    setDraft((now) => ({ ...now, [member]: value }));
  };
  const header = row === undefined ? once() : { ...once(), "If-Match": `"${String(row.revision)}"` };
  const channel = channelOf(draft, before);
  return (
    <Action
      label={row === undefined ? said.set : said.edit}
      kind={row === undefined ? "main" : "plain"}
      effect={said.effect}
      line={channelLine(draft)}
      run={() => answered(api.PUT("/api/alerts/channels/{name}", { params: { path: { name: draft.name }, header }, body: { channel } }))}
      onDone={onDone}
    >
      {row === undefined && <Field label={said.fields.name} value={draft.name} onInput={set("name")} required />}
      <Choice label={said.fields.kind} value={draft.kind} options={Object.entries(said.kinds)} onInput={set("kind")} />
      {[...(MEMBERS[draft.kind] ?? []), "models" as const].map((member) => {
        const field = FIELDS[member];
        return field === undefined ? null : <Field key={member} {...field} value={draft[member]} onInput={set(member)} />;
      })}
      <Choice
        label={said.fields.severity}
        value={draft.severity}
        options={Object.entries(words.filters.severities)}
        onInput={set("severity")}
      />
      <Field label={said.fields.description} value={draft.description} onInput={set("description")} />
    </Action>
  );
}
