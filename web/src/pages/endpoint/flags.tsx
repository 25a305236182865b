/** Flags: who gets one version whatever the weights say. */

import { useState } from "preact/hooks";

import { answered, api, once } from "../../api/client";
import { Action, Field } from "../../ui/action";
import { line } from "../../ui/command";
import { Empty } from "../../ui/notices";
import { Section } from "../../ui/page";
import { endpointWords as endpoint } from "../../words/endpoint";
import { Frame, Head } from "../../ui/frame";
import { type Endpoint, type Rule, whoOf } from "./served";

const told = endpoint.flags;

interface Props {
  one: Endpoint;
  onDone: () => void;
}

export function Flags({ one, onDone }: Props) {
  // The route has the versions that a flag stands for; the configuration only how they were named.
  const { rules } = one.configuration;
  return (
    <Section title={told.title} actions={<SetFlag one={one} onDone={onDone} />}>
      {rules.length === 0 ? (
        <Empty text={told.none} command={line("flag", "set", one.name, "beta", "VERSION", "--header", "x-channel=beta")} />
      ) : (
        <Frame label={told.caption}>
          <table>
            <caption>{told.caption}</caption>
            <Head of={[told.name, told.version, told.who, told.actions]} />
            <tbody>
              {rules.map((rule) => (
                <tr key={rule.name}>
                  <th scope="row">{rule.name}</th>
                  <td>{rule.version}</td>
                  <td>{whoOf(rule)}</td>
                  <td>
                    <DeleteFlag one={one} rule={rule} onDone={onDone} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Frame>
      )}
    </Section>
  );
}

function DeleteFlag({ one, rule, onDone }: Props & { rule: Rule }) {
  const { name, environment } = one;
  return (
    <Action
      label={told.remove}
      kind="danger"
      effect={<p>{told.removes(rule.name)}</p>}
      line={line("flag", "delete", name, rule.name, "--environment", environment)}
      run={() =>
        answered(
          api.DELETE("/api/models/{name}/flags/{flag}", {
            params: { path: { name, flag: rule.name }, query: { environment }, header: once() },
          }),
        )
      }
      onDone={onDone}
    />
  );
}

function SetFlag({ one, onDone }: Props) {
  const [typed, setTyped] = useState({ flag: "", version: "", header: "", equals: "", percentage: "100" });
  const set = (key: keyof typeof typed) => (value: string) => {
    setTyped({ ...typed, [key]: value });
  };
  const { name, environment } = one;
  const { flag, version, header, equals } = typed;
  const percentage = Number(typed.percentage);
  const condition = equals === "" ? header : `${header}=${equals}`;
  const asked = { version, environment, header, equals, percentage };
  return (
    <Action
      label={told.set}
      kind="main"
      effect={<p>{version === "" ? told.fill : told.effect(whoOf({ header, equals, percentage }), version)}</p>}
      line={line(
        ...["flag", "set", name, flag || "FLAG", version || "VERSION", "--environment", environment],
        ...(header === "" ? [] : ["--header", condition]),
        ...(percentage < 100 ? ["--percentage", percentage] : []),
      )}
      run={() =>
        answered(
          api.PUT("/api/models/{name}/flags/{flag}", { params: { path: { name, flag }, header: once() }, body: asked }),
        )
      }
      onDone={onDone}
    >
      <Field label={told.name} help={told.setHelp} value={flag} onInput={set("flag")} required />
      <Field label={told.version} value={version} onInput={set("version")} required />
      <Field label={told.headerField} help={told.headerHelp} value={header} onInput={set("header")} placeholder="x-channel" />
      <Field label={told.equals} help={told.equalsHelp} value={equals} onInput={set("equals")} />
      <Field label={told.percentage} type="number" value={typed.percentage} onInput={set("percentage")} />
    </Action>
  );
}
