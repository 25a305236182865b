/** How a metric went from version to version. */

import { useMemo } from "preact/hooks";

import { answered, api, type Schemas } from "../../api/client";
import { useData } from "../../data/use";
import { paths } from "../../paths";
import { Choice } from "../../ui/action";
import { line } from "../../ui/command";
import { Empty, Loaded } from "../../ui/notices";
import { Section } from "../../ui/page";
import { Plot } from "../../ui/plot";
import { figure } from "../../ui/values";
import { modelWords } from "../../words/model";

type TrendRecord = Schemas["TrendRecord"];
const say = modelWords.metric;

interface Props {
  name: string;
  /** The newest version, where there is one. */
  newest: string;
  metrics: readonly string[];
  metric: string;
  choose: (metric: string) => void;
}

export function Metric({ name, newest, metrics, metric, choose }: Props) {
  const choice = metrics.length > 0 && (
    <div class="model-filters">
      <Choice label={say.choose} value={metric} options={metrics.map((one) => [one, one] as const)} onInput={choose} />
    </div>
  );
  return (
    <Section title={say.title}>
      <div class="card section model-metric">
        {choice}
        {metric === "" ? (
          <Empty text={say.none} command={line("update", `${name}/${newest || "1.0.0"}`, "--metrics", '{"accuracy": 0.94}')} />
        ) : (
          <Trend name={name} metric={metric} />
        )}
      </div>
    </Section>
  );
}

function Trend({ name, metric }: { name: string; metric: string }) {
  const data = useData(
    `trend\n${name}\n${metric}`,
    (over) =>
      answered(
        api.GET("/api/models/{reference}/trend", {
          params: { path: { reference: `${name}/latest` }, query: { metric, across: "versions" } },
          signal: over,
        }),
      ),
    { on: (event) => event.model === name && event.type.startsWith("version."), keeps: true },
  );
  return <Loaded data={data}>{(trend) => <Line trend={trend} />}</Loaded>;
}

function Line({ trend }: { trend: TrendRecord }) {
  const { x, series, xText } = useMemo(() => {
    const { points } = trend;
    return {
      x: points.map((_, place) => place),
      series: [{ name: trend.metric, values: points.map((one) => one.value ?? null) }],
      // The axis has places between versions, too, which have no name.
      xText: (place: number) => points[place]?.version ?? "",
    };
  }, [trend]);
  return (
    <>
      <Plot label={say.plot(trend.metric)} x={x} series={series} xText={xText} />
      <Told trend={trend} />
    </>
  );
}

const DIRECTIONS: Record<string, string> = { higher: say.higher, lower: say.lower };
const TRENDS: Record<string, string> = { better: say.better, worse: say.worse, same: say.same };

function Told({ trend }: { trend: TrendRecord }) {
  const best = trend.points.find((one) => one.id === trend.best);
  const newest = trend.points.findLast((one) => typeof one.value === "number");
  const told = newest === undefined ? undefined : TRENDS[trend.trend];
  return (
    <p class="faint">
      {best !== undefined && (
        <>
          {say.best}: <a href={paths.version(best.name, best.version)}>{best.version}</a> <b>{figure(best.value)}</b>
          {" · "}
        </>
      )}
      {newest !== undefined && (
        <>
          {say.newest}: {newest.version} <b>{figure(newest.value)}</b>
          {told !== undefined && `, ${told}`}
          {" · "}
        </>
      )}
      {DIRECTIONS[trend.direction] ?? say.unknown}
      {trend.truncated && ` · ${say.truncated}`}
    </p>
  );
}
