/** One version: what it is, whether it may move, where it comes from, and how to use it. */

import "../../styles/version.css";

import { useRoute } from "preact-iso";

import { answered, api, type Schemas } from "../../api/client";
import { useData } from "../../data/use";
import { paths } from "../../paths";
import { Badge, State } from "../../ui/badges";
import { Loaded } from "../../ui/notices";
import { Page } from "../../ui/page";
import { Tabs } from "../../ui/tabs";
import { percent } from "../../ui/values";
import { versionWords } from "../../words/version";
import { Actions } from "./actions";
import { useQuery } from "./address";
import { Files } from "./files";
import { Gates } from "./gates";
import { Lineage } from "./lineage";
import { Overview } from "./overview";
import { Signature } from "./signature";
import { Use } from "./use";

type Version = Schemas["VersionRecord"];
const W = versionWords;

interface Found {
  record: Version;
  /** Undefined where one may not read it: the page goes without. */
  model: Schemas["ModelRecord"] | undefined;
  graph: Schemas["GraphRecord"] | undefined;
}

/** All that the head of the page is made of, together, so that it does not move while the rest comes. */
async function load(name: string, reference: string, signal: AbortSignal): Promise<Found> {
  const params = { path: { name } };
  const [record, model, graph] = await Promise.all([
    answered(api.GET("/api/models/{reference}/metadata", { params: { path: { reference } }, signal })),
    answered(api.GET("/api/models/{name}", { params, signal })).catch(() => undefined),
    answered(api.GET("/api/models/{name}/stage-graph", { params, signal })).catch(() => undefined),
  ]);
  return { record, model, graph };
}

export default function VersionPage() {
  const { name = "", version = "" } = useRoute().params as { name?: string; version?: string };
  const reference = `${name}/${version}`;
  const loaded = useData(reference, (signal) => load(name, reference, signal), { on: (event) => event.model === name });
  const found = loaded.value?.record;
  return (
    <Page
      title={`${name} ${found?.version ?? version}`}
      crumbs={[
        { text: W.yard, href: paths.yard() },
        { text: name, href: paths.model(name) },
      ]}
      aside={found === undefined ? undefined : <Badges record={found} />}
      actions={
        loaded.value === undefined ? undefined : (
          <Actions key={loaded.value.record.id} {...loaded.value} onDone={loaded.reload} />
        )
      }
    >
      <Loaded data={loaded}>
        {(value) => (
          <>
            <Warnings record={value.record} />
            <Parts {...value} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Badges({ record }: { record: Version }) {
  return (
    <>
      <State state={record.stage} />
      {record.label !== "" && <Badge kind="info">{record.label}</Badge>}
      {record.status !== "READY" && <State state={record.status} />}
      {record.aliases?.map((one) => <Badge key={one}>@{one}</Badge>)}
      {Object.entries(record.serving ?? {}).map(([environment, share]) => (
        <Badge key={environment} kind="good">
          {W.badges.serves(environment, percent(share))}
        </Badge>
      ))}
      {Object.entries(record.environments ?? {}).map(([environment, stage]) => (
        <Badge key={environment}>{W.badges.stands(environment, stage)}</Badge>
      ))}
      {record.deprecated && <Badge kind="warn">{W.badges.deprecated}</Badge>}
      {record.unproven && <Badge kind="warn">{W.badges.unproven}</Badge>}
    </>
  );
}

function Warnings({ record }: { record: Version }) {
  return (
    <>
      {record.deprecated && (
        <div class="notice" data-kind="warn">
          <p>{W.deprecated(record.deprecation_reason)}</p>
          {record.successor !== "" && (
            <p>
              {W.successor} <Successor name={record.name} reference={record.successor} />
            </p>
          )}
        </div>
      )}
      {record.unproven && (
        <div class="notice" data-kind="warn">
          <p>{W.unproven}</p>
        </div>
      )}
    </>
  );
}

/** A successor is a reference of any form: only a plain version of this model has an address here. */
function Successor({ name, reference }: { name: string; reference: string }) {
  const own = reference.startsWith(`${name}/`) ? reference.slice(name.length + 1) : reference;
  return /^[0-9][\w.+-]*$/.test(own) ? <a href={paths.version(name, own)}>{reference}</a> : <code>{reference}</code>;
}

function Parts({ record, model, graph }: Found) {
  const { query, change } = useQuery();
  return (
    <Tabs
      label={W.tabs.label}
      chosen={query["tab"] ?? "overview"}
      onChoose={(tab) => {
        change({ tab: tab === "overview" ? "" : tab });
      }}
      tabs={[
        { id: "overview", text: W.tabs.overview, show: () => <Overview record={record} /> },
        { id: "files", text: W.tabs.files, show: () => <Files record={record} /> },
        { id: "signature", text: W.tabs.signature, show: () => <Signature record={record} /> },
        { id: "gates", text: W.tabs.gates, show: () => <Gates record={record} graph={graph} /> },
        { id: "lineage", text: W.tabs.lineage, show: () => <Lineage record={record} /> },
        { id: "use", text: W.tabs.use, show: () => <Use record={record} model={model} /> },
      ]}
    />
  );
}
