/** What the search finds, in a list of which only what is seen is drawn. */

import { paths } from "../../paths";
import { Badge, State } from "../../ui/badges";
import { Command, line } from "../../ui/command";
import { Empty, ErrorNotice } from "../../ui/notices";
import { Section } from "../../ui/page";
import { figure, Time } from "../../ui/values";
import { VirtualList } from "../../ui/virtual";
import { number } from "../../words";
import { yardWords } from "../../words/yard";
import { isSearchable, optionsOf, type Wanted } from "./query";
import { type Found, useSearch, type Version } from "./use-search";

const ROW_PX = 58;
const METRICS = 2;

export function FoundVersions({ wanted }: { wanted: Wanted }) {
  const found = useSearch(wanted);
  const isClear = isSearchable(wanted.q);
  const told = isClear ? outcomeOf(found) : yardWords.found.unclear;
  return (
    <Section title={yardWords.found.title} actions={<span role="status" class="faint numbers">{told}</span>}>
      {isClear && found.problem !== undefined && <ErrorNotice problem={found.problem} />}
      <div class="found" aria-busy={found.isLoading}>
        {isClear && <Hits found={found} wanted={wanted} />}
      </div>
      {isClear && (
        <div class="field">
          <span class="faint">{yardWords.found.line}</span>
          <Command line={line("search", ...wanted.q.split(/\s+/), ...optionsOf(wanted))} />
        </div>
      )}
    </Section>
  );
}

function outcomeOf({ hits, isAll, isLoading }: Found): string {
  const say = yardWords.found;
  if (hits.length > 0) return say.count(number(hits.length), isAll);
  return isLoading ? say.searching : "";
}

function Hits({ found, wanted }: { found: Found; wanted: Wanted }) {
  const say = yardWords.found;
  const { hits, isLoading, problem, more } = found;
  if (hits.length > 0) {
    // Another search begins at the top of its list.
    return (
      <VirtualList key={found.key} label={say.label} items={hits} keyOf={idOf} height={ROW_PX} row={rowOf} onEnd={more} />
    );
  }
  if (isLoading || problem !== undefined) return null;
  return <Empty text={optionsOf(wanted).length > 0 ? say.noneFiltered : say.none} />;
}

function idOf(one: Version): string {
  return one.id;
}

function rowOf(one: Version) {
  return <Row one={one} />;
}

function Row({ one }: { one: Version }) {
  const say = yardWords.found;
  const serving = Object.keys(one.serving ?? {});
  return (
    <div class="hit">
      <div class="hit-name">
        <a href={paths.version(one.name, one.version)}>
          {one.name} <strong class="numbers">{one.version}</strong>
        </a>
        <span class="faint one-line">{one.description}</span>
      </div>
      <div class="row hit-state">
        <State state={one.stage} />
        {one.deprecated && <Badge kind="warn">{say.deprecated}</Badge>}
        {serving.length > 0 && <Badge kind="good">{say.serving(serving.join(", "))}</Badge>}
        {(one.aliases ?? []).map((alias) => (
          <Badge key={alias}>@{alias}</Badge>
        ))}
      </div>
      <Metrics metrics={one.metrics ?? {}} />
      <div class="hit-when faint">
        <Time at={one.created_at} />
      </div>
    </div>
  );
}

function Metrics({ metrics }: { metrics: Record<string, number> }) {
  const all = Object.entries(metrics);
  return (
    <div class="hit-metrics numbers">
      {all.slice(0, METRICS).map(([name, value]) => (
        <span key={name}>
          <span class="faint">{name}</span> {figure(value)}
        </span>
      ))}
      {all.length > METRICS && <span class="faint">{yardWords.found.moreMetrics(number(all.length - METRICS))}</span>}
    </div>
  );
}
