/** What was sent through a channel, and what still will be. */

import { answered, api, type Schemas } from "../../api/client";
import { useData } from "../../data/use";
import { Badge, type Kind } from "../../ui/badges";
import { line } from "../../ui/command";
import { Frame, Head } from "../../ui/frame";
import { Empty, Loaded } from "../../ui/notices";
import { Section } from "../../ui/page";
import { Time } from "../../ui/values";
import { number } from "../../words";
import { alertsWords as words } from "../../words/alerts";

const said = words.channels;
const KINDS: Record<string, Kind> = { sent: "good", waiting: "info", given_up: "bad" };
const EVERY_S = 3;
type Message = Schemas["NotificationRecord"];

export function Messages({ channel }: { channel: string }) {
  const data = useData(
    `messages ${channel}`,
    async (signal) =>
      (await answered(api.GET("/api/alerts/channels/{name}/notifications", { params: { path: { name: channel } }, signal }))).notifications,
    { every: EVERY_S },
  );
  return (
    <Section title={said.messagesOf(channel)}>
      <Loaded data={data}>
        {(messages) =>
          messages.length === 0 ? (
            <Empty text={said.noMessages} command={line("alert", "channel", "test", channel)} />
          ) : (
            <Frame label={said.messagesOf(channel)}>
              <table aria-label={said.messagesOf(channel)}>
                <Head of={[said.state, said.what, said.when]} />
                <tbody>
                  {messages.map((one) => (
                    <Row key={one.id} message={one} />
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

function Row({ message }: { message: Message }) {
  return (
    <tr>
      <td>
        <Badge kind={KINDS[message.state] ?? "plain"}>{message.state.replaceAll("_", " ")}</Badge>
        {message.attempts > 1 && <div class="faint">{said.attempts(number(message.attempts))}</div>}
      </td>
      <td class="wide">
        <ul class="plain">
          {message.alerts.map((one) => (
            <li key={`${one.alert} ${one.event}`}>
              {one.event === "test" ? said.test_message : `${one.event}: ${one.rule}, ${one.summary}`}
            </li>
          ))}
        </ul>
        {message.error !== "" && <span class="faint">{message.error}</span>}
      </td>
      <td>
        <Time at={message.updated_at} />
      </td>
    </tr>
  );
}
