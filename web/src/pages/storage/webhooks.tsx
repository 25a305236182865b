/** Webhooks: who is told what happens, and how it goes. */

import { useState } from "preact/hooks";

import { answered, api, type Schemas } from "../../api/client";
import { useAddress } from "../../data/address";
import { useData } from "../../data/use";
import { Badge } from "../../ui/badges";
import { line } from "../../ui/command";
import { Empty, Loaded } from "../../ui/notices";
import { Section } from "../../ui/page";
import { Secret } from "../../ui/secret";
import { number } from "../../words";
import { storageWords as words } from "../../words/storage";
import { Deliveries } from "./deliveries";
import { NewWebhook, WebhookActions } from "./webhook-actions";

export type Webhook = Schemas["WebhookRecord"];
const said = words.webhooks;
/** Deliveries on their way make no event. */
const EVERY_S = 5;
const MOST = 500;

export function Webhooks() {
  const [query, change] = useAddress();
  const [shown, setShown] = useState<{ url: string; secret: string }>();
  const data = useData(
    "webhooks",
    async (signal) => (await answered(api.GET("/api/webhooks", { params: { query: { limit: MOST } }, signal }))).webhooks,
    { on: (event) => event.type.startsWith("webhook."), every: EVERY_S },
  );
  const onSecret = (given: Schemas["WebhookSecret"]) => {
    setShown({ url: given.url, secret: given.secret });
    data.reload();
  };
  const chosen = data.value?.find((one) => one.id === query.webhook);
  return (
    <div class="stack">
      <Section title={said.title} actions={<NewWebhook onSecret={onSecret} />}>
        {shown !== undefined && (
          <Secret
            text={said.secretOf(shown.url)}
            secret={shown.secret}
            onClose={() => {
              setShown(undefined);
            }}
          />
        )}
        <Loaded data={data}>
          {(webhooks) =>
            webhooks.length === 0 ? (
              <Empty text={said.empty} command={line("webhook", "create", "https://example.com/hook", "--events", "version.*")} />
            ) : (
              <ul class="plain stack" aria-label={said.title}>
                {webhooks.map((one) => (
                  <li key={one.id}>
                    <Card
                      webhook={one}
                      reload={data.reload}
                      onSecret={onSecret}
                      onChoose={() => {
                        change({ webhook: one.id });
                      }}
                    />
                  </li>
                ))}
              </ul>
            )
          }
        </Loaded>
      </Section>
      {chosen !== undefined && <Deliveries key={chosen.id} webhook={chosen} />}
    </div>
  );
}

interface CardProps {
  webhook: Webhook;
  reload: () => void;
  onSecret: (given: Schemas["WebhookSecret"]) => void;
  onChoose: () => void;
}

function Card({ webhook, reload, onSecret, onChoose }: CardProps) {
  const { active, pending, dead } = webhook;
  return (
    <article class="card section" aria-label={webhook.url}>
      <div class="row">
        <strong class="mono webhook-url">{webhook.url}</strong>
        {!active && <Badge kind="warn">{said.off}</Badge>}
        {pending > 0 && <Badge kind="info">{said.pending(number(pending))}</Badge>}
        {dead > 0 && <Badge kind="bad">{said.dead(number(dead))}</Badge>}
        {active && pending + dead === 0 && <Badge kind="good">{said.well}</Badge>}
        {webhook.format !== "modelyard" && <Badge>{webhook.format}</Badge>}
      </div>
      <p class="faint webhook-what">
        {said.events(listed(webhook.events, said.all), listed(webhook.models, said.allModels))}
        {webhook.description !== "" && ` · ${webhook.description}`}
      </p>
      <div class="row small">
        <button type="button" class="button" onClick={onChoose}>
          {said.deliveries}
        </button>
        <WebhookActions webhook={webhook} reload={reload} onSecret={onSecret} onSent={onChoose} />
      </div>
    </article>
  );
}

function listed(patterns: readonly string[], all: string): string {
  return patterns.length === 0 || patterns.includes("*") ? all : patterns.join(", ");
}
