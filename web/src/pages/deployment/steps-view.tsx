/** The way of a deployment as a list: what is behind it, where it is, what is to come, and what each part waits for. */

import { Badge, type Kind } from "../../ui/badges";
import { Section } from "../../ui/page";
import { percent } from "../../ui/values";
import { deploymentWords } from "../../words/deployment";
import { useNow } from "./clock";
import { lasting } from "./lasting";
import { Moment } from "./moment";
import type { Deployment } from "./state";
import { type Place, wayOf, type WayPoint } from "./steps";

const told = deploymentWords.steps;
const KINDS: Record<Place, Kind> = { past: "good", now: "info", coming: "plain", skipped: "plain", stopped: "bad" };

export function Steps({ one }: { one: Deployment }) {
  const now = useNow(one.live);
  return (
    <Section title={told.title}>
      <ol class="plain way">
        {wayOf(one, now).map((point) => (
          <Point key={point.key} point={point} />
        ))}
      </ol>
    </Section>
  );
}

function Point({ point }: { point: WayPoint }) {
  return (
    <li class="card" data-place={point.place} aria-current={point.place === "now" ? "step" : undefined}>
      <div class="row spread">
        <h3>{point.title}</h3>
        <span class="row">
          {point.isUnproven && <Badge kind="warn">{told.unproven}</Badge>}
          <Badge kind={KINDS[point.place]}>{told.state[point.place]}</Badge>
        </span>
      </div>
      {point.what !== "" && (
        <>
          <svg class="share" width="100%" height="6" role="img" aria-label={percent(point.share)}>
            <rect class="back" width="100%" height="6" rx="3" />
            <rect class="front" width={`${String(point.share * 100)}%`} height="6" rx="3" />
          </svg>
          <p class="numbers">{point.what}</p>
        </>
      )}
      {point.isUnproven && <p class="faint">{told.unprovenWhy}</p>}
      <Waits point={point} />
      {point.began !== undefined && (
        <p class="faint numbers">
          <Moment at={point.began} />, {point.place === "now" ? told.since(spent(point)) : told.took(spent(point))}
        </p>
      )}
    </li>
  );
}

function spent(point: WayPoint): string {
  return lasting(point.seconds ?? 0);
}

function Waits({ point }: { point: WayPoint }) {
  if (point.place !== "now" && point.place !== "coming") return null;
  return (
    <div class="waits">
      <span class="faint">{told.waits}</span>
      <ul>
        {point.waits.length === 0 && <li>{told.nothing}</li>}
        {point.waits.map((one) => (
          <li key={one} class="numbers">
            {one}
          </li>
        ))}
      </ul>
    </div>
  );
}
