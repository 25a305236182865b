/** Versions side by side: which, what is recorded of them, what they did. The address says what is compared. */

import "../../styles/compare.css";

import { useLocation } from "preact-iso";
import { useEffect, useRef, useState } from "preact/hooks";

import { answered, api } from "../../api/client";
import { type Data, useData } from "../../data/use";
import { paths } from "../../paths";
import { Badge } from "../../ui/badges";
import { line } from "../../ui/command";
import { Empty, Loaded } from "../../ui/notices";
import { Page, Section } from "../../ui/page";
import { percent } from "../../ui/values";
import { compareWords } from "../../words/compare";
import { Chosen } from "./chosen";
import { VersionBox } from "./combobox";
import { Live } from "./live-figures";
import { type Compared, loadCompared, named, nameOf, type Report, sentence, type Version } from "./load";
import { metricRows } from "./metrics";
import { Metrics } from "./metrics-table";
import { Origin } from "./origin-table";
import { Parallel } from "./parallel-plot";
import { Parameters } from "./parameters-table";
import { added, address, based, parse, removed, type Selection } from "./selection";
import { Share } from "./share";
import { Signatures } from "./signature";

const said = compareWords;
const SUGGESTED = 6;

export default function ComparePage() {
  const { url, path, route } = useLocation();
  // While the next page is fetched, this one still shows its own choice.
  const own = useRef(url);
  if (path === paths.compare()) own.current = url;
  const selection = parse(own.current);
  const [told, setTold] = useState("");
  const frame = useRef<HTMLDivElement>(null);
  const show = (next: Selection, what = "") => {
    route(address(next));
    setTold(what);
  };
  const wanted = useRef("");
  const data: Data<Compared> = useData(selection.references.join("\n"), (over) => loadCompared(selection.references, over), {
    on: (event) => data.value?.versions.some((one) => one.name === event.model) === true,
    keeps: true,
  });
  useEffect(() => {
    if (data.value === undefined) return;
    // A control that is gone, or moved, has lost the focus.
    if (wanted.current !== "") frame.current?.querySelector<HTMLElement>(wanted.current)?.focus();
    wanted.current = "";
  }, [data.value]);
  const add = (reference: string) => {
    show(added(selection, reference), said.added(reference));
  };
  return (
    <Page title={said.title}>
      <div class="stack compare" ref={frame}>
        <VersionBox chosen={selection.references} onChoose={add} />
        <span class="hidden-text" role="status">
          {told}
        </span>
        <Loaded data={data}>
          {(found) => (
            <>
              <Chosen
                asked={found.asked}
                onBase={(reference) => {
                  show(based(selection, reference), said.baseIs(reference));
                  wanted.current = `#${CSS.escape(`base-${reference}`)}`;
                }}
                onRemove={(reference) => {
                  show(removed(selection, reference), said.removed(reference));
                  wanted.current = "input";
                }}
              />
              {found.report === undefined ? (
                <TooFew versions={found.versions} onAdd={add} />
              ) : (
                <SideBySide found={found} report={found.report} selection={selection} show={show} />
              )}
            </>
          )}
        </Loaded>
      </div>
    </Page>
  );
}

interface SideBySideProps {
  found: Compared;
  report: Report;
  selection: Selection;
  show: (next: Selection) => void;
}

function SideBySide({ found: { versions }, report, selection, show }: SideBySideProps) {
  const rows = metricRows(report);
  return (
    <>
      <Outcome report={report} />
      <Metrics report={report} rows={rows} />
      <Parallel versions={versions} rows={rows} />
      <Live
        versions={versions}
        role={selection.role}
        since={selection.since}
        onChoose={(chosen) => {
          show({ ...selection, ...chosen });
        }}
      />
      <Parameters
        versions={versions}
        showAll={selection.allParameters}
        onShowAll={(allParameters) => {
          show({ ...selection, allParameters });
        }}
      />
      <Signatures versions={versions} />
      <Origin versions={versions} />
      <Share versions={versions} />
    </>
  );
}

function Outcome({ report }: { report: Report }) {
  const best = report.versions.find((one) => one.id === report.winner);
  return (
    <Section title={said.outcome.title}>
      <div class="notice" data-kind={best === undefined ? "plain" : "good"}>
        <p class="row">
          <strong>{best === undefined ? said.outcome.undecided : said.outcome.best(nameOf(best))}</strong>
          {best !== undefined && <Badge kind="good">{said.outcome.sure(percent(report.confidence_score))}</Badge>}
        </p>
        <p>{explained(report)}</p>
      </div>
    </Section>
  );
}

function explained({ explanation, versions }: Report): string {
  const told = named(explanation, versions);
  // A sentence that begins with the name of a version keeps it as it is written.
  return versions.some((one) => told.startsWith(nameOf(one))) ? `${told}.`.replace(/\.\.$/, ".") : sentence(told);
}

/** What to do while there is nothing to compare: choose more, for which the latest versions are offered. */
function TooFew({ versions, onAdd }: { versions: readonly Version[]; onAdd: (reference: string) => void }) {
  const first = versions[0];
  const data = useData(first?.name ?? "", async (signal) => {
    const query = { limit: SUGGESTED + 1 };
    const asked =
      first === undefined
        ? api.GET("/api/models/versions", { params: { query }, signal })
        : api.GET("/api/models/{name}/versions", { params: { path: { name: first.name }, query }, signal });
    return (await answered(asked)).versions;
  });
  const offered = (data.value ?? []).filter((one) => one.id !== first?.id).slice(0, SUGGESTED);
  const [one, two] = [...versions.map(nameOf), ...offered.map(nameOf)];
  return (
    <Empty
      text={first === undefined ? said.empty.none : said.empty.one}
      command={line("compare", one ?? "fraud/1.0.0", two ?? "fraud/1.1.0")}
    >
      {offered.length > 0 && (
        <div class="row suggested">
          <span>{said.empty.suggested}</span>
          {offered.map((version) => (
            <button
              key={version.id}
              type="button"
              class="button"
              data-kind="small"
              onClick={() => {
                onAdd(nameOf(version));
              }}
            >
              {said.empty.add(nameOf(version))}
            </button>
          ))}
        </div>
      )}
    </Empty>
  );
}
