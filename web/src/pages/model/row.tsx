/** A version on the line: what it is called, where it stands, how good it is, who made it. */

import { paths } from "../../paths";
import { Badge, State } from "../../ui/badges";
import { figure, percent, Time } from "../../ui/values";
import { modelWords } from "../../words/model";
import { ArchiveVersion, DeprecateVersion } from "./actions";
import { Alias, Tags } from "./head";
import { inShort, type Version } from "./versions";

const say = modelWords.versions;
const METRICS = 3;

export interface Shown {
  version: Version;
  metric: string;
  aliases: readonly string[];
  /** Where requests reach it, with its share of them in 0..1. */
  serves: readonly { environment: string; share: number }[];
  /** Its parent's version, where that is known. */
  parent: string | undefined;
  isChosen: boolean;
  choose: (version: string, isChosen: boolean) => void;
}

export function Row(shown: Shown) {
  const { version, isChosen, choose } = shown;
  return (
    <div class="model-row" data-stage={version.stage} data-served={shown.serves.length > 0 ? "" : undefined}>
      <input
        type="checkbox"
        aria-label={say.choose(version.version)}
        checked={isChosen}
        onChange={(event) => {
          choose(version.version, event.currentTarget.checked);
        }}
      />
      <span class="model-line" aria-hidden="true" />
      <div class="model-about">
        <div class="row spread">
          <Names {...shown} />
          <span class="faint">
            {version.created_by !== "" && `${version.created_by}, `}
            <Time at={version.created_at} />
          </span>
        </div>
        {version.description !== "" && <p class="model-says">{version.description}</p>}
        <div class="row spread">
          <Figures version={version} metric={shown.metric} />
          <Parent version={version} parent={shown.parent} />
          <details>
            <summary class="faint" aria-label={say.more(version.version)}>
              {say.moreShort}
            </summary>
            <More version={version} />
          </details>
        </div>
      </div>
    </div>
  );
}

function Names({ version, aliases, serves }: Shown) {
  return (
    <div class="row">
      <a class="model-version" href={paths.version(version.name, version.version)}>
        {version.version}
      </a>
      <span class="faint numbers">#{version.number}</span>
      <State state={version.stage} />
      {version.label !== "" && <Badge>{version.label}</Badge>}
      {aliases.map((one) => (
        <Alias key={one} name={one} />
      ))}
      {version.deprecated && <Badge kind="warn">{say.deprecated}</Badge>}
      {version.status !== "READY" && <State state={version.status} />}
      {serves.map((one) => (
        <Badge key={one.environment} kind="good">
          {say.served(one.environment, one.share === 1 ? "" : percent(one.share))}
        </Badge>
      ))}
    </div>
  );
}

function Figures({ version, metric }: { version: Version; metric: string }) {
  const shown = inShort(version, metric, METRICS);
  if (shown.length === 0) return null;
  return (
    <dl class="model-figures numbers">
      {shown.map(([name, value]) => (
        <div key={name} data-chosen={name === metric ? "" : undefined}>
          <dt>{name}</dt>
          <dd>{figure(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function Parent({ version, parent }: { version: Version; parent: string | undefined }) {
  if (typeof version.parent_id !== "string") return null;
  return (
    <span class="faint model-parent">
      {say.from} <a href={paths.version(version.name, parent ?? version.parent_id)}>{parent ?? say.parent}</a>
    </span>
  );
}

function More({ version }: { version: Version }) {
  const tags = Object.entries(version.tags ?? {});
  return (
    <div class="section">
      {version.deprecated && version.deprecation_reason !== "" && <p>{version.deprecation_reason}</p>}
      {version.successor !== "" && (
        <p>
          {say.successor} <code>{version.successor}</code>
        </p>
      )}
      {version.framework !== "" && (
        <p>
          {version.framework} {version.framework_version}
        </p>
      )}
      {version.changelog !== "" && <p class="model-says">{version.changelog}</p>}
      {tags.length > 0 && <Tags tags={tags} />}
      <div class="row">
        <DeprecateVersion version={version} />
        {version.stage !== "archived" && <ArchiveVersion version={version} />}
      </div>
    </div>
  );
}
