/** The files of a version: digests to check, a way to get them, and the server's word on whether they are whole. */

import { useState } from "preact/hooks";

import { answered, api, once, type Schemas } from "../../api/client";
import { asProblem, type Problem, problemOf } from "../../api/problem";
import { token } from "../../api/session";
import { Action } from "../../ui/action";
import { Command, Copy, line } from "../../ui/command";
import { Frame } from "../../ui/frame";
import { Empty, ErrorNotice, Some } from "../../ui/notices";
import { Section } from "../../ui/page";
import { bytes, Digest } from "../../ui/values";
import { counted } from "../../words";
import { versionWords } from "../../words/version";

type Version = Schemas["VersionRecord"];
type File = Schemas["FileRecord"];
const W = versionWords.files;
/** A download that needs a token is held in memory before it is saved. */
const MOST_BYTES = 64 * 1024 * 1024;

export function Files({ record }: { record: Version }) {
  const files = record.files ?? [];
  const reference = `${record.name}/${record.version}`;
  if (files.length === 0) {
    return <Empty text={record.unproven ? W.unprovenNone : W.none} />;
  }
  const total = W.total(counted(files.length, W.one, W.many), bytes(record.model_size_bytes));
  return (
    <div class="stack">
      <Verify record={record} />
      <Section title={W.title} actions={files.length > 1 && <Get reference={reference} size={record.model_size_bytes} />}>
        <p class="faint">{total}</p>
        <Some items={files}>{(shown) => <FileTable reference={reference} files={shown} />}</Some>
      </Section>
      <Section title={W.origin}>
        <Materials reference={reference} files={files} />
        <p class="faint">{W.noScan}</p>
      </Section>
      <Section title={W.lineTitle}>
        <Command line={line("download", reference)} />
      </Section>
      <Section title={W.identity}>
        <span class="row">
          <code class="said">{record.digest}</code> <Copy text={record.digest} />
        </span>
        <p class="faint">{W.identityHelp}</p>
      </Section>
    </div>
  );
}

/** Bills of materials by the names that CycloneDX and SPDX ask for, and those that people give. */
export function isBill(path: string): boolean {
  return /(^|[./_-])(s?bom|cdx|spdx)([._-][^/]*)?\.(json|xml)$|\.spdx$/i.test(path);
}

function Materials({ reference, files }: { reference: string; files: File[] }) {
  const bills = files.filter((one) => isBill(one.path));
  if (bills.length === 0) return <p>{W.noBill}</p>;
  return (
    <ul aria-label={W.bill}>
      {bills.map((one) => (
        <li key={one.path}>
          {W.bill}: <code>{one.path}</code> <Get reference={reference} path={one.path} size={one.size} />
        </li>
      ))}
    </ul>
  );
}

function FileTable({ reference, files }: { reference: string; files: File[] }) {
  return (
    <Frame label={W.title}>
      <table aria-label={W.title}>
        <thead>
          <tr>
            <th scope="col">{W.path}</th>
            <th scope="col" data-numbers>
              {W.size}
            </th>
            <th scope="col">{W.kind}</th>
            <th scope="col">{W.blake}</th>
            <th scope="col">{W.sha}</th>
            <th scope="col">{W.get}</th>
          </tr>
        </thead>
        <tbody>
          {files.map((one) => (
            <tr key={one.path}>
              <th scope="row" class="path">
                {one.path}
              </th>
              <td data-numbers class="steady">
                {bytes(one.size)}
              </td>
              <td>{one.media_type}</td>
              <td class="steady">
                <Digest value={one.blake3} />
              </td>
              <td class="steady">
                <Digest value={one.sha256} />
              </td>
              <td>
                <Get reference={reference} path={one.path} size={one.size} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Frame>
  );
}

/** Where a file, or the archive of all of them, is downloaded. */
export function downloadAddress(reference: string, path?: string): string {
  const base = `/api/models/${encodeURIComponent(reference)}/download`;
  return path === undefined ? base : `${base}?path=${encodeURIComponent(path)}`;
}

/** A way to download: a plain link where no token is needed, which a link could not send. */
function Get({ reference, path, size }: { reference: string; path?: string; size: number }) {
  const [problem, setProblem] = useState<Problem>();
  const [isRunning, setRunning] = useState(false);
  const label = path === undefined ? W.getAll : W.getOne(path);
  const text = path === undefined ? W.getAll : W.get;
  const address = downloadAddress(reference, path);
  if (token.value === "") {
    return (
      <a class="button" data-kind="small" href={address} download aria-label={label}>
        {text}
      </a>
    );
  }
  if (size > MOST_BYTES) {
    const only = path === undefined ? [] : ["--path", path];
    return (
      <div class="section">
        <small>{W.tooLarge(bytes(MOST_BYTES))}</small>
        <Command line={line("download", reference, ...only)} />
      </div>
    );
  }
  const get = () => {
    if (isRunning) return;
    setRunning(true);
    setProblem(undefined);
    save(address, path ?? `${reference}.tar`)
      .catch((error: unknown) => {
        setProblem(asProblem(error));
      })
      .finally(() => {
        setRunning(false);
      });
  };
  return (
    <>
      <button type="button" class="button" data-kind="small" aria-label={label} aria-disabled={isRunning} onClick={get}>
        {text}
      </button>
      {problem !== undefined && <ErrorNotice problem={problem} />}
    </>
  );
}

async function save(address: string, name: string): Promise<void> {
  const response = await fetch(address, { headers: { Authorization: `Bearer ${token.value}` } });
  if (!response.ok) throw problemOf(response.status, await response.json().catch(() => null));
  const held = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = held;
  link.download = name.split("/").join("-");
  link.click();
  URL.revokeObjectURL(held);
}

function Verify({ record }: { record: Version }) {
  const [found, setFound] = useState<Schemas["Verification"]>();
  const reference = `${record.name}/${record.version}`;
  const files = counted((record.files ?? []).length, W.one, W.many);
  const run = async () => {
    setFound(undefined);
    const params = { path: { reference }, header: once() };
    setFound(await answered(api.POST("/api/models/{reference}/verify", { params })));
  };
  return (
    <div class="section">
      <div>
        <Action
          label={W.verify}
          effect={W.verifyEffect(files, bytes(record.model_size_bytes))}
          line={line("verify", reference)}
          run={run}
        />
      </div>
      <div role="status">{found !== undefined && <Verified found={found} />}</div>
    </div>
  );
}

function Verified({ found }: { found: Schemas["Verification"] }) {
  const damage = found.damage ?? [];
  if (damage.length === 0) {
    return (
      <div class="notice" data-kind="good">
        <p>{W.verified(counted(found.files, W.one, W.many), bytes(found.bytes))}</p>
      </div>
    );
  }
  return (
    <div class="notice" data-kind="bad">
      <p>{W.damaged(counted(damage.length, W.place, W.places))}</p>
      <ul>
        {damage.map((one) => (
          <li key={`${one.subject} ${one.problem}`}>
            <code>{one.subject}</code>: {one.problem} <span class="faint">{one.hint}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
