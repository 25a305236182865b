/** A deployment in a line: which one, how it stands, how far it is. */

import { paths } from "../../paths";
import { Badge } from "../../ui/badges";
import { percent, Time } from "../../ui/values";
import { deploymentWords } from "../../words/deployment";
import { type Deployment, isRollback, stateOf, stepText, strategyOf } from "../deployment/state";
import { farOf, partsOf } from "./progress";

const told = deploymentWords.list;

export function Row({ one }: { one: Deployment }) {
  const { text, kind } = stateOf(one.state);
  return (
    <li class="card">
      <p class="who">
        <a href={paths.deployment(one.id)}>
          <strong>{one.name}</strong> {changeOf(one)}
        </a>
        <br />
        <span class="faint">
          {one.environment} · {strategyOf(one)}
        </span>
      </p>
      <p class="how">
        <Badge kind={kind}>{text}</Badge>
      </p>
      <Progress one={one} />
      <p class="faint">
        <Time at={one.finished_at ?? one.created_at} /> {one.actor !== "" && told.by(one.actor)}
      </p>
      {one.reason !== "" && !one.reason.endsWith("probes passed") && <p class="why faint">{one.reason}</p>}
    </li>
  );
}

function changeOf(one: Deployment): string {
  if (isRollback(one)) return told.back(one.version, one.rollback?.left ?? one.base ?? "");
  return typeof one.base === "string" ? told.instead(one.version, one.base) : told.first(one.version);
}

function Progress({ one }: { one: Deployment }) {
  const parts = partsOf(one);
  const said = one.live ? `${stepText(one)}, ${percent(one.weight)}` : stateOf(one.state).text;
  return (
    <div>
      <svg width="100%" height="8" role="img" aria-label={told.progress(said)}>
        <rect class="back" width="100%" height="8" rx="4" />
        <rect class="front" width={`${String(farOf(one) * 100)}%`} height="8" rx="4" />
        {Array.from({ length: parts - 1 }, (_, at) => (
          <rect key={at} class="notch" x={`${String(((at + 1) / parts) * 100)}%`} width="2" height="8" />
        ))}
      </svg>
      {one.live && <small class="faint numbers">{said}</small>}
    </div>
  );
}
