/** One endpoint: what it serves, whom its flags mean, how it takes requests, what it served, and what can be brought back. */

import "../../styles/endpoint.css";

import { useRoute } from "preact-iso";

import { answered, api } from "../../api/client";
import { usePlace } from "../../data/address";
import { useData } from "../../data/use";
import { paths } from "../../paths";
import { Badge } from "../../ui/badges";
import { Empty, Loaded } from "../../ui/notices";
import { Page, Section } from "../../ui/page";
import { Tabs } from "../../ui/tabs";
import { TrafficBar } from "../../ui/traffic";
import { Time } from "../../ui/values";
import { line } from "../../ui/command";
import { number } from "../../words";
import { endpointWords as endpoint } from "../../words/endpoint";
import { headline, stateOf } from "../deployment/state";
import { whole } from "../deployment/whole";
import { Configuration } from "./configuration";
import { Flags } from "./flags";
import { History } from "./history";
import { RollbackAction } from "./rollback";
import { type Endpoint, sharesOf } from "./served";
import { Snapshots, TakeSnapshot } from "./snapshots";
import { TryIt } from "./try";

export default function EndpointPage() {
  const name = useRoute().params.name ?? "";
  const environment = usePlace().query.environment ?? "production";
  const data = useData(
    `endpoint ${name}\n${environment}`,
    (signal) =>
      whole(
        answered(api.GET("/api/models/{name}/endpoint", { params: { path: { name }, query: { environment } }, signal })),
      ),
    {
      on: ({ model, type }) =>
        model === name && (type.startsWith("deployment.") || type.startsWith("endpoint.") || type.startsWith("snapshot.")),
    },
  );
  const one = data.value;
  return (
    <Page
      title={endpoint.title(name)}
      crumbs={[{ text: endpoint.list.title, href: paths.endpoints() }]}
      aside={<Badge kind={environment === "production" ? "good" : "plain"}>{environment}</Badge>}
      actions={
        one !== undefined && (
          <>
            <TakeSnapshot one={one} onDone={data.reload} />
            {one.deployment === null && one.version !== null && (
              <RollbackAction name={name} environment={environment} onDone={data.reload} />
            )}
          </>
        )
      }
    >
      <Loaded data={data}>
        {(shown) => (
          <>
            <Serving one={shown} />
            <Parts one={shown} reload={data.reload} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

/** What it serves now. */
function Serving({ one }: { one: Endpoint }) {
  const shares = sharesOf(one.route);
  return (
    <div class="card serving">
      <div class="section">
        {shares.length > 0 ? (
          <TrafficBar label={endpoint.traffic} shares={shares} />
        ) : (
          <Empty text={endpoint.nothing} command={line("deploy", one.name, "VERSION", "--environment", one.environment)} />
        )}
        <Live one={one} />
      </div>
      <dl class="facts">
        <dt>{endpoint.kind}</dt>
        <dd>{one.kind}</dd>
        <dt>{endpoint.epoch}</dt>
        <dd class="numbers">{endpoint.epochNumber(number(one.epoch))}</dd>
        <dt>{endpoint.changed}</dt>
        <dd>
          <Time at={one.updated_at} />
        </dd>
        {one.route.shadow.length > 0 && (
          <>
            <dt>{endpoint.shadow}</dt>
            <dd>{one.route.shadow.map((arm) => arm.version).join(", ")}</dd>
          </>
        )}
        {one.route.warm.length > 0 && (
          <>
            <dt>{endpoint.warm}</dt>
            <dd class="numbers">{number(one.route.warm.length)}</dd>
          </>
        )}
      </dl>
    </div>
  );
}

function Live({ one }: { one: Endpoint }) {
  const { deployment } = one;
  if (deployment === null) {
    return (
      <p class="faint">
        {endpoint.deployment}: {endpoint.noDeployment}
      </p>
    );
  }
  const { text, kind } = stateOf(deployment.state);
  return (
    <p role="status">
      <Badge kind={kind}>{text}</Badge> <a href={paths.deployment(deployment.id)}>{headline(deployment)}</a>
    </p>
  );
}

function Parts({ one, reload }: { one: Endpoint; reload: () => void }) {
  const { query, path, route } = usePlace();
  const { tabs } = endpoint;
  return (
    <Tabs
      label={tabs.label}
      chosen={query.tab ?? "serving"}
      onChoose={(tab) => {
        const kept = new URLSearchParams({ ...(query.environment ? { environment: query.environment } : {}), tab });
        route(`${path}?${kept.toString()}`, true);
      }}
      tabs={[
        { id: "serving", text: tabs.try, show: () => <TryIt one={one} /> },
        { id: "flags", text: endpoint.flags.title, show: () => <Flags one={one} onDone={reload} /> },
        { id: "configuration", text: tabs.configuration, show: () => <Configuration one={one} onDone={reload} /> },
        { id: "history", text: tabs.history, show: () => <History one={one} /> },
        {
          id: "snapshots",
          text: tabs.snapshots,
          show: () => (
            <Section title={endpoint.snapshots.title}>
              <Snapshots one={one} onDone={reload} />
            </Section>
          ),
        },
      ]}
    />
  );
}
