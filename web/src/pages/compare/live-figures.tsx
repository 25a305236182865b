/** What the versions did in service; asked for again every few seconds, as no event carries figures. */

import { answered, api } from "../../api/client";
import { useData } from "../../data/use";
import { Choice } from "../../ui/action";
import { Loaded } from "../../ui/notices";
import { Section } from "../../ui/page";
import { figure, percent, seconds, Time } from "../../ui/values";
import { number, words } from "../../words";
import { compareWords } from "../../words/compare";
import { type LiveCell, type LiveRow, liveRows, type Served } from "./live";
import type { Version } from "./load";
import { StandingWord } from "./metrics-table";
import { RANGES, type Range, type Role, ROLES } from "./selection";
import { VersionTable } from "./table";

const said = compareWords.live;
const EVERY_S = 5;

interface Props {
  versions: readonly Version[];
  role: Role;
  since: Range;
  onChoose: (chosen: { role?: Role; since?: Range }) => void;
}

interface Found {
  confidence: number;
  served: (Served | undefined)[];
}

export function Live({ versions, role, since, onChoose }: Props) {
  const key = [role, since, ...versions.map((one) => one.id)].join(" ");
  const data = useData(key, (over) => load(versions, role, since, over), { every: EVERY_S, keeps: true });
  return (
    <Section title={said.title}>
      <div class="row filters">
        <Choice
          label={said.role}
          value={role}
          options={ROLES.map((one) => [one, said.roles[one]] as const)}
          onInput={(chosen) => {
            onChoose({ role: chosen as Role });
          }}
        />
        <Choice
          label={said.since}
          value={since}
          options={RANGES.map((one) => [one, said.ranges[one]] as const)}
          onInput={(chosen) => {
            onChoose({ since: chosen as Range });
          }}
        />
      </div>
      <Loaded data={data}>{(found) => <Figures versions={versions} found={found} />}</Loaded>
    </Section>
  );
}

async function load(versions: readonly Version[], role: Role, since: Range, signal: AbortSignal): Promise<Found> {
  const models = [...new Set(versions.map((one) => one.name))];
  const records = await Promise.all(
    models.map((name) =>
      answered(api.GET("/api/models/{name}/metrics", { params: { path: { name }, query: { role, since, points: 0 } }, signal })),
    ),
  );
  const rows = records.flatMap((one) => one.versions);
  return {
    confidence: records[0]?.confidence ?? 0,
    served: versions.map((one) => rows.find((row) => row.version_id === one.id && row.role === role)),
  };
}

function Figures({ versions, found }: { versions: readonly Version[]; found: Found }) {
  if (found.served.every((one) => one === undefined || one.requests === 0)) return <p class="faint">{said.none}</p>;
  return (
    <>
      <VersionTable caption={said.caption} corner={said.figure} versions={versions}>
        {liveRows(found.served).map((row) => (
          <tr key={row.name}>
            <th scope="row">{said.figures[row.name]}</th>
            {row.cells.map((cell, place) => (
              <td key={versions[place]?.id}>
                <Figure row={row} cell={cell} />
              </td>
            ))}
          </tr>
        ))}
        <tr>
          <th scope="row">{said.seen}</th>
          {found.served.map((one, place) => (
            <td key={versions[place]?.id}>
              {one?.last_seen === null || one?.last_seen === undefined ? words.common.never : <Time at={one.last_seen} />}
            </td>
          ))}
        </tr>
      </VersionTable>
      <p class="faint">{said.caution(percent(found.confidence))}</p>
    </>
  );
}

function Figure({ row, cell }: { row: LiveRow; cell: LiveCell }) {
  if (cell.value === null) return <span class="faint">–</span>;
  const tell = TELL[row.name] ?? figure;
  const hasRange = cell.low !== null || cell.high !== null;
  return (
    <span class="value">
      <span class="main">{tell(cell.value)}</span>
      {(hasRange || cell.standing !== null) && (
        <small>
          {hasRange && said.range(cell.low === null ? "?" : tell(cell.low), cell.high === null ? "?" : tell(cell.high))}{" "}
          <StandingWord standing={cell.standing} />
        </small>
      )}
    </span>
  );
}

const TELL: Partial<Record<LiveRow["name"], (value: number) => string>> = {
  requests: number,
  errors: number,
  error_rate: percent,
  avg_latency: seconds,
  p50_s: seconds,
  p95_s: seconds,
  p99_s: seconds,
};
