/** Fields that say what somebody may do. */

import { Choice, Field } from "../../ui/action";
import { peopleWords as words } from "../../words/people";
import type { Draft } from "./grants";

interface Props {
  draft: Draft;
  onInput: (draft: Draft) => void;
  /** What no role means here. */
  none?: string;
}

const said = words.grant;
const roles = Object.entries(said.roles).map(([role, does]) => [role, `${role}: ${does}`] as const);

export function GrantFields({ draft, onInput, none = said.none }: Props) {
  const set = (member: keyof Draft) => (value: string) => {
    onInput({ ...draft, [member]: value });
  };
  return (
    <>
      <Choice label={said.role} value={draft.role} options={[["", none], ...roles]} onInput={set("role")} />
      <Field label={said.permission} value={draft.permission} onInput={set("permission")} placeholder="alias.move" />
      {draft.role + draft.permission !== "" && (
        <>
          <Field label={said.model} help={said.modelHelp} value={draft.models} onInput={set("models")} />
          <div class="field-grid">
            <Field label={said.stage} value={draft.stage} onInput={set("stage")} />
            <Field label={said.alias} value={draft.alias} onInput={set("alias")} />
          </div>
        </>
      )}
    </>
  );
}
