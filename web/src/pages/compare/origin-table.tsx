/** Where the versions come from: their lines of ancestors, what they share with the base, data, code, and content. */

import type { ComponentChildren } from "preact";

import { answered, api } from "../../api/client";
import { useData } from "../../data/use";
import { paths } from "../../paths";
import { Badge } from "../../ui/badges";
import { Loaded } from "../../ui/notices";
import { Section } from "../../ui/page";
import { bytes, Time } from "../../ui/values";
import { compareWords } from "../../words/compare";
import { nameOf, type Version } from "./load";
import { commonAncestor, factRows } from "./origin";
import { VersionTable } from "./table";

const said = compareWords.origin;
/** Ancestors that are named; the nearest ones tell most. */
const SHOWN = 3;

export function Origin({ versions }: { versions: readonly Version[] }) {
  const key = versions.map((one) => one.id).join(" ");
  const data = useData(key, (signal) => loadLines(versions, signal));
  return (
    <Section title={said.title}>
      <Loaded data={data}>{(lines) => <Table versions={versions} lines={lines} />}</Loaded>
    </Section>
  );
}

async function loadLines(versions: readonly Version[], signal: AbortSignal): Promise<Version[][]> {
  const asked = versions.map((one) =>
    answered(api.GET("/api/models/{reference}/lineage", { params: { path: { reference: one.id } }, signal })),
  );
  return (await Promise.all(asked)).map((one) => one.versions);
}

function Table({ versions, lines }: { versions: readonly Version[]; lines: readonly Version[][] }) {
  const base = lines[0] ?? [];
  const cells = (of: (one: Version, place: number) => ComponentChildren) =>
    versions.map((one, place) => <td key={one.id}>{of(one, place)}</td>);
  return (
    <VersionTable caption={said.caption} corner={said.fact} versions={versions}>
      <tr>
        <th scope="row">{said.rows.line}</th>
        {cells((one, place) => (
          <Ancestors line={(lines[place] ?? []).filter((other) => other.id !== one.id)} />
        ))}
      </tr>
      <tr>
        <th scope="row">{said.rows.common}</th>
        {cells((_, place) => (place === 0 ? "–" : <Shared version={commonAncestor(lines[place] ?? [], base)} />))}
      </tr>
      {factRows(versions).map((row) => (
        <tr key={row.fact}>
          <th scope="row">
            <span class="name">{said.rows[row.fact]}</span>
            {row.isDifferent && <Badge kind="info">{said.differs}</Badge>}
          </th>
          {cells((_, place) => row.values[place] || "–")}
        </tr>
      ))}
      <tr>
        <th scope="row">{said.rows.created_at}</th>
        {cells((one) => (
          <Time at={one.created_at} />
        ))}
      </tr>
      <tr>
        <th scope="row">{said.rows.size}</th>
        {cells((one) => bytes(one.model_size_bytes))}
      </tr>
      <tr>
        <th scope="row">{said.rows.digest}</th>
        {cells((one) => (
          <code title={one.digest}>{one.digest === "" ? "–" : `${one.digest.slice(0, 12)}…`}</code>
        ))}
      </tr>
    </VersionTable>
  );
}

function Ancestors({ line }: { line: readonly Version[] }) {
  if (line.length === 0) return <span class="faint">{said.first}</span>;
  return (
    <ol class="plain line-of">
      {line.length > SHOWN && <li class="faint">…</li>}
      {line.slice(-SHOWN).map((one) => (
        <li key={one.id}>
          <a href={paths.version(one.name, one.version)}>{nameOf(one)}</a>
        </li>
      ))}
    </ol>
  );
}

function Shared({ version }: { version: Version | undefined }) {
  if (version === undefined) return <span class="faint">{said.noCommon}</span>;
  return <a href={paths.version(version.name, version.version)}>{nameOf(version)}</a>;
}
