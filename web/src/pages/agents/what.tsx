/** What an agent does, as programs to be copied. */

import { Fragment } from "preact";
import { useState } from "preact/hooks";

import { me } from "../../api/session";
import { Field } from "../../ui/action";
import { Code, type Place } from "../../ui/command";
import { Section } from "../../ui/page";
import { agentsWords as words } from "../../words/agents";
import { fetched, setup, upload, type Ways } from "./snippets";

const USUAL = { model: "fraud", stage: "production" };

export function What() {
  const [model, setModel] = useState("");
  const [stage, setStage] = useState("");
  const place: Place = { origin: location.origin, hasToken: me.value?.proven === true };
  const name = model.trim() || USUAL.model;
  return (
    <Section title={words.what}>
      <div class="filters">
        <Field label={words.model} value={model} onInput={setModel} placeholder={USUAL.model} />
        <Field label={words.stage} value={stage} onInput={setStage} placeholder={USUAL.stage} />
      </div>
      <Code title={words.setup} text={setup(place)} />
      {place.hasToken && <p class="faint">{words.setupHelp}</p>}
      <Each title={words.upload} help={words.uploadHelp} ways={upload(name, place)} />
      <Each title={words.fetch} help={words.fetchHelp} ways={fetched(name, stage.trim() || USUAL.stage, place)} />
    </Section>
  );
}

function Each({ title, help, ways }: { title: string; help: string; ways: Ways }) {
  return (
    <>
      <h3>{title}</h3>
      <p class="faint">{help}</p>
      {(Object.entries(words.ways) as [keyof Ways, string][]).map(([way, text]) => (
        <Fragment key={way}>
          <strong>{text}</strong>
          <Code title={`${title}: ${text}`} text={ways[way]} />
        </Fragment>
      ))}
    </>
  );
}
