/** The stage graph: of the registry, or the one that holds for a model. */

import { answered, api, type Schemas } from "../../api/client";
import { useAddress } from "../../data/address";
import { useData } from "../../data/use";
import { Choice } from "../../ui/action";
import { Badge, State } from "../../ui/badges";
import { Command, line } from "../../ui/command";
import { Frame, Head } from "../../ui/frame";
import { Loaded } from "../../ui/notices";
import { Section } from "../../ui/page";
import { settingsWords } from "../../words/settings";
import { Diagram } from "./diagram";
import { type Graph, graphOf } from "./graph";

const said = settingsWords.graph;
const MOST_MODELS = 500;

export function Stages() {
  const [query, change] = useAddress();
  const { model = "" } = query;
  const data = useData(`graph ${model}`, (signal) => load(model, signal), {
    on: (event) => event.type.startsWith("graph."),
    keeps: true,
  });
  const models = useData("models of graphs", async (signal) => {
    const page = await answered(api.GET("/api/models", { params: { query: { limit: MOST_MODELS } }, signal }));
    return page.models.map((one) => one.name);
  });
  const names = [...new Set([...(models.value ?? []), ...(model === "" ? [] : [model])])];
  return (
    <Section
      title={said.title}
      actions={
        <Choice
          label={said.of}
          value={model}
          options={[["", said.registry], ...names.map((one) => [one, one] as const)]}
          onInput={(chosen) => {
            change({ model: chosen });
          }}
        />
      }
    >
      <p class="faint">{said.why}</p>
      <Loaded data={data}>{(record) => <Shown record={record} model={model} />}</Loaded>
      <p class="faint">{said.change}</p>
      <Command line={line("stages", "set", "./stages.yaml", ...(model === "" ? [] : ["--model", model]), "--dry-run")} />
    </Section>
  );
}

function load(model: string, signal: AbortSignal): Promise<Schemas["GraphRecord"]> {
  if (model === "") return answered(api.GET("/api/stage-graph", { signal }));
  return answered(api.GET("/api/models/{name}/stage-graph", { params: { path: { name: model } }, signal }));
}

function Shown({ record, model }: { record: Schemas["GraphRecord"]; model: string }) {
  const graph = graphOf(record.document, record.stages);
  return (
    <>
      {model !== "" && (
        <p>
          <Badge kind={record.own ? "info" : "plain"}>{record.own ? said.own : said.inherited}</Badge>
        </p>
      )}
      <Diagram graph={graph} />
      <Moves graph={graph} />
    </>
  );
}

function Moves({ graph }: { graph: Graph }) {
  return (
    <Frame label={said.moves}>
      <table>
        <caption>{said.moves}</caption>
        <Head of={[said.from, said.to]} />
        <tbody>
          {graph.stages.map((stage) => (
            <tr key={stage}>
              <th scope="row">
                <div class="stage">
                  <State state={stage} />
                  <Notes graph={graph} stage={stage} />
                </div>
              </th>
              <td class="wide">
                <Targets graph={graph} stage={stage} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Frame>
  );
}

function Notes({ graph, stage }: { graph: Graph; stage: string }) {
  const environment = graph.environments.get(stage);
  const notes = [
    stage === graph.initial ? said.initial : "",
    graph.exclusive.includes(stage) ? said.exclusive : "",
    environment === undefined ? "" : said.environment(environment),
  ].filter((one) => one !== "");
  return notes.length === 0 ? null : <span class="faint note">{notes.join(", ")}</span>;
}

function Targets({ graph, stage }: { graph: Graph; stage: string }) {
  const moves = graph.moves.filter((one) => one.from === stage);
  if (moves.length === 0) return <span class="faint">{said.final}</span>;
  return (
    <ul class="plain targets">
      {moves.map(({ to, needs }) => (
        <li key={to}>
          <State state={to} /> {needs.length > 0 && <span>{`${said.needs.toLowerCase()} ${needs.join(", ")}`}</span>}
        </li>
      ))}
    </ul>
  );
}
