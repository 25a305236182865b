/** Promotions as rows: what is asked, how far it is, and what the reader can do about it. */

import { paths } from "../../paths";
import { Badge, State } from "../../ui/badges";
import { Frame, Head } from "../../ui/frame";
import { Time } from "../../ui/values";
import { number } from "../../words";
import { promotionWords } from "../../words/promotion";
import { approvals, type Person, type Promotion, todo } from "./rights";

const said = promotionWords;

interface Props {
  promotions: readonly Promotion[];
  caption: string;
  /** Whose tasks are told; null for nobody's. */
  person: Person | null;
}

export function PromotionTable({ promotions, caption, person }: Props) {
  const { columns } = said.list;
  return (
    <Frame label={caption}>
      <table class="promotions" aria-label={caption}>
        <Head of={[columns.version, columns.move, columns.state, columns.gates, columns.votes, columns.at]} />
        <tbody>
          {promotions.map((one) => (
            <Row key={one.id} promotion={one} person={person} />
          ))}
        </tbody>
      </table>
    </Frame>
  );
}

function Row({ promotion, person }: { promotion: Promotion; person: Person | null }) {
  const task = person === null ? null : todo(person, promotion);
  return (
    <tr>
      <th scope="row">
        <a href={paths.promotion(promotion.id)}>{`${promotion.name}/${promotion.version}`}</a>
        {promotion.comment !== "" && <small>{promotion.comment}</small>}
      </th>
      <td>{said.move(promotion.from_stage, promotion.target_stage)}</td>
      <td>
        <State state={promotion.state} />
        {task !== null && <small>{said.list.todo[task]}</small>}
      </td>
      <td>
        <Gates promotion={promotion} />
      </td>
      <td>{promotion.direct ? said.direct : said.votes(number(approvals(promotion)), number(promotion.approvals_needed))}</td>
      <td>
        {promotion.requester}
        <small>
          <Time at={promotion.created_at} />
        </small>
      </td>
    </tr>
  );
}

/** How many gates are met. */
export function Gates({ promotion: { verdicts = [] } }: { promotion: Promotion }) {
  if (verdicts.length === 0) return <span class="faint">{said.gatesNone}</span>;
  const met = verdicts.filter((one) => one.met).length;
  return <Badge kind={met === verdicts.length ? "good" : "bad"}>{said.gatesMet(number(met), number(verdicts.length))}</Badge>;
}
