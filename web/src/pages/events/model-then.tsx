/** One model at a moment. */

import { answered, api, type Schemas } from "../../api/client";
import { Problem } from "../../api/problem";
import { told } from "../../data/happenings";
import { useData } from "../../data/use";
import { paths } from "../../paths";
import { Badge, State } from "../../ui/badges";
import { ErrorNotice } from "../../ui/notices";
import { TrafficBar } from "../../ui/traffic";
import { Digest } from "../../ui/values";
import { words as all } from "../../words";
import { eventsWords as words } from "../../words/events";
import { textOf } from "./moment";
import { othersOf, type StageHolders, type VerdictThen, verdictsOf } from "./holders";

/** The answer as the server tells it: whole. */
type AsOf = Required<Schemas["AsOfRecord"]>;
interface Then {
  asOf: AsOf;
  others: StageHolders[];
}

const said = words.then;
const MOST_VERSIONS = 200;

export function ModelThen({ name, at, stage }: { name: string; at: string; stage: string }) {
  // Dragged from moment to moment, a card shows the one before until the next is there, and nothing jumps.
  const data = useData<Then | null>(`then ${name} ${stage} ${at}`, (signal) => load(name, at, stage, signal), { keeps: true });
  const shown = data.value;
  const version = shown?.asOf.version?.version;
  return (
    <article class="card section then-model" aria-label={name} aria-busy={data.isLoading}>
      <div class="row spread">
        <h3>
          <a href={paths.model(name)}>{name}</a>
        </h3>
        {version !== undefined && (
          <div class="row">
            <a href={paths.version(name, version)}>{version}</a>
            <State state={stage} />
          </div>
        )}
      </div>
      {data.problem !== undefined && <ErrorNotice problem={data.problem} again={data.reload} />}
      {shown === undefined && data.problem === undefined && <p class="waiting">{all.common.loading}</p>}
      {shown === null && <p class="faint">{said.gone}</p>}
      {shown !== undefined && shown !== null && <Holder then={shown} stage={stage} />}
    </article>
  );
}

async function load(name: string, at: string, stage: string, signal: AbortSignal): Promise<Then | null> {
  const path = { name };
  try {
    const [asOf, listed] = await Promise.all([
      answered(api.GET("/api/models/{name}/as-of", { params: { path, query: { at, stage } }, signal })),
      answered(
        api.GET("/api/models/{name}/versions", { params: { path, query: { as_of: at, limit: MOST_VERSIONS } }, signal }),
      ),
    ]);
    return { asOf: asOf as AsOf, others: othersOf(listed.versions, stage) };
  } catch (error) {
    // Under another name, or deleted and made again: it was not there then.
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

function Holder({ then, stage }: { then: Then; stage: string }) {
  const { asOf, others } = then;
  const aliases = Object.entries(asOf.aliases);
  return (
    <>
      {asOf.version === null ? <p class="faint">{said.nobody(stage)}</p> : <How asOf={asOf} />}
      <dl class="facts">
        {asOf.others.length > 0 && (
          <>
            <dt>{said.others}</dt>
            <dd>{asOf.others.join(", ")}</dd>
          </>
        )}
        {aliases.length > 0 && (
          <>
            <dt>{said.aliases}</dt>
            <dd class="row">
              {aliases.map(([alias, version]) => (
                <span key={alias}>
                  <Badge kind="info">@{alias}</Badge> {version}
                </span>
              ))}
            </dd>
          </>
        )}
        {others.length > 0 && (
          <>
            <dt>{said.stages}</dt>
            <dd>
              {others.map((one) => (
                <div key={one.stage}>
                  {one.stage}: {one.versions.join(", ")}
                  {one.more > 0 && `, ${said.many(String(one.more))}`}
                </div>
              ))}
            </dd>
          </>
        )}
      </dl>
      {asOf.endpoints.map((one) => (
        <div key={one.environment} class="section">
          <TrafficBar
            label={said.traffic(one.environment)}
            shares={(one.route.arms ?? []).map((arm) => ({ text: arm.version, share: arm.weight }))}
          />
          <span class="faint">
            {said.traffic(one.environment)}, {said.since.toLowerCase()} {textOf(one.since)}
          </span>
        </div>
      ))}
    </>
  );
}

function How({ asOf }: { asOf: AsOf }) {
  const { event } = asOf;
  const promotion = event?.data.promotion;
  return (
    <>
      <dl class="facts">
        <dt>{said.since}</dt>
        <dd>{textOf(asOf.since ?? undefined)}</dd>
        <dt>{said.until}</dt>
        <dd>{asOf.until === null ? said.still : textOf(asOf.until ?? undefined)}</dd>
        <dt>{said.by}</dt>
        <dd>
          {asOf.by}
          {typeof promotion === "string" && (
            <>
              {" · "}
              <a href={paths.promotion(promotion)}>{said.promotion}</a>
            </>
          )}
        </dd>
        {event !== null && (
          <>
            <dt>{said.how}</dt>
            <dd>
              {told(event, () => asOf.version?.version).text}
              <Digest value={event.hash} />
            </dd>
          </>
        )}
      </dl>
      <Evidence verdicts={verdictsOf(asOf.verdicts)} />
      {asOf.approvals.length > 0 && (
        <div class="section">
          <h4>{said.approvals}</h4>
          <ul class="plain">
            {asOf.approvals.map((one) => (
              <li key={one.by + one.at}>
                {said.said(one.by, one.decision)}
                {one.comment !== "" && <q>{one.comment}</q>}
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}

function Evidence({ verdicts }: { verdicts: VerdictThen[] }) {
  if (verdicts.length === 0) return <p class="faint">{said.noEvidence}</p>;
  return (
    <div class="section">
      <h4>{said.evidence}</h4>
      <ul class="plain">
        {verdicts.map((one) => (
          <li key={one.name}>
            <Badge kind={one.isMet ? "good" : "bad"}>{one.isMet ? said.met : said.missed}</Badge> {one.reason}
          </li>
        ))}
      </ul>
    </div>
  );
}
