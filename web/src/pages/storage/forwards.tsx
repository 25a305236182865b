/** Versions on their way to MLflow and W&B. */

import { useState } from "preact/hooks";

import { answered, api, once, type Schemas } from "../../api/client";
import { useAddress } from "../../data/address";
import { useData } from "../../data/use";
import { paths } from "../../paths";
import { Action, Choice } from "../../ui/action";
import { Badge, type Kind } from "../../ui/badges";
import { line } from "../../ui/command";
import { Frame, Head } from "../../ui/frame";
import { Empty, Loaded } from "../../ui/notices";
import { Section } from "../../ui/page";
import { Time } from "../../ui/values";
import { number, words as everywhere } from "../../words";
import { storageWords as words } from "../../words/storage";
import { webLink } from "./links";

const said = words.forwards;
const KINDS: Record<string, Kind> = { sent: "good", pending: "info", failed: "bad" };
const STEP = 100;
const EVERY_S = 5;
type Forward = Schemas["ForwardRecord"];

export function Forwards() {
  const [query, change] = useAddress();
  const [limit, setLimit] = useState(STEP);
  const { state = "", target = "" } = query;
  const data = useData(
    `forwards ${state} ${target} ${String(limit)}`,
    (signal) => answered(api.GET("/api/forwards", { params: { query: { state, target, limit } }, signal })),
    { on: (event) => event.type.startsWith("forward."), every: EVERY_S, keeps: true },
  );
  return (
    <Section title={said.title}>
      <form class="filters" role="search" aria-label={said.filters}>
        <Choice
          label={said.state}
          value={state}
          options={Object.entries(said.states)}
          onInput={(chosen) => {
            change({ state: chosen });
          }}
        />
        <Choice
          label={said.target}
          value={target}
          options={Object.entries(said.targets)}
          onInput={(chosen) => {
            change({ target: chosen });
          }}
        />
      </form>
      <Loaded data={data}>
        {({ forwards = [], next_page_token: next }) => (
          <>
            {forwards.length === 0 ? (
              <Empty text={state + target === "" ? said.empty : said.none} command="modelyard forwards list" />
            ) : (
              <Table forwards={forwards} reload={data.reload} />
            )}
            {next !== "" && limit < 1000 && (
              <div>
                <button type="button" class="button" onClick={() => { setLimit(limit + STEP); }}>
                  {everywhere.common.more}
                </button>
              </div>
            )}
          </>
        )}
      </Loaded>
    </Section>
  );
}

function Table({ forwards, reload }: { forwards: Forward[]; reload: () => void }) {
  return (
    <Frame label={said.title}>
      <table aria-label={said.title}>
        <Head of={[said.version, said.target, said.state, said.result, said.when]} hidden={words.actions} />
        <tbody>
          {forwards.map((one) => (
            <Row key={one.id} forward={one} reload={reload} />
          ))}
        </tbody>
      </table>
    </Frame>
  );
}

function Row({ forward, reload }: { forward: Forward; reload: () => void }) {
  const { id, name, version, target, state } = forward;
  const href = webLink(forward.url);
  return (
    <tr>
      <th scope="row">
        <a href={paths.version(name, version)}>{`${name} ${version}`}</a>
      </th>
      <td>{target}</td>
      <td>
        <Badge kind={KINDS[state] ?? "plain"}>{state}</Badge>
        {forward.attempts > 1 && <div class="faint">{said.attempts(number(forward.attempts))}</div>}
      </td>
      <td class="wide">
        {href !== undefined && (
          <a href={href} rel="noreferrer noopener">
            {said.run} {forward.run_id}
          </a>
        )}
        <div class="faint">{forward.last_error ?? forward.note}</div>
      </td>
      <td>
        <Time at={forward.finished_at ?? forward.created_at} />
      </td>
      <td>
        {state === "failed" && (
          <Action
            label={said.retry}
            effect={said.retryEffect(`${name} ${version}`, target)}
            line={line("forwards", "retry", id)}
            run={() => answered(api.POST("/api/forwards/{forward}/retry", { params: { path: { forward: String(id) }, header: once() } }))}
            onDone={reload}
          />
        )}
      </td>
    </tr>
  );
}
