/** The alerts themselves, the worst first, as they come and go. */

import { answered, api } from "../../api/client";
import { useAddress } from "../../data/address";
import { type Data, useData } from "../../data/use";
import { paths } from "../../paths";
import { Choice, Field } from "../../ui/action";
import { Badge, State } from "../../ui/badges";
import { Empty, Loaded, Some } from "../../ui/notices";
import { figure, Time } from "../../ui/values";
import { counted } from "../../words";
import { alertsWords as words } from "../../words/alerts";
import { type Alert, inOrder } from "./order";
import { measured, type Rule } from "./rules";
import { SilenceAction } from "./silences";

/** Pending alerts make no event, so they are asked for. */
const EVERY_S = 10;
const MOST = 200;

interface Shown {
  alerts: Alert[];
  rules: Map<string, Rule>;
}

export function Alerts() {
  const [query, change] = useAddress();
  const state = query.state ?? "live";
  const { model = "", severity = "" } = query;
  const data = useData<Shown>(
    `alerts ${state} ${model} ${severity}`,
    async (signal) => {
      const asked = { state, model, severity, limit: MOST };
      const [page, listed] = await Promise.all([
        answered(api.GET("/api/alerts", { params: { query: asked }, signal })),
        answered(api.GET("/api/alerts/rules", { signal })),
      ]);
      return { alerts: inOrder(page.alerts), rules: new Map(listed.rules.map((one) => [one.name, one.rule as Rule])) };
    },
    { on: (event) => event.type.startsWith("alert."), every: EVERY_S, keeps: true },
  );
  const filters = words.filters;
  return (
    <div class="stack">
      <form class="filters" role="search" aria-label={filters.label} onSubmit={(event) => { event.preventDefault(); }}>
        <Choice
          label={filters.state}
          value={state}
          options={Object.entries(filters.states)}
          onInput={(chosen) => {
            change({ state: chosen === "live" ? undefined : chosen });
          }}
        />
        <Choice
          label={filters.severity}
          value={severity === "" ? "info" : severity}
          options={Object.entries(filters.severities)}
          onInput={(chosen) => {
            change({ severity: chosen === "info" ? undefined : chosen });
          }}
        />
        <Field
          label={filters.model}
          type="search"
          value={model}
          placeholder={filters.anyModel}
          onInput={(given) => {
            change({ model: given });
          }}
        />
      </form>
      <Loaded data={data}>{(shown) => <List shown={shown} isAll={state === "live" && model === ""} data={data} />}</Loaded>
    </div>
  );
}

function List({ shown, isAll, data }: { shown: Shown; isAll: boolean; data: Data<Shown> }) {
  const firing = shown.alerts.filter((one) => one.state === "firing").length;
  return (
    <>
      <p role="status" class="alert-count">
        {firing > 0 ? <Badge kind="bad">{words.firing(firing)}</Badge> : <Badge kind="good">{words.calm}</Badge>}
      </p>
      {shown.alerts.length === 0 ? (
        <None isAll={isAll} hasRules={shown.rules.size > 0} />
      ) : (
        <Some items={shown.alerts}>
          {(some) => (
            <ul class="plain stack" aria-label={words.list}>
              {some.map((one) => (
                <li key={one.id}>
                  <Card alert={one} rule={shown.rules.get(one.rule)} reload={data.reload} />
                </li>
              ))}
            </ul>
          )}
        </Some>
      )}
    </>
  );
}

function None({ isAll, hasRules }: { isAll: boolean; hasRules: boolean }) {
  if (!hasRules) return <Empty text={words.emptyRules} command="modelyard alert rule defaults" />;
  if (!isAll) return <Empty text={words.noneMatch} command="modelyard alerts --state all" />;
  return <Empty text={words.empty} command="modelyard alert rule list" />;
}

function Card({ alert, rule, reload }: { alert: Alert; rule: Rule | undefined; reload: () => void }) {
  const { model, environment, version } = alert;
  return (
    <article class="card alert" data-state={alert.state} data-severity={alert.severity} aria-label={alert.summary}>
      <div class="row spread">
        <div class="row">
          <State state={alert.state} />
          <State state={alert.severity} />
          {alert.silenced && <Badge>{words.isSilenced}</Badge>}
          <strong class="alert-rule">{alert.rule}</strong>
        </div>
        {alert.state !== "resolved" && (
          <SilenceAction match={{ rule: alert.rule, model, environment: environment || "*", version: "*", severity: "*" }} onDone={reload} />
        )}
      </div>
      <p class="alert-summary">{alert.summary}</p>
      <div class="row faint">
        <a href={paths.model(model)}>{model}</a>
        {version !== "" && <a href={paths.version(model, version)}>{version}</a>}
        {environment !== "" && <a href={paths.endpoint(model, environment)}>{environment}</a>}
        <Facts alert={alert} rule={rule} />
        <span>
          {words.since} <Time at={alert.started_at} />
        </span>
        {typeof alert.resolved_at === "string" && (
          <span>
            {words.resolved} <Time at={alert.resolved_at} />
          </span>
        )}
        {alert.reason !== "" && <span>{alert.reason}</span>}
      </div>
    </article>
  );
}

function Facts({ alert, rule }: { alert: Alert; rule: Rule | undefined }) {
  const { value = null, limit = null, requests } = alert;
  if (value === null || limit === null || alert.rule === "deployment") return null;
  const isFigure = rule?.kind === "threshold" || rule?.kind === "degradation";
  // How long nobody asked is told by the summary.
  if (rule?.kind === "no_data") return null;
  const said = (one: number) => (isFigure ? measured(rule.metric, one) : figure(one));
  return (
    <span class="numbers">
      {words.fact(said(value), said(limit))}
      {requests > 0 && ` (${counted(requests, "request", "requests")})`}
    </span>
  );
}
