/** What is recorded of a deployment: what was before it, the terms that it goes by, and what happened. */

import { paths } from "../../paths";
import { Badge } from "../../ui/badges";
import { Section } from "../../ui/page";
import { figure, percent, seconds } from "../../ui/values";
import { number } from "../../words";
import { deploymentWords } from "../../words/deployment";
import { Frame, Head } from "../../ui/frame";
import { lasting } from "./lasting";
import { Moment } from "./moment";
import { type Deployment, isRollback, stateOf } from "./state";

const told = deploymentWords;

/** The snapshot that a rollback brings back, and how a rollback went. */
export function Before({ one }: { one: Deployment }) {
  if (one.snapshot_id === "") return null;
  const { rollback } = one;
  const address = `${paths.endpoint(one.name)}?environment=${encodeURIComponent(one.environment)}&tab=snapshots`;
  return (
    <Section title={told.snapshot.title}>
      <p>
        {told.snapshot.text} {rollback && told.snapshot.restored(seconds(rollback.seconds), number(rollback.epoch))}
      </p>
      <p class="row">
        <span class="faint">{told.snapshot.id}</span> <code>{one.snapshot_id}</code>
        <a href={`${address}&from=${encodeURIComponent(one.snapshot_id)}`}>{told.snapshot.see}</a>
      </p>
    </Section>
  );
}

/** What a deployment goes by; fixed when it starts. */
export function Terms({ one }: { one: Deployment }) {
  const rows = termsOf(one);
  if (isRollback(one) || rows.length === 0) return null;
  return (
    <Section title={told.options.title}>
      <dl class="facts card">
        {rows.map(([name, text]) => (
          <div key={name} class="pair">
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}

function termsOf({ options, plan }: Deployment): [string, string][] {
  const { judge, limits, window } = options;
  const bounds = [
    typeof limits?.max_error_rate === "number" ? told.options.maxErrorRate(percent(limits.max_error_rate)) : "",
    typeof limits?.max_p95_s === "number" ? told.options.maxP95(seconds(limits.max_p95_s)) : "",
    typeof limits?.max_p99_s === "number" ? told.options.maxP99(seconds(limits.max_p99_s)) : "",
  ].filter((one) => one !== "");
  const rows: [string, string][] = [
    [told.options.judge, told.options.judges(judge.mode, percent(judge.alpha), judge.metrics.join(", "))],
    [told.options.limits, bounds.join(", ")],
    [told.options.probes, figure(options.probes)],
    [told.options.inconclusive, told.steps.onInconclusive[options.on_inconclusive as "hold"] ?? options.on_inconclusive],
    [told.options.bake, plan.bake_seconds > 0 ? lasting(plan.bake_seconds) : ""],
    [told.options.keepWarm, typeof options.keep_warm_seconds === "number" ? lasting(options.keep_warm_seconds) : ""],
    [
      told.options.window,
      window ? told.steps.window(window.days.join(", ") || told.steps.everyDay, window.start, window.end, window.timezone) : "",
    ],
  ];
  return rows.filter(([, text]) => text !== "");
}

export function History({ one }: { one: Deployment }) {
  const lines = one.history.toReversed();
  if (lines.length === 0) return null;
  const { history } = told;
  return (
    <Section title={history.title}>
      <Frame label={history.caption}>
        <table>
          <caption>{history.caption}</caption>
          <Head of={[history.at, history.event, history.state, history.step, history.actor, history.reason]} />
          <tbody>
            {lines.map((line) => (
              <tr key={line.position}>
                <td>
                  <Moment at={line.at} />
                </td>
                <th scope="row">{line.event.replaceAll("_", " ")}</th>
                <td>
                  <Badge kind={stateOf(line.to_state).kind}>{stateOf(line.to_state).text}</Badge>
                </td>
                <td class="numbers">{number(line.step + 1)}</td>
                <td>{line.actor}</td>
                <td class="reason">{line.reason}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Frame>
    </Section>
  );
}
