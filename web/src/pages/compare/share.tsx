/** The comparison for others: its address, and a report as a file. */

import { useState } from "preact/hooks";

import { answered, api } from "../../api/client";
import { asProblem, type Problem } from "../../api/problem";
import { Command, Copy, line } from "../../ui/command";
import { ErrorNotice } from "../../ui/notices";
import { Section } from "../../ui/page";
import { words } from "../../words";
import { compareWords } from "../../words/compare";
import { nameOf, type Version } from "./load";

const said = compareWords.share;
const FORMATS = [
  ["html", "text/html", said.html],
  ["markdown", "text/markdown", said.markdown],
] as const;

export function Share({ versions }: { versions: readonly Version[] }) {
  const [problem, setProblem] = useState<Problem>();
  const save = (format: string, type: string) => {
    setProblem(undefined);
    download(versions, format, type).catch((error: unknown) => {
      setProblem(asProblem(error));
    });
  };
  return (
    <Section title={said.title}>
      <div class="card section">
        <div class="row">
          <span>{said.page}</span>
          <Copy text={location.href} />
        </div>
        <div class="row">
          <span>{said.report}</span>
          {FORMATS.map(([format, type, text]) => (
            <button
              key={format}
              type="button"
              class="button"
              data-kind="small"
              onClick={() => {
                save(format, type);
              }}
            >
              {text}
            </button>
          ))}
        </div>
        {problem !== undefined && <ErrorNotice problem={problem} />}
        <Command line={line("compare", ...versions.map(nameOf), "--html", `${said.file}.html`)} label={words.common.sameBy} />
      </div>
    </Section>
  );
}

async function download(versions: readonly Version[], format: string, type: string): Promise<void> {
  const query = { version: versions.map((one) => one.id), format };
  const report = await answered(api.GET("/api/compare/report", { params: { query } }));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([report.document], { type }));
  link.download = `${said.file}.${format === "html" ? "html" : "md"}`;
  link.click();
  URL.revokeObjectURL(link.href);
}
