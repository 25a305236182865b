/** One model at a glance. */

import { paths } from "../../paths";
import { Badge, State } from "../../ui/badges";
import { TrafficBar } from "../../ui/traffic";
import { Time } from "../../ui/values";
import { counted } from "../../words";
import { yardWords } from "../../words/yard";
import type { Endpoint, Health } from "./health";
import { addressOf, NOTHING, type Wanted } from "./query";
import { type Card, holdersOf, type Model } from "./state";

const HOLDERS = 4;
const ALIASES = 2;
const TAGS = 4;

export function ModelCard({ card: { model, endpoints, health } }: { card: Card }) {
  return (
    <li class="card model-card">
      <div class="model-head">
        <h3>
          <a href={paths.model(model.name)}>{model.name}</a>
        </h3>
        <Badge kind={health.kind}>{yardWords.models.health[health.word]}</Badge>
      </div>
      {model.description !== "" && <p class="two-lines">{model.description}</p>}
      <Detail health={health} />
      <Holders model={model} />
      {endpoints.map((one) => (
        <Traffic key={one.id} endpoint={one} />
      ))}
      <Facts model={model} />
    </li>
  );
}

function Detail({ health }: { health: Health }) {
  if (health.detail === "") return null;
  return (
    <p class="two-lines small faint">{health.href === undefined ? health.detail : <a href={health.href}>{health.detail}</a>}</p>
  );
}

function Holders({ model }: { model: Model }) {
  const say = yardWords.models;
  const holders = holdersOf(model).slice(0, HOLDERS);
  const newest = model.latest_version ?? "";
  const isNewestShown = newest === "" || holders.some(([, version]) => version === newest);
  // An alias stands beside its version, and alone where that is not told otherwise.
  const told = new Set([newest, ...holders.map(([, version]) => version)]);
  const others = Object.entries(model.aliases ?? {}).filter(([, version]) => !told.has(version));
  if (holders.length === 0 && newest === "") return <p class="faint">{say.noVersions}</p>;
  return (
    <ul class="plain holders" aria-label={say.holders}>
      {holders.map(([stage, version]) => (
        <li key={stage}>
          <State state={stage} />
          <Held model={model} version={version} />
        </li>
      ))}
      {!isNewestShown && (
        <li>
          <Badge>{say.newest}</Badge>
          <Held model={model} version={newest} />
        </li>
      )}
      {others.slice(0, ALIASES).map(([alias, version]) => (
        <li key={`@${alias}`}>
          <span class="faint">@{alias}</span>
          <a class="numbers" href={paths.version(model.name, version)}>
            {version}
          </a>
        </li>
      ))}
    </ul>
  );
}

function Held({ model, version }: { model: Model; version: string }) {
  const aliases = Object.entries(model.aliases ?? {}).filter(([, one]) => one === version);
  return (
    <>
      <a class="numbers" href={paths.version(model.name, version)}>
        {version}
      </a>
      {aliases.slice(0, ALIASES).map(([alias]) => (
        <span key={alias} class="faint">
          @{alias}
        </span>
      ))}
    </>
  );
}

function Traffic({ endpoint }: { endpoint: Endpoint }) {
  const { arms } = endpoint.route;
  const label = yardWords.models.traffic(endpoint.environment);
  if (arms.length === 0) return null;
  return (
    <div class="model-traffic">
      <a class="faint" href={paths.endpoint(endpoint.name, endpoint.environment)}>
        {label}
      </a>
      <TrafficBar label={label} shares={arms.map((one) => ({ text: one.version, share: one.weight }))} />
    </div>
  );
}

function Facts({ model }: { model: Model }) {
  const say = yardWords.models;
  const tags = Object.entries(model.tags ?? {}).map(([key, value]) => (value === "" ? key : `${key}=${value}`));
  return (
    <div class="model-foot">
      {tags.length > 0 && (
        <ul class="plain row" aria-label={say.tags}>
          {tags.slice(0, TAGS).map((tag) => (
            <li key={tag}>
              <a class="badge" href={only({ tag })}>
                {tag}
              </a>
            </li>
          ))}
        </ul>
      )}
      <p class="faint">
        <span class="one-line">
          {model.owner === "" ? say.nobody : <a href={only({ owner: model.owner })}>{model.owner}</a>}
          {model.team !== "" && " · "}
          {model.team !== "" && <a href={only({ team: model.team })}>{model.team}</a>}
        </span>
        <span class="numbers">{counted(model.versions, say.version, say.versions)}</span>
        <span>
          <Time at={model.updated_at} />
        </span>
      </p>
    </div>
  );
}

/** The yard with the models that have this in common. */
function only(filter: Partial<Wanted>): string {
  return addressOf({ ...NOTHING, ...filter });
}
