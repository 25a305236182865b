/** The rules: what is looked for, and from when on people are told. */

import { answered, api, once, type Schemas } from "../../api/client";
import { useData } from "../../data/use";
import { Action } from "../../ui/action";
import { Badge, State } from "../../ui/badges";
import { line } from "../../ui/command";
import { Frame, Head } from "../../ui/frame";
import { Empty, Loaded } from "../../ui/notices";
import { Section } from "../../ui/page";
import { alertsWords as words } from "../../words/alerts";
import { RuleAction } from "./rule-form";
import { type Rule, ruleText, where } from "./rules";

type Row = Schemas["AlertRuleRecord"];
const said = words.rules;

export function Rules() {
  const data = useData("rules", async (signal) => (await answered(api.GET("/api/alerts/rules", { signal }))).rules, {
    on: (event) => event.type.startsWith("alert."),
    every: 30,
  });
  return (
    <Section
      title={said.list}
      actions={
        <div class="row">
          <Defaults onDone={data.reload} />
          <RuleAction onDone={data.reload} />
        </div>
      }
    >
      <Loaded data={data}>
        {(rules) =>
          rules.length === 0 ? (
            <Empty text={said.empty} command="modelyard alert rule defaults" />
          ) : (
            <Table rules={rules} reload={data.reload} />
          )
        }
      </Loaded>
    </Section>
  );
}

function Defaults({ onDone }: { onDone: () => void }) {
  return (
    <Action
      label={said.defaults}
      effect={said.defaultsEffect}
      line="modelyard alert rule defaults"
      run={() => answered(api.POST("/api/alerts/defaults", { body: { model: "*", prefix: "" }, params: { header: once() } }))}
      onDone={onDone}
    />
  );
}

function Table({ rules, reload }: { rules: Row[]; reload: () => void }) {
  return (
    <Frame label={said.list}>
      <table aria-label={said.list}>
        <Head of={[said.name, said.what, said.where, said.severity, said.channels]} hidden={words.rest.shown} />
        <tbody>
          {rules.map((one) => (
            <RuleRow key={one.name} row={one} reload={reload} />
          ))}
        </tbody>
      </table>
    </Frame>
  );
}

function RuleRow({ row, reload }: { row: Row; reload: () => void }) {
  const { name } = row;
  const rule = row.rule as Rule;
  return (
    <tr>
      <th scope="row">
        {name} {!rule.enabled && <Badge kind="warn">{said.off}</Badge>}
      </th>
      <td class="wide">
        {ruleText(rule)}
        {rule.description !== "" && <div class="faint">{rule.description}</div>}
      </td>
      <td>{where(rule, said.everywhere)}</td>
      <td>
        <State state={rule.severity} />
      </td>
      <td>{rule.channels.length === 0 ? said.everyone : rule.channels.join(", ")}</td>
      <td>
        <div class="row tight">
          {/* A changed rule gets a form of its own, which holds what is stored now. */}
          <RuleAction key={row.revision} row={row} onDone={reload} />
          <Action
            label={said.delete}
            kind="danger"
            effect={said.deleteEffect(name)}
            line={line("alert", "rule", "delete", name)}
            run={() =>
              answered(api.DELETE("/api/alerts/rules/{name}", { params: { path: { name }, header: { ...once(), "If-Match": `"${String(row.revision)}"` } } }))
            }
            onDone={reload}
          />
        </div>
      </td>
    </tr>
  );
}
