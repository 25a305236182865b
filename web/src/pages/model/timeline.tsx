/** The versions of a model along a line, the newest first; two or more of them can be chosen and compared. */

import { useEffect } from "preact/hooks";

import { answered, api, type Schemas } from "../../api/client";
import { useAddress } from "../../data/address";
import { useData } from "../../data/use";
import { paths } from "../../paths";
import { Choice, Field } from "../../ui/action";
import { Command, line } from "../../ui/command";
import { Empty, Loaded } from "../../ui/notices";
import { Section } from "../../ui/page";
import { VirtualList } from "../../ui/virtual";
import { number } from "../../words";
import { modelWords } from "../../words/model";
import { Row, type Shown } from "./row";
import { useVersions, type Versions } from "./use-versions";
import { type Filter, matches, type Version } from "./versions";

const say = modelWords.versions;
const LABELS = ["stable", "beta", "experimental"];
const ROW_HEIGHT = 100;
/** Matches that fill the list; while there are fewer, more versions are looked through. */
const FULL = 20;

interface Props {
  model: Schemas["ModelRecord"];
  endpoints: readonly Schemas["EndpointRecord"][];
  metric: string;
}

export function Timeline({ model, endpoints, metric }: Props) {
  const [query, change] = useAddress();
  const filter: Filter = { stage: query.stage ?? "", label: query.label ?? "", text: query.find ?? "" };
  const chosen = (query.pick ?? "").split(",").filter(Boolean);
  const { data, more } = useVersions(model.name, filter.stage, filter.label);
  const found = data.value?.versions.filter((one) => matches(one, filter)) ?? [];
  useEffect(() => {
    if (data.value?.hasMore === true && found.length < FULL && data.problem === undefined) more();
  }, [data.value, found.length, more]);
  const choose = (version: string, isChosen: boolean) => {
    const others = chosen.filter((one) => one !== version);
    change({ pick: (isChosen ? [...others, version] : others).join(",") });
  };
  return (
    <Section title={say.title} actions={<Compare name={model.name} chosen={chosen} clear={() => change({ pick: undefined })} />}>
      <Filters name={model.name} filter={filter} change={change} />
      <div class="model-versions" style={{ minHeight: room(model.versions) }}>
        <Loaded data={data}>
          {(loaded) => (
            <List
              loaded={loaded}
              found={found}
              isFiltered={filter.stage + filter.label + filter.text !== ""}
              model={model}
              more={more}
              row={(version) => shownOf(version, { model, endpoints, metric, chosen, choose, versions: loaded.versions })}
            />
          )}
        </Loaded>
      </div>
    </Section>
  );
}

/** The room that a list of so many will take, so that nothing below it moves when it comes. */
function room(count: number): string {
  return `min(${String(ROW_HEIGHT * count + 60)}px, 70vh)`;
}

interface ListProps {
  loaded: Versions;
  found: readonly Version[];
  isFiltered: boolean;
  model: Schemas["ModelRecord"];
  more: () => void;
  row: (version: Version) => Shown;
}

function List({ loaded, found, isFiltered, model, more, row }: ListProps) {
  if (found.length === 0) {
    if (isFiltered) return <Empty text={loaded.hasMore ? say.loading : say.noMatch} />;
    return <Empty text={say.none} command={line("register", "--name", model.name, "--model-path", "./model")} />;
  }
  return (
    <>
      <p class="faint" role="status">
        {say.shown(number(found.length), number(model.versions))}
        {loaded.hasMore && found.length < FULL && ` · ${say.loading}`}
      </p>
      <VirtualList
        label={say.list}
        items={found}
        keyOf={(one) => one.id}
        height={ROW_HEIGHT}
        onEnd={more}
        row={(version) => <Row {...row(version)} />}
      />
      <details>
        <summary>{modelWords.register.title}</summary>
        <p class="faint">{modelWords.register.text}</p>
        <Command line={line("register", "--name", model.name, "--model-path", "./model")} />
      </details>
    </>
  );
}

interface Around extends Props {
  chosen: readonly string[];
  choose: (version: string, isChosen: boolean) => void;
  versions: readonly Version[];
}

/** What a row tells; aliases and traffic as they are now, however long ago the version itself was read. */
function shownOf(version: Version, { model, endpoints, metric, chosen, choose, versions }: Around): Shown {
  const aliases = Object.entries(model.aliases ?? {}).filter(([, holder]) => holder === version.version);
  return {
    version,
    metric,
    aliases: aliases.map(([alias]) => alias),
    serves: endpoints.flatMap((one) =>
      one.route.arms
        .filter((arm) => arm.version_id === version.id && arm.weight > 0)
        .map((arm) => ({ environment: one.environment, share: arm.weight })),
    ),
    parent: versions.find((one) => one.id === version.parent_id)?.version,
    isChosen: chosen.includes(version.version),
    choose,
  };
}

function Compare({ name, chosen, clear }: { name: string; chosen: readonly string[]; clear: () => void }) {
  if (chosen.length === 0) return <span class="faint">{say.compare(0)}</span>;
  return (
    <div class="row">
      {chosen.length < 2 ? (
        <span class="faint">{say.compare(1)}</span>
      ) : (
        <a class="button" data-kind="main" href={paths.compare(chosen.map((one) => `${name}/${one}`))}>
          {say.compare(chosen.length)}
        </a>
      )}
      <button type="button" class="button" onClick={clear}>
        {say.clear}
      </button>
    </div>
  );
}

interface FiltersProps {
  name: string;
  filter: Filter;
  change: (change: Record<string, string>) => void;
}

function Filters({ name, filter, change }: FiltersProps) {
  const graph = useData(`graph\n${name}`, (over) =>
    answered(api.GET("/api/models/{name}/stage-graph", { params: { path: { name } }, signal: over })),
  );
  const any = ["", say.any] as const;
  const stages = new Set([...(graph.value?.stages ?? []), ...(filter.stage === "" ? [] : [filter.stage])]);
  const own = (values: Iterable<string>) => [any, ...[...values].map((one) => [one, one] as const)];
  return (
    <div class="row model-filters">
      <Choice
        label={say.stage}
        value={filter.stage}
        options={own(stages)}
        onInput={(stage) => {
          change({ stage });
        }}
      />
      <Choice
        label={say.label}
        value={filter.label}
        options={own(LABELS)}
        onInput={(label) => {
          change({ label });
        }}
      />
      <Field
        label={say.find}
        type="search"
        value={filter.text}
        placeholder={say.findHelp}
        onInput={(find) => {
          change({ find });
        }}
      />
    </div>
  );
}
