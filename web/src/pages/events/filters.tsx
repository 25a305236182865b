/** Which events are shown. A name is taken when it is whole: half of one is no model. */

import { useId } from "preact/hooks";

import { answered, api } from "../../api/client";
import type { Change } from "../../data/address";
import { useData } from "../../data/use";
import { Choice, Field } from "../../ui/action";
import { eventsWords as words } from "../../words/events";

interface Props {
  model: string;
  type: string;
  actor: string;
  onChange: (change: Change) => void;
}

export function FilterRow({ model, type, actor, onChange }: Props) {
  const said = words.filters;
  const groups: [string, string][] = [["", said.everything], ...Object.entries(words.groups)];
  if (!groups.some(([one]) => one === type)) groups.push([type, type]);
  return (
    <form
      class="filters"
      role="search"
      aria-label={said.label}
      onSubmit={(event) => {
        event.preventDefault();
      }}
    >
      <ModelField
        value={model}
        onChange={(chosen) => {
          onChange({ model: chosen });
        }}
      />
      <Choice
        label={said.type}
        value={type}
        options={groups}
        onInput={(chosen) => {
          onChange({ type: chosen });
        }}
      />
      <Field
        label={said.actor}
        type="search"
        value={actor}
        placeholder={said.any}
        onInput={(given) => {
          onChange({ actor: given });
        }}
      />
      {model + type + actor !== "" && (
        <button
          type="button"
          class="button"
          onClick={() => {
            onChange({ model: undefined, type: undefined, actor: undefined });
          }}
        >
          {said.clear}
        </button>
      )}
    </form>
  );
}

function ModelField({ value, onChange }: { value: string; onChange: (model: string) => void }) {
  const id = useId();
  const models = useData(
    "models of the filter",
    async (signal) => (await answered(api.GET("/api/models", { params: { query: { limit: 200 } }, signal }))).models,
    { on: (event) => event.type.startsWith("model.") },
  );
  return (
    <div class="field">
      <label for={id}>{words.filters.model}</label>
      <input
        id={id}
        type="search"
        list={`${id}-names`}
        value={value}
        placeholder={words.filters.any}
        onChange={(event) => {
          onChange(event.currentTarget.value.trim());
        }}
      />
      <datalist id={`${id}-names`}>
        {(models.value ?? []).map((one) => (
          <option key={one.id} value={one.name} />
        ))}
      </datalist>
    </div>
  );
}
