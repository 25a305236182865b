/** What was sent to a webhook, and what still will be. */

import { answered, api, once, type Schemas } from "../../api/client";
import { useData } from "../../data/use";
import { Action } from "../../ui/action";
import { Badge, type Kind } from "../../ui/badges";
import { line } from "../../ui/command";
import { Frame, Head } from "../../ui/frame";
import { Empty, Loaded } from "../../ui/notices";
import { Section } from "../../ui/page";
import { Time } from "../../ui/values";
import { number } from "../../words";
import { storageWords as words } from "../../words/storage";
import type { Webhook } from "./webhooks";

const said = words.webhooks;
const KINDS: Record<string, Kind> = { delivered: "good", pending: "info", dead: "bad" };
const EVERY_S = 3;
type Delivery = Schemas["DeliveryRecord"];

export function Deliveries({ webhook }: { webhook: Webhook }) {
  const title = said.deliveriesOf(webhook.url);
  const data = useData(
    `deliveries ${webhook.id}`,
    async (signal) =>
      (await answered(api.GET("/api/webhooks/{webhook}/deliveries", { params: { path: { webhook: webhook.id } }, signal }))).deliveries ?? [],
    { every: EVERY_S },
  );
  return (
    <Section title={title}>
      <Loaded data={data}>
        {(deliveries) =>
          deliveries.length === 0 ? (
            <Empty text={said.noDeliveries} command={line("webhook", "test", webhook.id)} />
          ) : (
            <Frame label={title}>
              <table aria-label={title}>
                <Head of={[said.event, said.state, said.answer]} hidden={words.actions} />
                <tbody>
                  {deliveries.map((one) => (
                    <Row key={one.id} delivery={one} reload={data.reload} />
                  ))}
                </tbody>
              </table>
            </Frame>
          )
        }
      </Loaded>
    </Section>
  );
}

function Row({ delivery, reload }: { delivery: Delivery; reload: () => void }) {
  const { id, state, webhook_id: webhook } = delivery;
  return (
    <tr>
      <th scope="row" class="wrap">
        {delivery.type} <span class="faint">{delivery.model}</span>
        <div class="faint">
          <Time at={delivery.created_at} />
        </div>
      </th>
      <td>
        <Badge kind={KINDS[state] ?? "plain"}>{state}</Badge>
        {delivery.attempts > 1 && <div class="faint">{words.forwards.attempts(number(delivery.attempts))}</div>}
      </td>
      <td class="wide">
        {delivery.last_status} {delivery.last_error}
        {state === "pending" && (
          <div class="faint">
            {said.due} <Time at={delivery.due_at} />
          </div>
        )}
      </td>
      <td>
        {state !== "pending" && (
          <div class="row tight">
            <Action
              label={said.again}
              effect={said.replayEffect}
              line={line("webhook", "replay", webhook, "--delivery", id)}
              run={() => {
                const body = { delivery: id, dead: false, after: null };
                return answered(api.POST("/api/webhooks/{webhook}/replay", { params: { path: { webhook }, header: once() }, body }));
              }}
              onDone={reload}
            />
          </div>
        )}
      </td>
    </tr>
  );
}
