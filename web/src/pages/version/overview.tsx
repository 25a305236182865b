/** Everything that is recorded of a version, at a glance. */

import type { ComponentChildren } from "preact";

import { answered, api, type Schemas } from "../../api/client";
import { useData } from "../../data/use";
import { paths } from "../../paths";
import { Copy } from "../../ui/command";
import { Frame, Head } from "../../ui/frame";
import { Some } from "../../ui/notices";
import { Section } from "../../ui/page";
import { bytes, Digest, figure, percent, Time } from "../../ui/values";
import { number } from "../../words";
import { versionWords } from "../../words/version";
import { flattened, plain, safeLink } from "./plain";

type Version = Schemas["VersionRecord"];
const W = versionWords;

export function Overview({ record }: { record: Version }) {
  return (
    <div class="stack">
      <Notes record={record} />
      <div class="split">
        <div class="stack apart">
          <Section title={W.metrics.title}>
            <Metrics record={record} />
          </Section>
          <Table words={W.params} values={record.hyperparameters} />
          <Table words={W.more} values={rest(record)} />
        </div>
        <div class="stack apart">
          <Section title={W.facts.title}>
            <Facts record={record} />
          </Section>
          <Table words={W.tags} values={record.tags} />
          <Table words={W.provider} values={record.provider} />
        </div>
      </div>
    </div>
  );
}

/** What has no place of its own on the page. */
function rest(record: Version): Record<string, unknown> {
  const lineage = record.data_lineage ?? {};
  return {
    ...record.extra,
    ...record.resource_utilisation,
    ...(Object.keys(lineage).length > 0 ? { data_lineage: lineage } : {}),
    ...record.environment,
  };
}

function Notes({ record }: { record: Version }) {
  const said = (
    [
      [W.notes.description, record.description],
      [W.notes.changelog, record.changelog],
      [W.notes.migration, record.migration_notes],
      [W.notes.issues, record.known_issues],
      [W.notes.breaking, record.allow_breaking],
    ] as const
  ).filter(([, text]) => text !== "");
  if (said.length === 0) return null;
  return (
    <div class="card">
      <dl class="facts" aria-label={W.notes.title}>
        {said.map(([label, text]) => (
          <Fact key={label} label={label}>
            <span class="said">{text}</span>
          </Fact>
        ))}
      </dl>
    </div>
  );
}

function Facts({ record }: { record: Version }) {
  const { facts } = W;
  const framework = [record.framework, record.framework_version].filter((one) => one !== "").join(" ");
  const said = (
    [
      [facts.framework, framework],
      [facts.type, record.model_type],
      [facts.flavour, record.flavour],
      [facts.architecture, record.architecture],
      [facts.optimizer, record.optimizer],
      [facts.loss, record.loss_function],
      [facts.trainingData, record.training_data],
      [facts.dataVersion, record.data_version],
      [facts.featureVersion, record.feature_version],
      [facts.codeVersion, record.code_version],
      [facts.run, record.training_run_id],
      [facts.source, record.source],
      [facts.owner, record.owner],
      [facts.team, record.team],
      [facts.by, record.created_by],
    ] as const
  ).filter(([, text]) => text !== "");
  return (
    <dl class="facts card">
      <Fact label={facts.number}>{number(record.number)}</Fact>
      {said.map(([label, text]) => (
        <Fact key={label} label={label}>
          <Told text={text} />
        </Fact>
      ))}
      {record.parent_id != null && <Fact label={facts.parent}>{<Parent id={record.parent_id} />}</Fact>}
      {record.training_timestamp !== "" && (
        <Fact label={facts.trained}>
          <Time at={record.training_timestamp} />
        </Fact>
      )}
      <Fact label={facts.registered}>
        <Time at={record.created_at} />
      </Fact>
      <Fact label={facts.changed}>
        <Time at={record.updated_at} />
      </Fact>
      {record.model_size_bytes > 0 && <Fact label={facts.size}>{bytes(record.model_size_bytes)}</Fact>}
      {record.digest !== "" && (
        <Fact label={facts.digest}>
          <Digest value={record.digest} />
        </Fact>
      )}
      <Fact label={facts.id}>
        <span class="row">
          <code>{record.id}</code> <Copy text={record.id} />
        </span>
      </Fact>
      {record.completeness !== undefined && (
        <Fact label={facts.complete}>
          {facts.completeness(percent(record.completeness.score), (record.completeness.missing ?? []).join(", "))}
        </Fact>
      )}
    </dl>
  );
}

function Fact({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </>
  );
}

/** The version that this one was made from: its record names it by its id, people by its name. */
function Parent({ id }: { id: string }) {
  const { value } = useData(id, (signal) =>
    answered(api.GET("/api/models/{reference}/resolve", { params: { path: { reference: id } }, signal })),
  );
  // A parent that was deleted is only known by its id.
  if (value === undefined) return <code>{id}</code>;
  return (
    <a href={paths.version(value.name, value.version)}>
      {value.name} {value.version}
    </a>
  );
}

function Told({ text }: { text: string }) {
  const href = safeLink(text);
  return href === undefined ? (
    <span class="said">{text}</span>
  ) : (
    <a class="said" href={href} rel="noreferrer noopener" target="_blank">
      {text}
    </a>
  );
}

function Metrics({ record }: { record: Version }) {
  const columns = [
    [W.metrics.value, record.metrics ?? {}],
    [W.metrics.training, record.training_metrics ?? {}],
    [W.metrics.validation, record.validation_metrics ?? {}],
  ] as const;
  const shown = columns.filter(([, values], place) => place === 0 || Object.keys(values).length > 0);
  const samples = record.metric_samples ?? {};
  const hasSamples = Object.keys(samples).length > 0;
  const names = [...new Set([...columns.flatMap(([, values]) => Object.keys(values)), ...Object.keys(samples)])].sort();
  if (names.length === 0) return <p class="faint">{W.metrics.none}</p>;
  return (
    <Frame label={W.metrics.title}>
      <table aria-label={W.metrics.title}>
        {record.sample_size != null && <caption>{W.metrics.size(number(record.sample_size))}</caption>}
        <thead>
          <tr>
            <th scope="col">{W.metrics.name}</th>
            {shown.map(([label]) => (
              <th key={label} scope="col" data-numbers>
                {label}
              </th>
            ))}
            {hasSamples && (
              <th scope="col" data-numbers>
                {W.metrics.samples}
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {names.map((name) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {shown.map(([label, values]) => (
                <td key={label} data-numbers title={values[name] === undefined ? undefined : String(values[name])}>
                  {figure(values[name])}
                </td>
              ))}
              {hasSamples && <td data-numbers>{samples[name] === undefined ? "–" : number(samples[name].length)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </Frame>
  );
}

interface TableWords {
  title: string;
  name: string;
  value: string;
}

/** A table of names and values; nothing at all where there are none. */
function Table({ words: said, values }: { words: TableWords; values: Record<string, unknown> | undefined }) {
  const rows = flattened(values ?? {});
  if (rows.length === 0) return null;
  return (
    <Section title={said.title}>
      <Some items={rows}>
        {(shown) => (
          <Frame label={said.title} isTall>
            <table aria-label={said.title}>
              <Head of={[said.name, said.value]} />
              <tbody>
                {shown.map(([name, value]) => (
                  <tr key={name}>
                    <th scope="row">{name}</th>
                    <td>
                      <Told text={plain(value)} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Frame>
        )}
      </Some>
    </Section>
  );
}
