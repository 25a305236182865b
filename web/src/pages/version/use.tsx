/** How to use this version from elsewhere. */

import type { Schemas } from "../../api/client";
import { token } from "../../api/session";
import { Code, Command, line, type Place } from "../../ui/command";
import { Section } from "../../ui/page";
import { percent } from "../../ui/values";
import { versionWords } from "../../words/version";
import {
  cliDownload,
  cliPredict,
  curlDownload,
  curlPredict,
  isMlflow,
  mlflowLoad,
  pythonLoad,
} from "./snippets";

const W = versionWords.use;

interface Props {
  record: Schemas["VersionRecord"];
  model: Schemas["ModelRecord"] | undefined;
}

export function Use({ record, model }: Props) {
  const place: Place = { origin: location.origin, hasToken: token.value !== "" };
  const served = Object.entries(record.serving ?? {});
  const environment = served[0]?.[0] ?? Object.keys(model?.serving ?? {})[0];
  return (
    <div class="stack">
      <p>{W.intro}</p>
      {place.hasToken && <p class="notice">{W.token}</p>}
      {(record.files ?? []).length === 0 ? (
        <p class="faint">{W.noFiles}</p>
      ) : (
        <div class="split">
          <Snippet title={W.python} help={W.pythonHelp} text={pythonLoad(record, place)} />
          <Snippet title={W.cli} text={cliDownload(record, place)} />
          <Snippet title={W.curl} text={curlDownload(record, place)} />
          <Snippet title={W.mlflow} help={isMlflow(record) ? "" : W.mlflowFiles} text={mlflowLoad(record, place)} />
        </div>
      )}
      <Section title={W.predict}>
        {environment === undefined ? (
          <>
            <p class="faint">{W.nothingServed(record.name)}</p>
            <Command line={line("deploy", record.name, record.version)} />
          </>
        ) : (
          <>
            <p class="faint">
              {W.predictHelp(record.name)}{" "}
              {served.length === 0 ? W.notServed : served.map(([name, share]) => W.serves(percent(share), name)).join(" ")}
            </p>
            <div class="split">
              <Code title={`${W.predict}: ${W.curl}`} text={curlPredict(record, place, environment)} />
              <Code title={`${W.predict}: ${W.cli}`} text={cliPredict(record, environment)} />
            </div>
          </>
        )}
      </Section>
    </div>
  );
}

function Snippet({ title, help = "", text }: { title: string; help?: string; text: string }) {
  return (
    <Section title={title}>
      <Code title={title} text={text} />
      {help !== "" && <p class="faint">{help}</p>}
    </Section>
  );
}
