/** Votes, and all that happened to the promotion, with what people said. */

import type { Data } from "../../data/use";
import { approvals, type Promotion } from "../promotions/rights";
import { Badge } from "../../ui/badges";
import { Loaded } from "../../ui/notices";
import { Section } from "../../ui/page";
import { Time } from "../../ui/values";
import { number } from "../../words";
import { promotionWords } from "../../words/promotion";
import type { Entry } from "./history";

const said = promotionWords;

export function Votes({ promotion }: { promotion: Promotion }) {
  const { votes = [], approvers = [], approvals_needed } = promotion;
  const given = approvals(promotion);
  return (
    <Section
      title={said.votesOf.title}
      actions={
        <Badge kind={given >= approvals_needed ? "good" : "info"}>
          {said.votesOf.count(number(given), number(approvals_needed))}
        </Badge>
      }
    >
      <div class="card section">
        {votes.length === 0 ? (
          <p class="faint">{said.votesOf.none}</p>
        ) : (
          <ul class="plain talk">
            {votes.map((one) => (
              <li key={`${one.by} ${one.decision} ${one.at}`}>
                <p class="row">
                  <strong>{one.by}</strong>
                  <Badge kind={one.decision === "approve" ? "good" : "bad"}>
                    {one.decision === "approve" ? said.votesOf.approve : said.votesOf.reject}
                  </Badge>
                  <span class="faint">
                    <Time at={one.at} />
                  </span>
                </p>
                {one.comment !== "" && <p class="words">{one.comment}</p>}
              </li>
            ))}
          </ul>
        )}
        <p class="faint">{approvers.length > 0 ? said.votesOf.approvers(approvers.join(", ")) : said.votesOf.anybody}</p>
      </div>
    </Section>
  );
}

export function History({ data }: { data: Data<Entry[]> }) {
  return (
    <Section title={said.history.title}>
      <Loaded data={data}>
        {(found) => (
          <ol class="plain talk history" aria-live="polite" aria-relevant="additions">
            {found.map((one) => (
              <li key={one.key} data-what={one.what}>
                <p class="row">
                  <strong>{one.who}</strong>
                  <span>{said.history.what[one.what] ?? one.what}</span>
                  <span class="faint">
                    <Time at={one.at} />
                  </span>
                </p>
                {one.text !== "" && <p class="words">{one.text}</p>}
                {one.missing !== null && (
                  <p class="faint">
                    {promotionWords.gates.title}:{" "}
                    {one.missing.length === 0 ? said.history.met : said.history.missing(one.missing.join(", "))}
                  </p>
                )}
              </li>
            ))}
          </ol>
        )}
      </Loaded>
    </Section>
  );
}
