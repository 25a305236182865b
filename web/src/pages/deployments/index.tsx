/** All deployments: the live ones first, and filters that lie in the address. */

import "../../styles/deployment.css";

import { useLocation } from "preact-iso";
import { useState } from "preact/hooks";

import { answered, api } from "../../api/client";
import { usePlace } from "../../data/address";
import { useData } from "../../data/use";
import { Choice, Field } from "../../ui/action";
import { Empty, Loaded } from "../../ui/notices";
import { Page } from "../../ui/page";
import { words } from "../../words";
import { deploymentWords } from "../../words/deployment";
import { type Deployment, stateOf } from "../deployment/state";
import { whole } from "../deployment/whole";
import { liveFirst } from "./progress";
import { Row } from "./row";

const told = deploymentWords.list;
const PAGE = 50;
/** Steps and ends are events; shares of their progress are not worth a question more. */
const STATES = ["live", "SUCCEEDED", "ROLLED_BACK", "PAUSED", "REJECTED", "CANCELLED", "SUPERSEDED"] as const;

interface Found {
  deployments: Deployment[];
  next_page_token: string;
}

export default function DeploymentsPage() {
  const { query } = usePlace();
  const name = query.model ?? "";
  const state = query.state ?? "";
  const [count, setCount] = useState(1);
  const data = useData(
    `deployments ${name}\n${state}\n${String(count)}`,
    (signal) => load({ name, state }, count, signal),
    { on: (event) => event.type.startsWith("deployment."), keeps: true },
  );
  const isFiltered = name !== "" || state !== "";
  return (
    <Page title={told.title}>
      <Filters key={name} name={name} state={state} />
      <Loaded data={data}>
        {(found) =>
          found.deployments.length === 0 ? (
            <Empty
              text={isFiltered ? told.noneSo : told.none}
              {...(isFiltered ? {} : { command: "modelyard deploy MODEL VERSION --strategy canary" })}
            >
              {isFiltered && <a href="/deployments">{told.clear}</a>}
            </Empty>
          ) : (
            <>
              <ul class="plain deployments" aria-label={told.title}>
                {found.deployments.map((one) => (
                  <Row key={one.id} one={one} />
                ))}
              </ul>
              {found.next_page_token !== "" && (
                <button
                  type="button"
                  class="button"
                  onClick={() => {
                    setCount(count + 1);
                  }}
                >
                  {words.common.more}
                </button>
              )}
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

/** So many pages of what is asked for, and before them what is live, however old it is. */
async function load(asked: { name: string; state: string }, pages: number, signal: AbortSignal): Promise<Found> {
  const ask = (query: { name?: string; state?: string; limit?: number; page_token?: string }) =>
    whole(answered(api.GET("/api/deployments", { params: { query }, signal })));
  const named = asked.name === "" ? {} : { name: asked.name };
  const query = { ...named, ...(asked.state === "" ? {} : { state: asked.state }), limit: PAGE };
  const live = asked.state === "" ? (await ask({ ...named, state: "live" })).deployments : [];
  let last: Found | undefined;
  const all: Deployment[] = [];
  for (let page = 0; page < pages && last?.next_page_token !== ""; page += 1) {
    last = await ask({ ...query, ...(last === undefined ? {} : { page_token: last.next_page_token }) });
    all.push(...last.deployments);
  }
  return { deployments: liveFirst(live, all), next_page_token: last?.next_page_token ?? "" };
}

function Filters({ name, state }: { name: string; state: string }) {
  const { route } = useLocation();
  const [typed, setTyped] = useState(name);
  const go = (to: { model: string; state: string }) => {
    const query = new URLSearchParams(Object.entries(to).filter(([, value]) => value !== ""));
    route(query.size === 0 ? "/deployments" : `/deployments?${query.toString()}`, true);
  };
  return (
    <form
      class="filters"
      role="search"
      aria-label={told.filters}
      onSubmit={(event) => {
        event.preventDefault();
        go({ model: typed.trim(), state });
      }}
    >
      <Field label={told.model} type="search" value={typed} onInput={setTyped} placeholder={told.modelHelp} />
      <Choice
        label={told.state}
        value={state}
        options={[["", told.any], ...STATES.map((one) => [one, one === "live" ? told.live : stateOf(one).text] as const)]}
        onInput={(chosen) => {
          go({ model: typed.trim(), state: chosen });
        }}
      />
    </form>
  );
}
