/** The model card: what people wrote about the model, and the card among the newest version's files. */

import { answered, api, type Schemas } from "../../api/client";
import { useData } from "../../data/use";
import { paths } from "../../paths";
import { line } from "../../ui/command";
import { Markdown } from "../../ui/markdown";
import { Empty, Loaded } from "../../ui/notices";
import { Section } from "../../ui/page";
import { bytes } from "../../ui/values";
import { modelWords } from "../../words/model";
import { cardOf, splitFront, type Version } from "./versions";

const say = modelWords.card;
const LARGEST = 262_144;

interface Props {
  model: Schemas["ModelRecord"];
  /** The newest versions, the newest first. */
  versions: readonly Version[];
}

export function Card({ model, versions }: Props) {
  const version = versions.find((one) => cardOf(one) !== undefined);
  const file = version === undefined ? undefined : cardOf(version);
  const hasFile = version !== undefined && file !== undefined;
  return (
    <Section title={say.title}>
      <div class="card stack">
        {model.description !== "" && <Markdown text={model.description} />}
        {hasFile && <CardFile version={version} path={file.path} size={file.size} />}
        {model.description === "" && !hasFile && (
          <Empty text={say.none} command={line("describe", model.name, "--description", "What it is for")} />
        )}
      </div>
    </Section>
  );
}

function CardFile({ version, path, size }: { version: Version; path: string; size: number }) {
  const link = (
    <p class="faint">
      <a href={paths.version(version.name, version.version)}>{say.file(path, version.version)}</a>
    </p>
  );
  if (size > LARGEST) return <p class="faint">{say.tooLarge(path, bytes(size))}</p>;
  return (
    <div class="section">
      {link}
      <CardText id={version.id} path={path} />
    </div>
  );
}

function CardText({ id, path }: { id: string; path: string }) {
  // A version's files never change: its card is loaded once.
  const data = useData(`card\n${id}\n${path}`, (over) =>
    answered(
      api.GET("/api/models/{reference}/download", {
        params: { path: { reference: id }, query: { path } },
        parseAs: "text",
        signal: over,
      }),
    ),
  );
  return (
    <Loaded data={data}>
      {(text) => {
        const { front, body } = splitFront(String(text));
        return (
          <>
            {front !== "" && (
              <details>
                <summary>{say.front}</summary>
                <pre tabIndex={0}>{front}</pre>
              </details>
            )}
            <Markdown text={body} />
          </>
        );
      }}
    </Loaded>
  );
}
