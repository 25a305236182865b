/** Silences: alerts that nobody is told of for a while. */

import { useState } from "preact/hooks";

import { answered, api, once, type Schemas } from "../../api/client";
import { useData } from "../../data/use";
import { Action, Field } from "../../ui/action";
import { line } from "../../ui/command";
import { Frame, Head } from "../../ui/frame";
import { Empty, Loaded } from "../../ui/notices";
import { Section } from "../../ui/page";
import { Time } from "../../ui/values";
import { alertsWords as words } from "../../words/alerts";

type Match = Schemas["AlertMatch"];
const MEMBERS = ["rule", "model", "environment", "version", "severity"] as const;
const EVERYTHING: Match = { rule: "*", model: "*", environment: "*", version: "*", severity: "*" };
const EVERY_S = 30;

export function Silences() {
  const data = useData(
    "silences",
    async (signal) => (await answered(api.GET("/api/alerts/silences", { signal }))).silences,
    { on: (event) => event.type.startsWith("alert."), every: EVERY_S },
  );
  return (
    <Section title={words.silence.list} actions={<SilenceAction label={words.silence.new} match={EVERYTHING} onDone={data.reload} />}>
      <Loaded data={data}>
        {(silences) =>
          silences.length === 0 ? (
            <Empty text={words.silence.empty} command={line("alert", "silence", "add", "--model", "fraud", "--for", "2h")} />
          ) : (
            <Table silences={silences} reload={data.reload} />
          )
        }
      </Loaded>
    </Section>
  );
}

function Table({ silences, reload }: { silences: Schemas["SilenceRecord"][]; reload: () => void }) {
  const said = words.silence;
  return (
    <Frame label={said.list}>
      <table aria-label={said.list}>
        <Head of={[said.what, said.ends, said.reason, said.by]} hidden={words.rest.shown} />
        <tbody>
          {silences.map((one) => (
            <tr key={one.id}>
              <th scope="row">{matchText(one.match)}</th>
              <td>
                <Time at={one.until} />
              </td>
              <td>{one.reason}</td>
              <td>{one.created_by}</td>
              <td>
                <Action
                  label={said.end}
                  effect={said.endEffect}
                  line={line("alert", "silence", "end", one.id)}
                  run={() => answered(api.DELETE("/api/alerts/silences/{id}", { params: { path: { id: one.id }, header: once() } }))}
                  onDone={reload}
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Frame>
  );
}

/** Which alerts are meant; what matches everything is not told. */
export function matchText(match: Match): string {
  const told = MEMBERS.filter((one) => match[one] !== "*").map((one) => `${words.match[one].toLowerCase()} ${match[one]}`);
  return told.length === 0 ? words.silence.everything : told.join(", ");
}

export function SilenceAction({ match, label = words.silence.do, onDone }: { match: Match; label?: string; onDone: () => void }) {
  const [given, setGiven] = useState(match);
  const [duration, setDuration] = useState("2h");
  const [reason, setReason] = useState("");
  const chosen = MEMBERS.filter((one) => given[one] !== "*").flatMap((one) => [`--${one}`, given[one]]);
  return (
    <Action
      label={label}
      effect={words.silence.effect}
      line={line("alert", "silence", "add", ...chosen, "--for", duration, ...(reason === "" ? [] : ["--reason", reason]))}
      run={() => answered(api.POST("/api/alerts/silences", { body: { match: given, duration, reason }, params: { header: once() } }))}
      onDone={onDone}
    >
      <Field label={words.silence.for} help={words.silence.forHelp} value={duration} onInput={setDuration} required />
      <div class="field-grid">
        {MEMBERS.map((one) => (
          <Field
            key={one}
            label={words.match[one]}
            value={given[one]}
            onInput={(value) => {
              setGiven({ ...given, [one]: value === "" ? "*" : value });
            }}
          />
        ))}
      </div>
      <p class="faint">{words.matchHelp}</p>
      <Field label={words.silence.reason} value={reason} onInput={setReason} />
    </Action>
  );
}
