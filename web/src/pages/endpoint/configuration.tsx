/** How an endpoint takes requests and runs versions. */

import { useState } from "preact/hooks";

import { answered, api, once } from "../../api/client";
import { Action, Field } from "../../ui/action";
import { line } from "../../ui/command";
import { Section } from "../../ui/page";
import { counted } from "../../words";
import { endpointWords as endpoint } from "../../words/endpoint";
import { Frame, Head } from "../../ui/frame";
import { changedOf, type Endpoint, flagsOf, typedOf } from "./served";

const told = endpoint.configuration;
const HELP: Record<string, string> = told.help;

interface Props {
  one: Endpoint;
  onDone: () => void;
}

/** Flags are rules too, and have a page part of their own. */
function settingsOf(one: Endpoint): [string, unknown][] {
  return Object.entries(one.configuration).filter(([name]) => name !== "rules");
}

export function Configuration({ one, onDone }: Props) {
  return (
    <Section title={told.title} actions={<Configure key={one.revision} one={one} onDone={onDone} />}>
      <Frame label={told.caption}>
        <table>
          <caption>{told.caption}</caption>
          <Head of={[told.setting, told.value, told.meaning]} />
          <tbody>
            {settingsOf(one).map(([name, value]) => (
              <tr key={name}>
                <th scope="row">
                  <code>{name}</code>
                </th>
                <td class="numbers value">{value === null || value === "" ? "–" : typedOf(value)}</td>
                <td class="faint">{HELP[name]}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Frame>
    </Section>
  );
}

function Configure({ one, onDone }: Props) {
  const settings = settingsOf(one);
  const before = Object.fromEntries(settings);
  const [typed, setTyped] = useState(() => Object.fromEntries(settings.map(([name, value]) => [name, typedOf(value)])));
  const changed = changedOf(before, typed);
  const count = Object.keys(changed).length;
  const { name, environment } = one;
  const run = () =>
    answered(
      api.PATCH("/api/models/{name}/endpoint", {
        params: { path: { name }, header: { ...once(), "If-Match": `"${String(one.revision)}"` } },
        body: { environment, kind: "", configuration: changed },
      }),
    );
  return (
    <Action
      label={told.change}
      kind="main"
      effect={<p>{count === 0 ? told.effectNone : told.effect(counted(count, "setting", "settings"))}</p>}
      line={line("endpoint", name, "--environment", environment, ...flagsOf(changed))}
      run={run}
      onDone={onDone}
    >
      <div class="settings">
        {settings.map(([setting]) => (
          <Field
            key={setting}
            label={setting}
            {...(HELP[setting] === undefined ? {} : { help: HELP[setting] })}
            value={typed[setting] ?? ""}
            onInput={(value) => {
              setTyped({ ...typed, [setting]: value });
            }}
          />
        ))}
      </div>
    </Action>
  );
}
