/** How a test between versions stands, and who has won. */

import { answered, api, type Schemas } from "../../api/client";
import { useData } from "../../data/use";
import { Badge, type Kind } from "../../ui/badges";
import { Loaded } from "../../ui/notices";
import { Section } from "../../ui/page";
import { figure, percent } from "../../ui/values";
import { number } from "../../words";
import { deploymentWords } from "../../words/deployment";
import { Frame } from "../../ui/frame";
import { evidenceText } from "./evidence";
import type { Deployment } from "./state";
import { type Whole, whole } from "./whole";

const told = deploymentWords.test;
const EVERY_S = 5;
const KINDS: Record<string, Kind> = { better: "good", worse: "bad" };

type Result = Whole<Schemas["AbResult"]>;

export function Test({ one }: { one: Deployment }) {
  const data = useData(
    `deployment test ${one.id} ${one.state}`,
    (signal) => whole(answered(api.GET("/api/deployments/{id}/test", { params: { path: { id: one.id } }, signal }))),
    { every: one.live ? EVERY_S : undefined },
  );
  return (
    <Section title={told.title}>
      <Loaded data={data}>{(result) => <Standing result={result} />}</Loaded>
    </Section>
  );
}

function Standing({ result }: { result: Result }) {
  const { standing, options } = result;
  return (
    <>
      <p class="said-first">{result.said}</p>
      {/* It is said anew every few seconds; aloud only what came of it. */}
      <p class="hidden-text" role="status">
        {result.winner !== "" && result.said}
      </p>
      <Frame label={told.title}>
        <table>
          <caption>
            {told.caption(options.metric, percent(options.alpha))}{" "}
            {standing.limit > 0 && told.limit(figure(standing.limit))}
          </caption>
          <thead>
            <tr>
              <th scope="col">{told.version}</th>
              {[told.units, told.mean, told.effect, told.better, told.worse].map((heading) => (
                <th key={heading} scope="col" data-numbers>
                  {heading}
                </th>
              ))}
              <th scope="col">{told.verdict}</th>
            </tr>
          </thead>
          <tbody>
            {standing.arms.map((arm) => (
              <ArmRow key={arm.version_id} arm={arm} result={result} />
            ))}
          </tbody>
        </table>
      </Frame>
    </>
  );
}

function ArmRow({ arm, result }: { arm: Schemas["AbArm"]; result: Result }) {
  const compared = result.standing.comparisons.find((one) => one.version_id === arm.version_id);
  const isReference = compared === undefined;
  return (
    <tr>
      <th scope="row">
        {arm.version} {arm.version === result.winner && <Badge kind="good">{told.winner}</Badge>}
      </th>
      <td data-numbers>{number(arm.units)}</td>
      <td data-numbers>{figure(arm.mean)}</td>
      <td data-numbers>
        {isReference ? "–" : figure(compared.effect)}
        {typeof compared?.low === "number" && typeof compared.high === "number" && (
          <div class="faint">{deploymentWords.arms.between(figure(compared.low), figure(compared.high))}</div>
        )}
      </td>
      <td data-numbers>{isReference ? "–" : evidenceText(compared.e_better, figure)}</td>
      <td data-numbers>{isReference ? "–" : evidenceText(compared.e_worse, figure)}</td>
      <td>
        {isReference ? (
          <span class="faint">{told.reference}</span>
        ) : (
          <Badge kind={KINDS[compared.verdict] ?? "plain"}>{compared.verdict || deploymentWords.verdicts.PENDING}</Badge>
        )}
      </td>
    </tr>
  );
}
