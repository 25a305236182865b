/** What can be done with a promotion; each says what will happen and which command does the same. */

import { useState } from "preact/hooks";

import { answered, api, once } from "../../api/client";
import { hindrance, isOpen, mayApply, mayReject, mayWithdraw, may, type Person, type Promotion } from "../promotions/rights";
import { Action, Field } from "../../ui/action";
import { line } from "../../ui/command";
import { counted, words } from "../../words";
import { promotionWords } from "../../words/promotion";
import { missingVotes } from "./progress";

const said = promotionWords.act;

interface Props {
  promotion: Promotion;
  person: Person;
  /** Who makes room when it is applied, as a reference; empty for nobody. */
  replaced: string;
  onDone: () => void;
}

export function Actions(props: Props) {
  const { promotion, person } = props;
  const open = isOpen(promotion);
  const mayComment = may(person, "promotion.comment", promotion.name);
  return (
    <div class="row promotion-actions">
      {promotion.state === "approved" && mayApply(person, promotion) && <Apply {...props} />}
      {promotion.state === "pending" && hindrance(person, promotion) === null && <Approve {...props} />}
      {open && mayReject(person, promotion) && <Reject {...props} />}
      {mayComment && <Comment {...props} />}
      {open && mayComment && <Evaluate {...props} />}
      {open && mayWithdraw(person, promotion) && <Withdraw {...props} />}
    </div>
  );
}

/** Where nobody is asked to prove who they are, people say it. */
function useSpeaker(person: Person) {
  const [as, setAs] = useState("");
  const field = !person.proven && <Field label={said.as} value={as} onInput={setAs} help={said.asHelp} />;
  return { as: as.trim(), field, words: as.trim() === "" ? [] : ["--as", as.trim()] };
}

function useWords() {
  const [text, setText] = useState("");
  const field = <Field label={said.why} value={text} onInput={setText} help={words.common.reasonHelp} />;
  return { text: text.trim(), field, words: text.trim() === "" ? [] : ["--comment", text.trim()] };
}

function Approve({ promotion, person, onDone }: Props) {
  const speaker = useSpeaker(person);
  const why = useWords();
  const left = missingVotes(promotion) - 1;
  const told = left > 0 ? said.approveMore(counted(left, promotionWords.approval, promotionWords.approvals)) : said.approveLast;
  return (
    <Action
      label={said.approve}
      kind="main"
      effect={said.approveEffect(nameOf(promotion), promotion.target_stage, told)}
      line={line("approve", promotion.id, ...why.words, ...speaker.words)}
      run={() =>
        answered(
          api.POST("/api/promotions/{id}/approve", {
            params: { path: { id: promotion.id }, header: once() },
            body: { comment: why.text, approver: speaker.as },
          }),
        )
      }
      onDone={onDone}
    >
      {why.field}
      {speaker.field}
    </Action>
  );
}

function Reject({ promotion, person, onDone }: Props) {
  const speaker = useSpeaker(person);
  const why = useWords();
  return (
    <Action
      label={said.reject}
      kind="danger"
      effect={said.rejectEffect(nameOf(promotion), promotion.target_stage)}
      line={line("reject", promotion.id, ...why.words, ...speaker.words)}
      run={() =>
        answered(
          api.POST("/api/promotions/{id}/reject", {
            params: { path: { id: promotion.id }, header: once() },
            body: { comment: why.text, approver: speaker.as },
          }),
        )
      }
      onDone={onDone}
    >
      {why.field}
      {speaker.field}
    </Action>
  );
}

function Apply({ promotion, replaced, onDone }: Props) {
  const { from_stage, target_stage } = promotion;
  return (
    <Action
      label={said.apply}
      kind="main"
      effect={
        <>
          <p>{said.applyEffect(nameOf(promotion), from_stage, target_stage)}</p>
          {replaced !== "" && <p>{said.applyReplaces(replaced, target_stage)}</p>}
        </>
      }
      line={line("requests", "apply", promotion.id)}
      run={() =>
        answered(api.POST("/api/promotions/{id}/apply", { params: { path: { id: promotion.id }, header: once() } }))
      }
      onDone={onDone}
    />
  );
}

function Comment({ promotion, person, onDone }: Props) {
  const speaker = useSpeaker(person);
  const [text, setText] = useState("");
  return (
    <Action
      label={said.comment}
      effect={said.commentEffect}
      line={line("requests", "comment", promotion.id, text, ...speaker.words)}
      run={() =>
        answered(
          api.POST("/api/promotions/{id}/comments", {
            params: { path: { id: promotion.id }, header: once() },
            body: { comment: text, author: speaker.as },
          }),
        )
      }
      onDone={() => {
        setText("");
        onDone();
      }}
    >
      <Field label={said.commentText} value={text} onInput={setText} required />
      {speaker.field}
    </Action>
  );
}

function Evaluate({ promotion, onDone }: Props) {
  return (
    <Action
      label={said.evaluate}
      effect={said.evaluateEffect}
      line={line("requests", "evaluate", promotion.id)}
      run={() =>
        answered(api.POST("/api/promotions/{id}/evaluate", { params: { path: { id: promotion.id }, header: once() } }))
      }
      onDone={onDone}
    />
  );
}

function Withdraw({ promotion, onDone }: Props) {
  const why = useWords();
  return (
    <Action
      label={said.withdraw}
      kind="danger"
      effect={said.withdrawEffect(nameOf(promotion))}
      line={line("requests", "withdraw", promotion.id, ...why.words)}
      run={() =>
        answered(
          api.POST("/api/promotions/{id}/withdraw", {
            params: { path: { id: promotion.id }, header: once() },
            body: { comment: why.text, approver: "" },
          }),
        )
      }
      onDone={onDone}
    >
      {why.field}
    </Action>
  );
}

export function nameOf({ name, version }: { name: string; version: string }): string {
  return `${name}/${version}`;
}
