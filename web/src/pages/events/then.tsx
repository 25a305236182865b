/** The yard at a moment: for every model, who stood in a stage then, who put it there, and on which evidence. */

import { useState } from "preact/hooks";

import { answered, api } from "../../api/client";
import { useData } from "../../data/use";
import { Choice } from "../../ui/action";
import { Command, line } from "../../ui/command";
import { Empty, Loaded } from "../../ui/notices";
import { number, words as all } from "../../words";
import { eventsWords as words } from "../../words/events";
import { ModelThen } from "./model-then";
import { textOf } from "./moment";
import { isAfter } from "./steps";

const PRODUCTION = "production";
/** Each model is two requests, so few are shown at once. */
const AT_ONCE = 12;
const MOST = 500;

interface Props {
  at: string;
  /** One model's name; all models where it is empty. */
  model: string;
  stage: string;
  onStage: (stage: string | undefined) => void;
}

export function YardThen({ at, model, stage, onStage }: Props) {
  const [count, setCount] = useState(AT_ONCE);
  const chosen = stage === "" ? PRODUCTION : stage;
  const models = useData(
    "models then",
    async (signal) => (await answered(api.GET("/api/models", { params: { query: { limit: MOST } }, signal }))).models,
    { on: (event) => event.type.startsWith("model.") },
  );
  const told = ["--at", at, ...(chosen === PRODUCTION ? [] : ["--stage", chosen])];
  return (
    <section class="section" aria-label={words.moment.at(textOf(at))}>
      <div class="row spread">
        <h2>{words.moment.at(textOf(at))}</h2>
        <StageChoice chosen={chosen} onStage={onStage} />
      </div>
      <Loaded data={models}>
        {(found) => {
          const then = found.filter((one) => (model === "" || one.name === model) && !isAfter(one.created_at, at));
          return (
            <>
              <p class="hidden-text" role="status">
                {words.moment.at(textOf(at))}
              </p>
              {then.length === 0 && <Empty text={found.length === 0 ? words.then.empty : words.then.nothing} />}
              <div class="cards then">
                {then.slice(0, count).map((one) => (
                  <ModelThen key={one.id} name={one.name} at={at} stage={chosen} />
                ))}
              </div>
              {then[0] !== undefined && <Command line={line("as-of", then[0].name, ...told)} label={all.common.sameBy} />}
              {then.length > count && (
                <div class="row">
                  <button type="button" class="button" onClick={() => { setCount(count + AT_ONCE); }}>
                    {words.then.more}
                  </button>
                  <span class="faint">{words.then.many(number(then.length - count))}</span>
                </div>
              )}
            </>
          );
        }}
      </Loaded>
    </section>
  );
}

function StageChoice({ chosen, onStage }: { chosen: string; onStage: Props["onStage"] }) {
  const graph = useData("stages then", (signal) => answered(api.GET("/api/stage-graph", { signal })));
  const stages = [...new Set([PRODUCTION, chosen, ...(graph.value?.stages ?? [])])];
  return (
    <Choice
      label={words.moment.stage}
      value={chosen}
      options={stages.map((one) => [one, one] as const)}
      onInput={(one) => {
        onStage(one === PRODUCTION ? undefined : one);
      }}
    />
  );
}
