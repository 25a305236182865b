/** A request to the endpoint by hand: what it answers, which version did, and how long it took. */

import { useId, useState } from "preact/hooks";

import { answered, api } from "../../api/client";
import { asProblem, type Problem } from "../../api/problem";
import { Field } from "../../ui/action";
import { Command, line } from "../../ui/command";
import { ErrorNotice } from "../../ui/notices";
import { Section } from "../../ui/page";
import { seconds } from "../../ui/values";
import { number } from "../../words";
import { endpointWords as endpoint } from "../../words/endpoint";
import type { Endpoint } from "./served";

const told = endpoint.predict;
const EXAMPLE = "[[0.1, 3.0, 0.7]]";

interface Given {
  output: unknown;
  version: string;
  epoch: string;
  prediction: string;
  seconds: number;
}

/** What a text says as JSON, or why it is none. */
export function parsed(text: string): { value: unknown } | { why: string } {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    return { why: error instanceof Error ? error.message : String(error) };
  }
}

async function predict(one: Endpoint, input: unknown, key: string): Promise<Given> {
  const { name, environment } = one;
  const began = performance.now();
  const asking = api.POST("/api/models/{name}/predict", {
    params: {
      path: { name },
      query: { environment },
      ...(key === "" ? {} : { header: { [one.configuration.key_header]: key } }),
    },
    body: { input },
  });
  // The document allows a stream too, which is not asked for.
  const said = (await answered(asking)) as { output: unknown; version: string; epoch: number; prediction_id: string };
  const took = (performance.now() - began) / 1000;
  const { headers } = (await asking).response;
  return {
    output: said.output,
    version: headers.get("x-modelyard-version") ?? said.version,
    epoch: headers.get("x-modelyard-epoch") ?? String(said.epoch),
    prediction: headers.get("x-modelyard-prediction") ?? said.prediction_id,
    seconds: took,
  };
}

export function TryIt({ one }: { one: Endpoint }) {
  const [text, setText] = useState(EXAMPLE);
  const [key, setKey] = useState("");
  const [given, setGiven] = useState<Given>();
  const [problem, setProblem] = useState<Problem>();
  const [isAsking, setAsking] = useState(false);
  const id = useId();
  const read = parsed(text);
  const ask = (event: Event) => {
    event.preventDefault();
    if (isAsking || "why" in read) return;
    setAsking(true);
    setProblem(undefined);
    predict(one, read.value, key)
      .then(setGiven, (error: unknown) => {
        setGiven(undefined);
        setProblem(asProblem(error));
      })
      .finally(() => {
        setAsking(false);
      });
  };
  return (
    <Section title={told.title}>
      <div class="split">
        <form class="section" onSubmit={ask}>
          <div class="field">
            <label for={id}>{told.input}</label>
            <textarea
              id={id}
              class="mono"
              rows={8}
              spellcheck={false}
              value={text}
              aria-invalid={"why" in read}
              aria-describedby={`${id}-help`}
              onInput={(event) => {
                setText(event.currentTarget.value);
              }}
            />
            <small id={`${id}-help`}>{"why" in read ? told.wrong(read.why) : told.inputHelp}</small>
          </div>
          <Field label={told.key} help={told.keyHelp} value={key} onInput={setKey} placeholder="user-17" />
          <div class="row">
            <button type="submit" class="button" data-kind="main" aria-disabled={isAsking || "why" in read}>
              {isAsking ? told.asking : told.ask}
            </button>
          </div>
          <Command
            label={told.line}
            line={line(
              ...["predict", one.name, "--environment", one.environment, "--input", text],
              ...(key === "" ? [] : ["--key", key]),
            )}
          />
        </form>
        <div class="section answer" role="status">
          {problem !== undefined && <ErrorNotice problem={problem} />}
          {problem === undefined && given === undefined && <p class="faint">{told.none}</p>}
          {given !== undefined && <Answer given={given} />}
        </div>
      </div>
    </Section>
  );
}

function Answer({ given }: { given: Given }) {
  return (
    <>
      <h3>{told.by(given.version)}</h3>
      <dl class="facts">
        <dt>{told.latency}</dt>
        <dd class="numbers">
          {seconds(given.seconds)} <span class="faint">{told.latencyHelp}</span>
        </dd>
        <dt>{told.route}</dt>
        <dd class="numbers">{endpoint.epochNumber(number(Number(given.epoch)))}</dd>
        <dt>{told.prediction}</dt>
        <dd>
          <code>{given.prediction}</code>
        </dd>
      </dl>
      <pre class="card" tabIndex={0} aria-label={told.answer}>
        {JSON.stringify(given.output, null, 2)}
      </pre>
    </>
  );
}
