/** What one can do with a webhook. */

import { useState } from "preact/hooks";

import { answered, api, once, type Schemas } from "../../api/client";
import { Action, Choice, Field } from "../../ui/action";
import { line } from "../../ui/command";
import { storageWords as words } from "../../words/storage";
import { listed } from "../alerts/channel";
import type { Webhook } from "./webhooks";

const said = words.webhooks;
type Issued = Schemas["WebhookSecret"];

export function NewWebhook({ onSecret }: { onSecret: (given: Issued) => void }) {
  const [url, setUrl] = useState("");
  const [events, setEvents] = useState("");
  const [models, setModels] = useState("");
  const [description, setDescription] = useState("");
  const [format, setFormat] = useState("modelyard");
  const [name, setName] = useState("");
  const isMlflow = format === "mlflow";
  const told: [string, string][] = [
    ["--events", listed(events).join(",")],
    ["--models", listed(models).join(",")],
    ["--description", description],
    ["--format", isMlflow ? format : ""],
    ["--name", isMlflow ? name : ""],
  ];
  return (
    <Action
      label={said.new}
      kind="main"
      effect={said.newEffect}
      line={line("webhook", "create", url === "" ? "URL" : url, ...told.filter(([, value]) => value !== "").flat())}
      run={async () => {
        const body = { url, events: listed(events), models: listed(models), description, format, name: isMlflow ? name : "" };
        onSecret(await answered(api.POST("/api/webhooks", { body, params: { header: once() } })));
      }}
    >
      <Field label={said.fields.url} type="url" value={url} onInput={setUrl} placeholder="https://" required />
      <Field label={said.fields.events} help={said.fields.eventsHelp} value={events} onInput={setEvents} />
      <Field label={said.fields.models} help={said.fields.modelsHelp} value={models} onInput={setModels} />
      <Field label={said.fields.description} value={description} onInput={setDescription} />
      <Choice label={said.fields.format} value={format} options={Object.entries(said.formats)} onInput={setFormat} />
      {isMlflow && <Field label={said.fields.name} help={said.fields.nameHelp} value={name} onInput={setName} required />}
    </Action>
  );
}

interface Props {
  webhook: Webhook;
  reload: () => void;
  onSecret: (given: Issued) => void;
  /** Something was put in line. */
  onSent: () => void;
}

const UNCHANGED = { url: null, events: null, models: null, description: null, active: null, name: null, secret: null };

export function WebhookActions({ webhook, reload, onSecret, onSent }: Props) {
  const { id, active } = webhook;
  const path = { webhook: id };
  const header = { ...once(), "If-Match": `"${String(webhook.revision)}"` };
  return (
    <>
      <Action
        disabled={!active}
        label={said.test}
        effect={said.testEffect(webhook.url)}
        line={line("webhook", "test", id)}
        run={() => answered(api.POST("/api/webhooks/{webhook}/test", { params: { path, header: once() } }))}
        onDone={onSent}
      />
      <Replay webhook={webhook} onDone={onSent} />
      <Action
        label={said.rotate}
        effect={said.rotateEffect}
        line={line("webhook", "rotate", id)}
        run={async () => {
          const body = { secret: "", overlap_seconds: 86_400 };
          onSecret(await answered(api.POST("/api/webhooks/{webhook}/rotate", { params: { path, header: once() }, body })));
        }}
      />
      <Action
        label={active ? said.pause : said.on}
        effect={active ? said.pauseEffect : said.onEffect}
        line={line("webhook", "update", id, active ? "--inactive" : "--active")}
        run={() => answered(api.PATCH("/api/webhooks/{webhook}", { params: { path, header }, body: { ...UNCHANGED, active: !active } }))}
        onDone={reload}
      />
      <Action
        label={said.delete}
        kind="danger"
        effect={said.deleteEffect}
        line={line("webhook", "delete", id)}
        run={() => answered(api.DELETE("/api/webhooks/{webhook}", { params: { path, header } }))}
        onDone={reload}
      />
    </>
  );
}

function Replay({ webhook, onDone }: { webhook: Webhook; onDone: () => void }) {
  const [which, setWhich] = useState("dead");
  const [after, setAfter] = useState("0");
  const isDead = which === "dead";
  return (
    <Action
      label={said.replay}
      effect={said.replayEffect}
      line={line("webhook", "replay", webhook.id, ...(isDead ? ["--dead"] : ["--after", after]))}
      run={() => {
        const body = { delivery: null, dead: isDead, after: isDead ? null : Number(after) };
        return answered(api.POST("/api/webhooks/{webhook}/replay", { params: { path: { webhook: webhook.id }, header: once() }, body }));
      }}
      onDone={onDone}
    >
      <Choice
        label={said.replayWhich}
        value={which}
        options={[
          ["dead", said.replayDead],
          ["after", said.replayAfter],
        ]}
        onInput={setWhich}
      />
      {!isDead && <Field label={said.sequence} type="number" value={after} onInput={setAfter} required />}
    </Action>
  );
}
