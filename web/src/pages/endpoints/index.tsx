/** What serves where: every endpoint, what it serves, and what is being changed. */

import "../../styles/endpoint.css";

import { useLocation } from "preact-iso";
import { useState } from "preact/hooks";

import { answered, api } from "../../api/client";
import { usePlace } from "../../data/address";
import { useData } from "../../data/use";
import { paths } from "../../paths";
import { Field } from "../../ui/action";
import { Badge } from "../../ui/badges";
import { Empty, Loaded } from "../../ui/notices";
import { Page } from "../../ui/page";
import { TrafficBar } from "../../ui/traffic";
import { Time } from "../../ui/values";
import { words } from "../../words";
import { endpointWords as endpoint } from "../../words/endpoint";
import { headline, stateOf } from "../deployment/state";
import { type Whole, whole } from "../deployment/whole";
import { addressOf, type Endpoint, sharesOf } from "../endpoint/served";

const told = endpoint.list;
const PAGE = 60;

interface Found {
  endpoints: Endpoint[];
  next_page_token: string;
}

export default function EndpointsPage() {
  const name = usePlace().query.model ?? "";
  const [count, setCount] = useState(1);
  const data = useData(`endpoints ${name}\n${String(count)}`, (signal) => load(name, count, signal), {
    on: (event) => event.type.startsWith("deployment.") || event.type.startsWith("endpoint."),
    keeps: true,
  });
  return (
    <Page title={told.title}>
      <Search key={name} name={name} />
      <Loaded data={data}>
        {(found) => (
          <>
            {found.endpoints.length === 0 && (
              <Empty
                text={name === "" ? told.none : told.noneSo}
                {...(name === "" ? { command: "modelyard deploy MODEL VERSION" } : {})}
              >
                {name !== "" && <a href={paths.endpoints()}>{told.clear}</a>}
              </Empty>
            )}
            <ul class="plain cards">
              {found.endpoints.map((one) => (
                <Card key={one.id} one={one} />
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
        )}
      </Loaded>
    </Page>
  );
}

async function load(name: string, pages: number, signal: AbortSignal): Promise<Found> {
  const found: Found = { endpoints: [], next_page_token: "" };
  for (let page = 0; page < pages && (page === 0 || found.next_page_token !== ""); page += 1) {
    const token = found.next_page_token;
    const query = { limit: PAGE, ...(name === "" ? {} : { name }), ...(token === "" ? {} : { page_token: token }) };
    const next: Whole<Found> = await whole(answered(api.GET("/api/endpoints", { params: { query }, signal })));
    found.endpoints.push(...next.endpoints);
    found.next_page_token = next.next_page_token;
  }
  return found;
}

function Search({ name }: { name: string }) {
  const { route } = useLocation();
  const [typed, setTyped] = useState(name);
  return (
    <form
      role="search"
      class="filters"
      onSubmit={(event) => {
        event.preventDefault();
        const wanted = typed.trim();
        route(wanted === "" ? paths.endpoints() : `${paths.endpoints()}?model=${encodeURIComponent(wanted)}`, true);
      }}
    >
      <Field label={told.search} type="search" value={typed} onInput={setTyped} placeholder={told.searchHelp} />
    </form>
  );
}

function Card({ one }: { one: Endpoint }) {
  const shares = sharesOf(one.route);
  const { deployment } = one;
  return (
    <li class="card section">
      <div class="row spread">
        <h2>
          <a href={addressOf(one)}>{one.name}</a>
        </h2>
        <span class="row">
          <Badge kind={one.environment === "production" ? "good" : "plain"}>{one.environment}</Badge>
          <Badge>{one.kind}</Badge>
        </span>
      </div>
      {shares.length > 0 ? (
        <TrafficBar label={endpoint.traffic} shares={shares} />
      ) : (
        <p class="faint">{told.nothing}</p>
      )}
      {deployment !== null && (
        <p>
          <Badge kind={stateOf(deployment.state).kind}>{stateOf(deployment.state).text}</Badge>{" "}
          <a href={paths.deployment(deployment.id)}>
            {headline(deployment)}
          </a>
        </p>
      )}
      <p class="faint">
        {told.changed} <Time at={one.updated_at} />
      </p>
    </li>
  );
}
