/** A model: what is served, its versions along a line, how a metric went, its card, and who did what. */

import "../../styles/model.css";

import { useLocation, useRoute } from "preact-iso";
import { useEffect } from "preact/hooks";

import { answered, api, type Schemas } from "../../api/client";
import { onEvent } from "../../api/live";
import { useAddress } from "../../data/address";
import { type Data, useData } from "../../data/use";
import { paths } from "../../paths";
import { Loaded } from "../../ui/notices";
import { Page } from "../../ui/page";
import { words } from "../../words";
import { Activity } from "./activity";
import { EditModel, RemoveAlias, RenameModel, SetAlias } from "./actions";
import { Card } from "./card";
import { Glance } from "./head";
import { Metric } from "./metric";
import { Timeline } from "./timeline";
import { metricsOf } from "./versions";

type Model = Schemas["ModelRecord"];
type Endpoints = Schemas["EndpointPage"];
type Newest = Schemas["VersionPage"];

/** Versions that tell which metrics there are, where the card is, and what an alias can name. */
const NEWEST = 50;

export default function ModelPage() {
  const { params } = useRoute();
  const name = params.name ?? "";
  return <ModelOf key={name} name={name} />;
}

/** Go where a model went when somebody, perhaps somebody else, gives it another name. */
function useNewName(name: string): void {
  const { route } = useLocation();
  useEffect(
    () =>
      onEvent(({ type, data }) => {
        if (type === "model.renamed" && data.from === name && typeof data.to === "string") route(paths.model(data.to), true);
      }),
    [name, route],
  );
}

function ModelOf({ name }: { name: string }) {
  useNewName(name);
  const on = (event: { model: string }) => event.model === name;
  const model = useData(
    `model\n${name}`,
    (over) => answered(api.GET("/api/models/{name}", { params: { path: { name } }, signal: over })),
    { on },
  );
  const endpoints = useData(
    `endpoints\n${name}`,
    (over) => answered(api.GET("/api/endpoints", { params: { query: { name } }, signal: over })),
    { on },
  );
  const newest = useData(
    `newest\n${name}`,
    (over) =>
      answered(api.GET("/api/models/{name}/versions", { params: { path: { name }, query: { limit: NEWEST } }, signal: over })),
    { on },
  );
  // All that the head is made of, together, so that it does not move.
  const whole = endpoints.value === undefined && endpoints.isLoading ? { ...model, value: undefined } : model;
  return (
    <Page
      title={name}
      crumbs={[{ text: words.common.pages.yard, href: paths.yard() }]}
      actions={
        whole.value !== undefined && (
          <>
            <SetAlias name={name} versions={newest.value?.versions ?? []} />
            {Object.keys(whole.value.aliases ?? {}).length > 0 && <RemoveAlias name={name} aliases={whole.value.aliases ?? {}} />}
            <EditModel model={whole.value} />
            <RenameModel model={whole.value} isServing={(endpoints.value?.endpoints.length ?? 0) > 0} />
          </>
        )
      }
    >
      <Loaded data={whole}>{(value) => <Whole model={value} endpoints={endpoints} newest={newest} />}</Loaded>
    </Page>
  );
}

function Whole({ model, endpoints, newest }: { model: Model; endpoints: Data<Endpoints>; newest: Data<Newest> }) {
  const [query, change] = useAddress();
  const versions = newest.value?.versions ?? [];
  const metrics = metricsOf(versions);
  const asked = query.metric ?? "";
  const metric = asked === "" ? (metrics[0] ?? "") : asked;
  const known = metrics.includes(metric) || metric === "" ? metrics : [metric, ...metrics];
  return (
    <>
      <Glance model={model} endpoints={endpoints.value?.endpoints} />
      <div class="model-parts">
        <div class="stack">
          <Timeline model={model} endpoints={endpoints.value?.endpoints ?? []} metric={metric} />
          <Loaded data={newest}>{() => <Card model={model} versions={versions} />}</Loaded>
        </div>
        <div class="stack">
          <Loaded data={newest}>
            {() => (
              <Metric
                name={model.name}
                newest={model.latest_version ?? ""}
                metrics={known}
                metric={metric}
                choose={(chosen) => {
                  change({ metric: chosen });
                }}
              />
            )}
          </Loaded>
          <Activity name={model.name} />
        </div>
      </div>
    </>
  );
}
