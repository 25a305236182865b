/** The proof: verify the record, make a checkpoint, write the evidence of a period. */

import { useState } from "preact/hooks";

import { answered, api, once, type Schemas } from "../../api/client";
import { Action, Field } from "../../ui/action";
import { Badge } from "../../ui/badges";
import { Command, line } from "../../ui/command";
import { Frame, Head } from "../../ui/frame";
import { Section } from "../../ui/page";
import { Secret } from "../../ui/secret";
import { counted } from "../../words";
import { eventsWords as words } from "../../words/events";

const said = words.audit;
/** A report as the server tells it: whole. */
type Report = Required<Schemas["AuditReport"]>;

export function Audit({ model, at }: { model: string; at: string | undefined }) {
  const [report, setReport] = useState<Report>();
  const [checkpoint, setCheckpoint] = useState<Schemas["CheckpointRecord"]>();
  const [anchor, setAnchor] = useState("");
  const period = at === undefined ? [] : ["--until", at];
  return (
    <Section
      title={said.title}
      actions={
        <div class="row">
          <Action
            label={said.verify}
            kind="main"
            effect={said.verifyEffect}
            line={line("audit", "verify", ...(anchor === "" ? [] : ["--anchor", anchor]))}
            run={async () => {
              setReport((await answered(api.GET("/api/audit/verify", { params: { query: { anchor } } }))) as Report);
            }}
          >
            <Field label={said.anchor} help={said.anchorHelp} value={anchor} onInput={setAnchor} />
          </Action>
          <Action
            label={said.checkpoint}
            effect={said.checkpointEffect}
            line="modelyard audit checkpoint"
            run={async () => {
              setCheckpoint(await answered(api.POST("/api/audit/checkpoint", { params: { header: once() } })));
            }}
          />
        </div>
      }
    >
      <p class="faint">{said.why}</p>
      <div role="status">{report !== undefined && <Outcome report={report} />}</div>
      {checkpoint !== undefined && (
        <Secret
          text={checkpoint.made ? said.kept : said.same}
          secret={checkpoint.hash}
          onClose={() => {
            setCheckpoint(undefined);
          }}
        />
      )}
      <p class="faint">{said.export}</p>
      <Command line={line("audit", "export", "evidence.zip", ...(model === "" ? [] : [model]), ...period)} />
    </Section>
  );
}

function Outcome({ report }: { report: Report }) {
  const { events, chains, versions, checkpoints } = report;
  return (
    <div class="notice section" data-kind={report.sound ? "good" : "bad"}>
      <p>
        <Badge kind={report.sound ? "good" : "bad"}>
          {report.sound ? said.sound : said.unsound(counted(report.findings.length + report.unlisted, "place", "places"))}
        </Badge>
      </p>
      <p>
        {said.checked(
          counted(events, "event", "events"),
          counted(chains, "chain", "chains"),
          counted(versions, "version", "versions"),
          counted(checkpoints, "checkpoint", "checkpoints"),
        )}{" "}
        {report.anchored && said.anchored}
      </p>
      {report.findings.length > 0 && <Findings report={report} />}
      {report.limits.length > 0 && (
        <details>
          <summary>{said.limits}</summary>
          <ul>
            {report.limits.map((one) => (
              <li key={one}>{one}</li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function Findings({ report }: { report: Report }) {
  return (
    <Frame label={said.findings}>
      <table aria-label={said.findings}>
        <Head of={[said.subject, said.problem, said.place]} />
        <tbody>
          {report.findings.map((one) => (
            <tr key={`${one.subject} ${one.problem} ${String(one.sequence)}`}>
              <th scope="row">{one.subject}</th>
              <td>{one.problem}</td>
              <td class="numbers">{one.sequence ?? one.position}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {report.unlisted > 0 && <p>{said.unlisted(String(report.unlisted))}</p>}
    </Frame>
  );
}
