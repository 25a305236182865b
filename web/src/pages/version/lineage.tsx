/** Where a version comes from and what was made from it: as a drawing, and as a list that says the same. */

import { useMemo } from "preact/hooks";

import { answered, api, type Schemas } from "../../api/client";
import { useData } from "../../data/use";
import { paths } from "../../paths";
import { Choice } from "../../ui/action";
import { Badge, State } from "../../ui/badges";
import { Command, line } from "../../ui/command";
import { Frame, Head } from "../../ui/frame";
import { Graph } from "../../ui/graph";
import { Empty, Loaded } from "../../ui/notices";
import { Section } from "../../ui/page";
import { Time } from "../../ui/values";
import { versionWords } from "../../words/version";
import { useQuery } from "./address";
import { type Branch, branches, detailOf, drawn, inputOf, kindOf, titleOf } from "./lineage-view";

type LineageGraph = Schemas["LineageGraph"];
const W = versionWords.lineage;
const DEPTHS = ["", "1", "2", "3", "5", "10"];

/** Where a thing leads to: a version to its page, an input to the list of those who use it. */
type HrefOf = (node: Schemas["LineageNode"]) => string | undefined;

export function Lineage({ record }: { record: Schemas["VersionRecord"] }) {
  const { query, change, hrefWith } = useQuery();
  const direction = query["show"] ?? "both";
  const depth = DEPTHS.includes(query["depth"] ?? "") ? (query["depth"] ?? "") : "";
  const reference = `${record.name}/${record.version}`;
  const asked = { up: direction !== "down", down: direction !== "up", ...(depth === "" ? {} : { depth: Number(depth) }) };
  const graph = useData(
    `${reference} ${JSON.stringify(asked)}`,
    (signal) =>
      answered(
        api.GET("/api/models/{reference}/lineage-graph", { params: { path: { reference }, query: asked }, signal }),
      ),
    { on: (event) => event.model === record.name },
  );
  const hrefOf: HrefOf = (node) => {
    if (node.kind !== "version") return hrefWith({ input: node.id });
    return node.deleted || node.model === "" ? undefined : `${paths.version(node.model, node.version)}?tab=lineage`;
  };
  const input = inputOf(query["input"] ?? "");
  const options = direction === "both" ? [] : [`--${direction}`];
  return (
    <div class="stack">
      <Section title={W.title}>
        <div class="row fields">
          <Choice
            label={W.direction}
            value={direction}
            options={Object.entries(W.directions)}
            onInput={(show) => {
              change({ show: show === "both" ? "" : show });
            }}
          />
          <Choice
            label={W.depth}
            value={depth}
            options={DEPTHS.map((one) => [one, one === "" ? W.allSteps : one] as const)}
            onInput={(chosen) => {
              change({ depth: chosen });
            }}
          />
        </div>
        <Loaded data={graph}>{(value) => <Both graph={value} reference={reference} hrefOf={hrefOf} />}</Loaded>
        <Command
          line={line("lineage", reference, ...options, ...(depth === "" ? [] : ["--depth", depth]), "--output", "tree")}
        />
      </Section>
      {input !== null && <Users kind={input.kind} name={input.name} />}
    </div>
  );
}

function Both({ graph, reference, hrefOf }: { graph: LineageGraph; reference: string; hrefOf: HrefOf }) {
  const picture = useMemo(() => drawn(graph), [graph]);
  const nodes = useMemo(() => new Map(graph.nodes.map((node) => [node.id, node])), [graph]);
  if (graph.edges.length === 0) return <Empty text={W.alone} />;
  return (
    <>
      {graph.truncated === true && <p class="notice">{W.truncated}</p>}
      <p class="faint graph-help">{W.graphHelp}</p>
      <Graph
        label={W.graph(reference)}
        {...picture}
        chosen={graph.root}
        hrefOf={(id) => {
          const node = nodes.get(id);
          return node === undefined ? undefined : hrefOf(node);
        }}
      />
      <details class="lineage-list" open={isNarrow()}>
        <summary>{W.list}</summary>
        <div class="split">
          {(["up", "down"] as const).map((direction) => (
            <div key={direction}>
              <h3>{W[direction]}</h3>
              <List branches={branches(graph, direction)} hrefOf={hrefOf} />
            </div>
          ))}
        </div>
      </details>
    </>
  );
}

/** Where the drawing is too wide to be of use, the list is there at once. */
function isNarrow(): boolean {
  return typeof matchMedia === "function" && matchMedia("(max-width: 50rem)").matches;
}

function List({ branches: given, hrefOf }: { branches: Branch[]; hrefOf: HrefOf }) {
  if (given.length === 0) return <p class="faint">{W.nothing}</p>;
  return (
    <ul class="lineage">
      {given.map(({ node, note, isRepeated, branches: more }) => {
        const href = hrefOf(node);
        return (
          <li key={node.id}>
            {href === undefined ? titleOf(node) : <a href={href}>{titleOf(node)}</a>}{" "}
            <span class="faint">{[detailOf(node), note, isRepeated ? W.above : ""].filter((one) => one !== "").join(" · ")}</span>
            {more.length > 0 && <List branches={more} hrefOf={hrefOf} />}
          </li>
        );
      })}
    </ul>
  );
}

/** The versions that name an input: who has to be looked at when it turns out to be wrong. */
function Users({ kind, name }: { kind: string; name: string }) {
  const uses = useData(`${kind}:${name}`, (signal) =>
    answered(api.GET("/api/lineage/used-by", { params: { query: { kind, name, live: false, limit: 200 } }, signal })),
  );
  return (
    <Section title={W.used(kindOf(kind), name)}>
      <Loaded data={uses}>
        {(value) => (value.uses.length === 0 ? <p class="faint">{W.usedNone}</p> : <UseTable uses={value.uses} title={W.used(kindOf(kind), name)} />)}
      </Loaded>
      <Command line={line("used-by", kind, name, "--all")} />
    </Section>
  );
}

function UseTable({ uses, title }: { uses: Schemas["LineageUse"][]; title: string }) {
  return (
    <Frame label={title}>
      <table aria-label={title}>
        <Head of={[W.version, W.stage, W.live, W.registered]} />
        <tbody>
          {uses.map((one) => (
            <tr key={one.id}>
              <th scope="row">
                <a href={paths.version(one.name, one.version)}>
                  {one.name} {one.version}
                </a>
              </th>
              <td>
                <State state={one.stage} />
              </td>
              <td>
                {(one.live_as ?? []).map((as) => (
                  <Badge key={as} kind="good">
                    {as}
                  </Badge>
                ))}
              </td>
              <td>
                <Time at={one.registered_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Frame>
  );
}
