/** What each next move would need of this version, and whether it is there. */

import { answered, api, type Schemas } from "../../api/client";
import { type Data, useData } from "../../data/use";
import { Badge } from "../../ui/badges";
import { Command, line } from "../../ui/command";
import { Frame, Head } from "../../ui/frame";
import { Empty, Loaded, Said } from "../../ui/notices";
import { Section } from "../../ui/page";
import { Time } from "../../ui/values";
import { counted, number } from "../../words";
import { versionWords } from "../../words/version";
import { gatedFirst, missing, wait } from "./moves";
import { evidence } from "./plain";

type Version = Schemas["VersionRecord"];
const W = versionWords.gates;

/** What a move to a stage would need; asked again when something happens to the model. */
export function useGates(record: Version, stage: string): Data<Schemas["GateReport"] | null> {
  const reference = `${record.name}/${record.version}`;
  return useData<Schemas["GateReport"] | null>(
    `${reference} ${record.stage} ${stage}`,
    async (signal) => {
      if (stage === "") return null;
      const asked = { params: { path: { reference } }, body: { target_stage: stage }, signal };
      return answered(api.POST("/api/models/{reference}/gates", asked));
    },
    { on: (event) => event.model === record.name },
  );
}

interface Props {
  record: Version;
  graph: Schemas["GraphRecord"] | undefined;
}

export function Gates({ record, graph }: Props) {
  const stages = graph === undefined ? [] : gatedFirst(graph, record.stage);
  return (
    <div class="stack">
      {stages.map((stage) => (
        <Move key={stage} record={record} stage={stage} />
      ))}
      {stages.length === 0 && <Empty text={graph === undefined ? W.noGraph : W.end} />}
      <Tests record={record} />
    </div>
  );
}

function Move({ record, stage }: { record: Version; stage: string }) {
  const report = useGates(record, stage);
  const found = report.value ?? undefined;
  return (
    <Section title={W.move(record.stage, stage)} actions={found !== undefined && <Outcome report={found} />}>
      <Loaded data={report}>{(value) => value !== null && <Report report={value} />}</Loaded>
    </Section>
  );
}

function Outcome({ report }: { report: Schemas["GateReport"] }) {
  if (report.met) return <Badge kind="good">{W.met}</Badge>;
  return <Badge kind="bad">{W.missing(number(missing(report).length))}</Badge>;
}

function Report({ report }: { report: Schemas["GateReport"] }) {
  const verdicts = report.verdicts ?? [];
  const others = report.would_replace ?? [];
  return (
    <>
      {verdicts.length === 0 ? <p class="faint">{W.free}</p> : <Verdicts report={report} />}
      {report.approvals_needed > 0 && (
        <p>{W.approvals(counted(report.approvals_needed, W.approval, W.approvalsMany))}</p>
      )}
      {others.length > 0 && (
        <p>
          {W.replaces} {others.join(", ")}
        </p>
      )}
    </>
  );
}

function Verdicts({ report }: { report: Schemas["GateReport"] }) {
  const title = W.move(report.from_stage, report.target_stage);
  return (
    <Frame label={title}>
      <table aria-label={title} class="verdicts">
        <Head of={[W.requirement, W.verdict, W.required, W.why]} />
        <tbody>
          {(report.verdicts ?? []).map((one) => (
            <tr key={one.requirement}>
              <th scope="row">{one.requirement}</th>
              <td>
                <Badge kind={one.met ? "good" : "bad"}>{one.met ? W.yes : W.no}</Badge>
              </td>
              <td>{wait(one.requirement, one.required) ?? evidence(one.required)}</td>
              <td>
                <Said text={one.reason} />
                {typeof one.actual === "object" && one.actual !== null && (
                  <details>
                    <summary>{W.found}</summary>
                    <span class="said">{evidence(one.actual)}</span>
                  </details>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Frame>
  );
}

function Tests({ record }: { record: Version }) {
  const reference = `${record.name}/${record.version}`;
  const tests = useData(
    reference,
    (signal) => answered(api.GET("/api/models/{reference}/tests", { params: { path: { reference } }, signal })),
    { on: (event) => event.model === record.name },
  );
  return (
    <Section title={W.tests}>
      <Loaded data={tests}>
        {({ results }) =>
          results.length === 0 ? (
            <>
              <p class="faint">{W.noTests}</p>
              <Command line={line("test", reference)} />
            </>
          ) : (
            <TestTable results={results} />
          )
        }
      </Loaded>
    </Section>
  );
}

function TestTable({ results }: { results: Schemas["SuiteResult"][] }) {
  const sources: Record<string, string> = W.sources;
  return (
    <Frame label={W.tests}>
      <table aria-label={W.tests}>
        <Head of={[W.suite, W.outcome, W.at, W.by, W.source]} />
        <tbody>
          {results.map((one) => (
            <tr key={one.suite}>
              <th scope="row">{one.suite}</th>
              <td>
                <Badge kind={one.passed ? "good" : "bad"}>{one.passed ? W.passed : W.failed}</Badge>
              </td>
              <td>
                <Time at={one.at} />
              </td>
              <td>{one.by}</td>
              <td>
                {sources[one.source] ?? one.source}
                {one.output !== "" && (
                  <details>
                    <summary>{W.output}</summary>
                    <pre class="json">{one.output}</pre>
                  </details>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Frame>
  );
}
