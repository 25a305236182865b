/** How a deployment stands: in a sentence, in shares of the traffic, and when it goes on. */

import { paths } from "../../paths";
import { Badge } from "../../ui/badges";
import { TrafficBar } from "../../ui/traffic";
import { deploymentWords } from "../../words/deployment";
import { useNow } from "./clock";
import { between, lasting } from "./lasting";
import { Moment } from "./moment";
import { type Deployment, hasTraffic, headline, isBaking, isRollback, stateOf, stepNow, traffic, verdictOf } from "./state";

const told = deploymentWords;

export function Summary({ one }: { one: Deployment }) {
  const shares = traffic(one);
  const { kind } = stateOf(one.state);
  const isPlain = one.state === "STAGE" || one.state === "BAKE";
  return (
    <div class="card stands" data-kind={isPlain ? "info" : kind}>
      <div class="section">
        <p class="headline" role="status">
          {headline(one)}
        </p>
        <Reason one={one} />
        {shares.length > 0 && <TrafficBar label={told.traffic} shares={shares} />}
      </div>
      <Facts one={one} />
    </div>
  );
}

function Reason({ one }: { one: Deployment }) {
  const { text, kind } = verdictOf(one.verdict.state);
  const isJudged = hasTraffic(one) || one.verdict.state !== "PENDING";
  // While it goes on, the reason is why it came here, which the history tells; the verdict's own words are enough once.
  const said = one.state === "STAGE" || one.state === "BAKE" || one.reason === one.verdict.reason ? "" : one.reason;
  return (
    <>
      {isJudged && !isRollback(one) && (
        <p class="verdict">
          <Badge kind={kind}>{text}</Badge> <span>{one.verdict.reason}</span>
        </p>
      )}
      {said !== "" && <p class="faint">{said}</p>}
    </>
  );
}

function Facts({ one }: { one: Deployment }) {
  const now = useNow(one.live);
  return (
    <dl class="facts">
      <dt>{told.endpoint}</dt>
      <dd>
        <a href={paths.endpoint(one.name, one.environment)}>
          {one.name} · {one.environment}
        </a>
      </dd>
      <dt>{told.began}</dt>
      <dd>
        <Moment at={one.created_at} /> {one.actor !== "" && told.list.by(one.actor)}
      </dd>
      {typeof one.finished_at === "string" ? (
        <>
          <dt>{told.ended}</dt>
          <dd>
            <Moment at={one.finished_at} />
          </dd>
        </>
      ) : (
        <>
          <dt>{told.next.title}</dt>
          <dd class="numbers">{nextText(one, now)}</dd>
        </>
      )}
      <dt>{told.lasted}</dt>
      <dd class="numbers">{lasting(between(one.created_at, one.finished_at ?? now))}</dd>
    </dl>
  );
}

function nextText(one: Deployment, now: Date): string {
  if (one.state === "PAUSED" || (stepNow(one)?.hold === true && !isBaking(one))) return told.next.person;
  const rest = typeof one.due_at === "string" ? between(now.toISOString(), one.due_at) : 0;
  return rest > 0 ? told.next.due(lasting(rest)) : told.next.ready;
}
