/** The registry in numbers, and the files that nobody needs any more. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

import { answered, api, once, type Schemas } from "../../api/client";
import { useData } from "../../data/use";
import { Action, Field } from "../../ui/action";
import { Command, line } from "../../ui/command";
import { Frame } from "../../ui/frame";
import { Loaded } from "../../ui/notices";
import { Section } from "../../ui/page";
import { bytes, percent, Time } from "../../ui/values";
import { counted, number } from "../../words";
import { storageWords as words } from "../../words/storage";
import { commonFirst, saved } from "./numbers";

type Stats = Required<Schemas["Stats"]>;
type Report = Schemas["GarbageReport"];
const said = words.store;

export function Store() {
  const data = useData("stats", async (signal) => (await answered(api.GET("/api/stats", { signal }))) as Stats, {
    on: ({ type }) => type.startsWith("version.") || type.startsWith("model."),
    every: 15,
  });
  return (
    <div class="stack">
      <Section title={said.title}>
        <Loaded data={data}>{(stats) => <Numbers stats={stats} />}</Loaded>
      </Section>
      <Garbage onDone={data.reload} />
    </div>
  );
}

function Numbers({ stats }: { stats: Stats }) {
  const spared = saved(stats.total_size_bytes, stats.stored_size_bytes);
  return (
    <>
      <dl class="card figures">
        <Figure label={said.models}>{number(stats.total_models)}</Figure>
        <Figure
          label={said.versions}
          note={stats.last_registered === null ? undefined : <LastOne at={stats.last_registered} />}
        >
          {number(stats.total_versions)}
        </Figure>
        <Figure label={said.size}>{bytes(stats.total_size_bytes)}</Figure>
        <Figure label={said.stored} note={spared > 0 ? said.saved(percent(spared)) : undefined}>
          {bytes(stats.stored_size_bytes)}
        </Figure>
        <Figure label={said.artifacts} note={said.artifactsSize(bytes(stats.artifacts_size_bytes))}>
          {number(stats.total_artifacts)}
        </Figure>
        <Figure label={said.aliases}>{number(stats.total_aliases)}</Figure>
        <Figure label={said.endpoints}>{said.of(number(stats.serving_endpoints), number(stats.total_endpoints))}</Figure>
        <Figure label={said.events}>{number(stats.total_events)}</Figure>
      </dl>
      <div class="counts">
        <Counts title={said.stages} counts={stats.models_by_stage} />
        <Counts title={said.frameworks} counts={stats.frameworks} />
        <Counts title={said.labels} counts={stats.versions_by_label} />
      </div>
    </>
  );
}

function LastOne({ at }: { at: string }) {
  return (
    <>
      {said.last} <Time at={at} />
    </>
  );
}

function Figure({ label, note, children }: { label: string; note?: ComponentChildren; children: ComponentChildren }) {
  return (
    <div class="figure">
      <dt class="faint">{label}</dt>
      <dd>
        <span class="figure-value numbers">{children}</span>
        {note !== undefined && <span class="faint">{note}</span>}
      </dd>
    </div>
  );
}

function Counts({ title, counts }: { title: string; counts: Record<string, number> }) {
  const rows = commonFirst(counts);
  const most = Math.max(1, ...rows.map(([, count]) => count));
  return (
    <Frame label={title}>
      <table>
        <caption>{title}</caption>
        <thead class="hidden-text">
          <tr>
            <th scope="col">{said.what}</th>
            <th scope="col">{said.count}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, count]) => (
            <tr key={name}>
              <th scope="row" class="wrap">
                {name}
                <meter class="share" min={0} max={most} value={count} aria-hidden="true" />
              </th>
              <td data-numbers>{number(count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Frame>
  );
}

function Garbage({ onDone }: { onDone: () => void }) {
  const [grace, setGrace] = useState("3600");
  const [report, setReport] = useState<Report>();
  const options = grace === "3600" ? [] : ["--grace", grace];
  const collect = (dry_run: boolean) => async () => {
    const body = { dry_run, grace_seconds: Number(grace) };
    setReport(await answered(api.POST("/api/gc", { body, params: { header: once() } })));
  };
  const field = <Field label={words.gc.grace} help={words.gc.graceHelp} type="number" value={grace} onInput={setGrace} required />;
  return (
    <Section
      title={words.gc.title}
      actions={
        <div class="row">
          <Action
            label={words.gc.look}
            kind="main"
            effect={words.gc.lookEffect}
            line={line("gc", "--dry-run", ...options)}
            run={collect(true)}
          >
            {field}
          </Action>
          {/* Nobody deletes what they have not seen counted. */}
          <Action
            label={words.gc.collect}
            kind="danger"
            disabled={report?.dry_run !== true || report.blobs + report.stale_uploads === 0}
            effect={words.gc.collectEffect(grace)}
            line={line("gc", ...options)}
            run={collect(false)}
            onDone={onDone}
          />
        </div>
      }
    >
      <p class="faint">{words.gc.why}</p>
      <div role="status">{report !== undefined && <Outcome report={report} />}</div>
      <p class="faint">{words.gc.verify}</p>
      <Command line="modelyard verify" />
    </Section>
  );
}

function Outcome({ report }: { report: Report }) {
  const blobs = counted(report.blobs, "file", "files");
  const size = bytes(report.bytes);
  return (
    <div class="notice" data-kind={report.dry_run ? "plain" : "good"}>
      <p>
        {report.dry_run ? words.gc.would(blobs, size) : words.gc.did(blobs, size)}{" "}
        {report.stale_uploads > 0 && words.gc.uploads(counted(report.stale_uploads, "unfinished upload", "unfinished uploads"))}{" "}
        {words.gc.kept(counted(report.kept_blobs, "file", "files"), bytes(report.kept_bytes))}
      </p>
    </div>
  );
}
