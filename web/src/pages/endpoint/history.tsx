/** What an endpoint served, epoch by epoch, and when it had to go back. */

import { answered, api } from "../../api/client";
import { useData } from "../../data/use";
import { paths } from "../../paths";
import { Badge, type Kind } from "../../ui/badges";
import { Empty, Loaded, Some } from "../../ui/notices";
import { Section } from "../../ui/page";
import { figure, seconds, Time } from "../../ui/values";
import { number } from "../../words";
import { endpointWords as endpoint } from "../../words/endpoint";
import { evidenceText } from "../deployment/evidence";
import { type Whole, whole } from "../deployment/whole";
import type { Schemas } from "../../api/client";
import { Frame, Head } from "../../ui/frame";
import { type Endpoint, routeText } from "./served";

const told = endpoint.history;
const CAUSES: Record<string, string> = told.causes;
const KINDS: Record<string, Kind> = { verdict: "bad", limit: "bad", probe: "bad", manual: "plain", abort: "warn" };
const MOST = 50;

type Rollback = Whole<Schemas["EndpointRollback"]>;

export function History({ one }: { one: Endpoint }) {
  const { name, environment } = one;
  // An epoch more is a route more: what is shown follows the endpoint.
  const routes = useData(`routes ${name}\n${environment}\n${String(one.epoch)}`, (signal) =>
    whole(answered(api.GET("/api/models/{name}/routes", { params: { path: { name }, query: { environment } }, signal }))),
  );
  const rollbacks = useData(`rollbacks ${name}\n${environment}\n${String(one.epoch)}`, (signal) =>
    whole(answered(api.GET("/api/rollbacks", { params: { query: { name, environment, limit: MOST } }, signal }))),
  );
  return (
    <div class="stack">
      <Section title={told.rollbacks}>
        <Loaded data={rollbacks}>
          {(found) =>
            found.rollbacks.length === 0 ? <Empty text={told.noRollbacks} /> : <Rollbacks rows={found.rollbacks} />
          }
        </Loaded>
      </Section>
      <Section title={told.routes}>
        <Loaded data={routes}>{(found) => <Some items={found.routes}>{(shown) => <Routes rows={shown} />}</Some>}</Loaded>
      </Section>
    </div>
  );
}

function Routes({ rows }: { rows: Whole<Schemas["RouteEntry"]>[] }) {
  return (
    <Frame label={told.routesCaption}>
      <table>
        <caption>{told.routesCaption}</caption>
        <Head of={[told.epoch, told.from, told.served, told.why, told.by]} />
        <tbody>
          {rows.map((row) => (
            <tr key={row.epoch}>
              <th scope="row" class="numbers">
                {number(row.epoch)}
              </th>
              <td>
                <Time at={row.at} />
              </td>
              <td class="numbers">{routeText(row.route)}</td>
              <td>{row.cause.replace(/^[a-z]+\./, "").replaceAll("_", " ")}</td>
              <td>
                {row.deployment_id !== null && row.deployment_id !== "" && (
                  <a href={paths.deployment(row.deployment_id)}>
                    <code>{row.deployment_id}</code>
                  </a>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Frame>
  );
}

function Rollbacks({ rows }: { rows: Rollback[] }) {
  return (
    <Frame label={told.rollbacksCaption}>
      <table>
        <caption>{told.rollbacksCaption}</caption>
        <Head of={[told.when, told.back, told.cause, told.evidence, told.took, told.who]} />
        <tbody>
          {rows.map((row) => (
            <tr key={`${row.deployment_id} ${row.at}`}>
              <td>
                <Time at={row.at} />
              </td>
              <th scope="row">
                <a href={paths.deployment(row.deployment_id)}>
                  {told.fromTo(row.left ?? told.nothing, row.version ?? told.nothing)}
                </a>
              </th>
              <td>
                <Badge kind={KINDS[row.cause] ?? "plain"}>{CAUSES[row.cause] ?? row.cause}</Badge>
              </td>
              <td class="reason">
                {row.reason}
                <Evidence row={row} />
              </td>
              <td class="numbers">{seconds(row.seconds)}</td>
              <td>{row.actor}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Frame>
  );
}

function Evidence({ row }: { row: Rollback }) {
  const { e_value: value, limit } = row.evidence as { e_value?: unknown; limit?: unknown };
  if (typeof value !== "number" || typeof limit !== "number") return null;
  return <div class="faint numbers">{told.eValue(evidenceText(value, figure), figure(limit))}</div>;
}
