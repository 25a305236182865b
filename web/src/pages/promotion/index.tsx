/** One promotion: what is asked, its gates and votes, what people said, and what one can do. It follows the events. */

import "../../styles/promotion.css";

import { useRoute } from "preact-iso";
import { useEffect, useRef } from "preact/hooks";

import { answered, api, whoAsks } from "../../api/client";
import { connection } from "../../api/live";
import { me } from "../../api/session";
import { type Data, useData } from "../../data/use";
import { paths } from "../../paths";
import { hindrance, isOpen, type Person, type Promotion } from "../promotions/rights";
import { State } from "../../ui/badges";
import { Loaded } from "../../ui/notices";
import { Page, Section } from "../../ui/page";
import { Time } from "../../ui/values";
import { counted, number } from "../../words";
import { promotionWords } from "../../words/promotion";
import { Actions, nameOf } from "./actions";
import { Evidence, Gates } from "./gates";
import { type Entry, loadHistory } from "./history";
import { type Holder, loadHolder } from "./holder";
import { missingVotes, type Step, steps } from "./progress";
import { History, Votes } from "./talk";

const said = promotionWords;
const CRUMBS = [{ text: said.list.title, href: paths.promotions() }];

interface Found {
  promotion: Promotion;
  holder: Holder;
}

export default function PromotionPage() {
  const { id = "" } = useRoute().params;
  const data: Data<Found> = useData(id, (over) => load(id, over), {
    on: ({ data: { promotion }, type, model }) =>
      promotion === id || (type === "version.stage_moved" && model === data.value?.promotion.name),
  });
  const { value } = data;
  if (value === undefined) {
    return (
      <Page title={said.title} crumbs={CRUMBS}>
        <Loaded data={data}>{() => null}</Loaded>
      </Page>
    );
  }
  const { promotion, holder } = value;
  const title = said.moveIn(nameOf(promotion), promotion.from_stage, promotion.target_stage);
  const replaced = holder.makesRoom && holder.version !== null ? nameOf(holder.version) : "";
  return (
    <Page
      title={title}
      crumbs={CRUMBS}
      aside={<State state={promotion.state} />}
      actions={me.value !== null && <Actions promotion={promotion} person={me.value} replaced={replaced} onDone={data.reload} />}
    >
      <Loaded data={data}>{(found) => <Whole found={found} />}</Loaded>
    </Page>
  );
}

/** The promotion, and who looks at it: what they may do stands in the head, which grew if it came later. */
async function load(id: string, signal: AbortSignal): Promise<Found> {
  const [promotion] = await Promise.all([
    answered(api.GET("/api/promotions/{id}", { params: { path: { id } }, signal })),
    whoAsks(signal),
  ]);
  return { promotion, holder: await loadHolder(promotion, signal) };
}

function Whole({ found: { promotion, holder } }: { found: Found }) {
  const { id, version_id, revision } = promotion;
  const history = useData<Entry[]>(id, (signal) => loadHistory(version_id, id, signal), {
    on: (event) => event.data.promotion === id,
  });
  const seen = useRef(revision);
  useEffect(() => {
    // What one did oneself shows also while no events arrive.
    if (seen.current !== revision && connection.value !== "live") history.reload();
    seen.current = revision;
  }, [revision]);
  return (
    <>
      <Progress promotion={promotion} />
      <Outcome promotion={promotion} person={me.value} />
      <div class="split">
        <Asked promotion={promotion} holder={holder} />
        {!promotion.direct && <Votes promotion={promotion} />}
      </div>
      <Gates promotion={promotion} />
      <History data={history} />
    </>
  );
}

function Progress({ promotion }: { promotion: Promotion }) {
  return (
    <ol class="plain progress" aria-label={said.steps.label}>
      {steps(promotion).map((one) => (
        <li key={one.name} data-state={one.state} aria-current={one.state === "current" ? "step" : undefined}>
          <strong>{said.steps[one.name]}</strong>
          <small>{detail(one, promotion)}</small>
        </li>
      ))}
    </ol>
  );
}

