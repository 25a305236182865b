/** Which events are shown. A name is taken when it is whole: half of one is no model, and nobody. */

import { useId, useMemo } from "preact/hooks";

import { answered, api } from "../../api/client";
import type { HappenedEvent } from "../../api/live";
import type { Change } from "../../data/address";
import { useData } from "../../data/use";
import { Choice } from "../../ui/action";
import { eventsWords as words } from "../../words/events";

interface Props {
  model: string;
  type: string;
  actor: string;
  /** Those that were loaded: their actors are the names to choose from. */
  events: readonly HappenedEvent[] | undefined;
  onChange: (change: Change) => void;
}

export function FilterRow({ model, type, actor, events, onChange }: Props) {
  const said = words.filters;
  const models = useData(
    "models of the filter",
    async (signal) =>
      (await answered(api.GET("/api/models", { params: { query: { limit: 200 } }, signal }))).models.map((one) => one.name),
    { on: (event) => event.type.startsWith("model.") },
  );
  const actors = useMemo(() => [...new Set(events?.map((one) => one.actor))], [events]);
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
      <NameField
        label={said.model}
        value={model}
        names={models.value ?? []}
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
      <NameField
        label={said.actor}
        value={actor}
        names={actors}
        onChange={(chosen) => {
          onChange({ actor: chosen });
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

interface NameProps {
  label: string;
  value: string;
  names: readonly string[];
  onChange: (name: string) => void;
}

function NameField({ label, value, names, onChange }: NameProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
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
        {names.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
    </div>
  );
}
