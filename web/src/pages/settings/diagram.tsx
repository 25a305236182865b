/** The stage graph as a drawing; the table below it says the same. */

import { Graph as Drawing } from "../../ui/graph";
import { settingsWords } from "../../words/settings";
import type { Graph } from "./graph";

const said = settingsWords.graph;

export function Diagram({ graph }: { graph: Graph }) {
  const nodes = graph.stages.map((stage) => ({ id: stage, title: stage, detail: noteOf(graph, stage), shape: "pill" as const }));
  const edges = graph.moves.map(({ from, to, needs }) => ({ from, to, note: needs.join(", ") }));
  return (
    <div class="stage-graph">
      <Drawing label={said.diagram} nodes={nodes} edges={edges} chosen={graph.initial} hrefOf={() => undefined} />
    </div>
  );
}

function noteOf(graph: Graph, stage: string): string {
  const environment = graph.environments.get(stage);
  if (environment !== undefined) return said.environment(environment);
  if (stage === graph.initial) return said.entry;
  return graph.exclusive.includes(stage) ? said.single : "";
}