function detail(step: Step, promotion: Promotion) {
  const verdicts = promotion.verdicts ?? [];
  const missing = verdicts.filter((one) => !one.met).length;
  switch (step.name) {
    case "asked":
      return <Time at={promotion.created_at} />;
    case "gates":
      if (verdicts.length === 0) return said.steps.nothing;
      return missing === 0 ? said.steps.gatesMet : said.steps.gatesWant(number(missing));
    case "votes":
      return said.votes(number(promotion.approvals_needed - missingVotes(promotion)), number(promotion.approvals_needed));
    case "applied":
      return promotion.applied_at === "" ? said.steps[step.state] : <Time at={promotion.applied_at} />;
  }
}

function Outcome({ promotion, person }: { promotion: Promotion; person: Person | null }) {
  const kinds: Record<string, string> = { applied: "good", approved: "good", rejected: "bad", refused: "bad", pending: "plain" };
  const why = person === null || promotion.state !== "pending" ? null : hindrance(person, promotion);
  const isMet = (promotion.verdicts ?? []).every((one) => one.met);
  return (
    <div class="notice" data-kind={kinds[promotion.state] ?? "warn"} role="status">
      <p>{outcome(promotion)}</p>
      {isOpen(promotion) && !isMet && <p>{said.outcome.gatesMissing}</p>}
      {why !== null && why !== "other" && <p class="faint">{said.own[why]}</p>}
    </div>
  );
}

function outcome(promotion: Promotion): string {
  const { state } = promotion;
  if (state === "withdrawn" || state === "expired" || state === "refused") return said.outcome[state];
  return OUTCOMES[state]?.(promotion) ?? state;
}

const OUTCOMES: Record<string, (promotion: Promotion) => string> = {
  pending: (one) => said.outcome.wants(counted(missingVotes(one), said.approval, said.approvals)),
  approved: (one) => said.outcome.approved(one.target_stage),
  applied: (one) => {
    const made = said.outcome.applied(one.applied_by, nameOf(one), one.target_stage);
    const count = one.archived?.length ?? 0;
    return count === 0 ? made : `${made} ${said.outcome.archived(counted(count, said.one, said.several))}`;
  },
  rejected: ({ votes = [] }) => said.outcome.rejected(votes.find((one) => one.decision === "reject")?.by ?? ""),
};

function Asked({ promotion, holder }: { promotion: Promotion; holder: Holder }) {
  const more = promotion.requirements ?? {};
  return (
    <Section title={said.asked.title}>
      <div class="card section">
        <p class="words">{promotion.comment === "" ? <span class="faint">{said.asked.noWhy}</span> : promotion.comment}</p>
        <dl class="facts">
          <dt>{said.asked.version}</dt>
          <dd>
            <a href={paths.version(promotion.name, promotion.version)}>{nameOf(promotion)}</a>
          </dd>
          <dt>{said.asked.move}</dt>
          <dd>
            {promotion.from_stage} → {promotion.target_stage}
          </dd>
          <dt>{said.asked.by}</dt>
          <dd>
            {promotion.requester}, <Time at={promotion.created_at} />
          </dd>
          <dt>{said.asked.author}</dt>
          <dd>{promotion.author || "–"}</dd>
          {isOpen(promotion) && (
            <>
              <dt>{said.asked.holder}</dt>
              <dd>
                <Standing promotion={promotion} holder={holder} />
              </dd>
            </>
          )}
          {isOpen(promotion) && typeof promotion.expires_at === "string" && (
            <>
              <dt>{said.asked.expires}</dt>
              <dd>
                <Time at={promotion.expires_at} />
              </dd>
            </>
          )}
          {Object.keys(more).length > 0 && (
            <>
              <dt>{said.asked.more}</dt>
              <dd>
                <Evidence value={more} />
              </dd>
            </>
          )}
        </dl>
        {promotion.direct && <p class="faint">{said.asked.direct}</p>}
      </div>
    </Section>
  );
}

function Standing({ promotion, holder: { version } }: { promotion: Promotion; holder: Holder }) {
  if (version === null) return <span class="faint">{said.asked.nobody}</span>;
  return (
    <span class="row">
      <a href={paths.version(version.name, version.version)}>{nameOf(version)}</a>
      <a class="button" data-kind="small" href={paths.compare([nameOf(version), nameOf(promotion)])}>
        {said.asked.holderCompare}
      </a>
    </span>
  );
}
