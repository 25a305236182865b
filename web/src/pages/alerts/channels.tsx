/** Who is told, and how it went. */

import { answered, api, once, type Schemas } from "../../api/client";
import { useAddress } from "../../data/address";
import { useData } from "../../data/use";
import { Action } from "../../ui/action";
import { Badge } from "../../ui/badges";
import { line } from "../../ui/command";
import { Frame, Head } from "../../ui/frame";
import { Empty, Loaded } from "../../ui/notices";
import { Section } from "../../ui/page";
import { number } from "../../words";
import { alertsWords as words } from "../../words/alerts";
import { type Channel, goesTo, hearsOf } from "./channel";
import { ChannelAction } from "./channel-form";
import { Messages } from "./messages";

type Row = Schemas["ChannelRecord"];
const said = words.channels;
const KINDS: Record<string, string> = said.kinds;
/** Messages on their way make no event. */
const EVERY_S = 5;

export function Channels() {
  const [query, change] = useAddress();
  const data = useData("channels", async (signal) => (await answered(api.GET("/api/alerts/channels", { signal }))).channels, { every: EVERY_S });
  const chosen = query.channel;
  return (
    <div class="stack">
      <Section title={said.list} actions={<ChannelAction onDone={data.reload} />}>
        <Loaded data={data}>
          {(channels) =>
            channels.length === 0 ? (
              <Empty
                text={said.empty}
                command="modelyard alert channel set ops --kind slack --url-env OPS_WEBHOOK_URL"
              />
            ) : (
              <Table
                channels={channels}
                reload={data.reload}
                onChoose={(channel) => {
                  change({ channel });
                }}
              />
            )
          }
        </Loaded>
      </Section>
      {chosen !== undefined && <Messages channel={chosen} />}
    </div>
  );
}

interface TableProps {
  channels: Row[];
  reload: () => void;
  onChoose: (name: string) => void;
}

function Table({ channels, reload, onChoose }: TableProps) {
  return (
    <Frame label={said.list}>
      <table aria-label={said.list}>
        <Head of={[said.name, said.to, said.hears, said.stands]} hidden={words.rest.shown} />
        <tbody>
          {channels.map((one) => (
            <tr key={one.name}>
              <th scope="row">
                {one.name}
                {one.channel.description !== "" && <div class="faint">{one.channel.description}</div>}
              </th>
              <td class="wide">
                <Badge>{KINDS[one.channel.kind] ?? one.channel.kind}</Badge> {goesTo(one.channel as Channel)}
              </td>
              <td>{hearsOf(one.channel as Channel)}</td>
              <td class="wide">
                <Standing row={one} />
              </td>
              <td>
                <Actions row={one} reload={reload} onChoose={onChoose} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Frame>
  );
}

function Standing({ row }: { row: Row }) {
  const { waiting, given_up: givenUp } = row;
  return (
    <div class="section">
      <div class="row">
        {!row.channel.active && <Badge kind="warn">{said.off}</Badge>}
        {waiting > 0 && <Badge kind="info">{said.waiting(number(waiting))}</Badge>}
        {givenUp > 0 && <Badge kind="bad">{said.givenUp(number(givenUp))}</Badge>}
        {row.channel.active && waiting === 0 && givenUp === 0 && <Badge kind="good">{said.well}</Badge>}
      </div>
      {row.last_error !== "" && <span class="faint">{row.last_error}</span>}
    </div>
  );
}

function Actions({ row, reload, onChoose }: { row: Row; reload: () => void; onChoose: (name: string) => void }) {
  const { name } = row;
  const path = { name };
  return (
    <div class="row tight">
      <button
        type="button"
        class="button"
        onClick={() => {
          onChoose(name);
        }}
      >
        {said.messages}
      </button>
      <Action
        label={said.test}
        effect={said.testEffect(name)}
        line={line("alert", "channel", "test", name)}
        run={() => answered(api.POST("/api/alerts/channels/{name}/test", { params: { path, header: once() } }))}
        onDone={() => {
          onChoose(name);
          reload();
        }}
      />
      <ChannelAction key={row.revision} row={row} onDone={reload} />
      <Action
        label={said.delete}
        kind="danger"
        effect={said.deleteEffect(name)}
        line={line("alert", "channel", "delete", name)}
        run={() =>
          answered(api.DELETE("/api/alerts/channels/{name}", { params: { path, header: { ...once(), "If-Match": `"${String(row.revision)}"` } } }))
        }
        onDone={reload}
      />
    </div>
  );
}
