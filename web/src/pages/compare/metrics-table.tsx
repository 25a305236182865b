/** Metrics side by side: values, differences to the base, what is best, and how sure the server is. */

import { Badge } from "../../ui/badges";
import { Section } from "../../ui/page";
import { figure, percent } from "../../ui/values";
import { language } from "../../words";
import { compareWords } from "../../words/compare";
import type { Report } from "./load";
import type { MetricCell, MetricRow, Standing } from "./metrics";
import { VersionTable } from "./table";

const said = compareWords.metrics;

export function Metrics({ report, rows }: { report: Report; rows: readonly MetricRow[] }) {
  if (rows.length === 0) {
    return (
      <Section title={said.title}>
        <p class="faint">{said.none}</p>
      </Section>
    );
  }
  return (
    <Section title={said.title}>
      <VersionTable caption={said.caption} corner={said.metric} versions={report.versions}>
        {rows.map((row) => (
          <tr key={row.name}>
            <th scope="row">
              <span class="name">{row.name}</span>
              <small>{row.direction === null ? said.unknown : said[row.direction]}</small>
            </th>
            {row.cells.map((cell, place) => (
              <td key={report.versions[place]?.id}>
                <Value cell={cell} />
              </td>
            ))}
          </tr>
        ))}
        <Overall report={report} />
      </VersionTable>
    </Section>
  );
}

function Value({ cell }: { cell: MetricCell }) {
  if (cell.value === null) return <span class="faint">–</span>;
  return (
    <span class="value" data-best={cell.isBest}>
      <span class="row">
        <span class="main">{figure(cell.value)}</span>
        {cell.isBest && <Badge kind="good">{said.best}</Badge>}
      </span>
      {cell.delta !== null && (
        <small>
          {signed(cell.delta)}
          {cell.relative !== null && ` (${percentSigned(cell.relative)})`} <StandingWord standing={cell.standing} />
        </small>
      )}
    </span>
  );
}

export function StandingWord({ standing }: { standing: Standing | null }) {
  return standing === null ? null : (
    <span class="standing" data-standing={standing}>
      {said[standing]}
    </span>
  );
}

/** Each version against the base as a whole. */
function Overall({ report }: { report: Report }) {
  const texts = report.comparisons.map((one) => {
    if (one.winner === null) return said.overallNone;
    const sure = percent(one.confidence_score);
    return one.winner === one.b.id ? said.overallBetter(sure) : said.overallWorse(sure);
  });
  return (
    <tr class="overall">
      <th scope="row">{said.overall}</th>
      <td>–</td>
      {report.comparisons.map((one, place) => (
        <td key={one.b.id}>
          <span class="value">
            <span>{texts[place]}</span>
            <small>{compareWords.outcome.basis[one.basis] ?? one.basis}</small>
          </span>
        </td>
      ))}
    </tr>
  );
}

function signed(value: number): string {
  return figure(value, { maximumSignificantDigits: 3, signDisplay: "exceptZero" });
}

function percentSigned(share: number): string {
  return share.toLocaleString(language, { style: "percent", maximumFractionDigits: 1, signDisplay: "exceptZero" });
}
