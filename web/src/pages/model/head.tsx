/** The model at a glance: what is served, who holds a stage or an alias, whose it is. */

import type { ComponentChildren } from "preact";

import type { Schemas } from "../../api/client";
import { paths } from "../../paths";
import { Badge, State } from "../../ui/badges";
import { TrafficBar } from "../../ui/traffic";
import { Time } from "../../ui/values";
import { number } from "../../words";
import { modelWords } from "../../words/model";

type Model = Schemas["ModelRecord"];
type Endpoint = Schemas["EndpointRecord"];
const say = modelWords;

export function Glance({ model, endpoints }: { model: Model; endpoints: readonly Endpoint[] | undefined }) {
  return (
    <div class="model-glance">
      <Card title={say.serves.title}>{endpoints !== undefined && <Serves endpoints={endpoints} />}</Card>
      <Card title={say.holds.title}>
        <Holds model={model} />
      </Card>
      <Card title={say.about.title}>
        <About model={model} />
      </Card>
    </div>
  );
}

function Card({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="card section" aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

function Serves({ endpoints }: { endpoints: readonly Endpoint[] }) {
  if (endpoints.length === 0) return <p class="faint">{say.serves.nothing}</p>;
  return (
    <ul class="plain stack">
      {endpoints.map((one) => (
        <li key={one.id} class="section">
          <a href={paths.endpoint(one.name, one.environment)}>{one.environment}</a>
          {one.route.arms.length === 0 ? (
            <span class="faint">{say.serves.none}</span>
          ) : (
            <TrafficBar
              label={say.serves.traffic(one.environment)}
              shares={one.route.arms.map((arm) => ({ text: arm.version, share: arm.weight }))}
            />
          )}
          {one.deployment !== null && one.deployment !== undefined && (
            <span class="row">
              {one.deployment.state === "PAUSED" ? say.serves.paused : say.serves.release}
              <a href={paths.deployment(one.deployment.id)}>{one.deployment.version}</a>
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

function Holds({ model }: { model: Model }) {
  const stages = Object.entries(model.stages ?? {});
  const aliases = Object.entries(model.aliases ?? {});
  return (
    <>
      {stages.length === 0 && <p class="faint">{say.holds.none}</p>}
      <dl class="facts">
        {stages.map(([stage, version]) => (
          <Holder key={stage} name={model.name} version={version}>
            <State state={stage} />
          </Holder>
        ))}
        {aliases.map(([alias, version]) => (
          <Holder key={`@${alias}`} name={model.name} version={version}>
            <Alias name={alias} />
          </Holder>
        ))}
      </dl>
      {aliases.length === 0 && <p class="faint">{say.holds.noAlias}</p>}
    </>
  );
}

function Holder({ name, version, children }: { name: string; version: string; children: ComponentChildren }) {
  return (
    <>
      <dt>{children}</dt>
      <dd>
        <a href={paths.version(name, version)}>{version}</a>
      </dd>
    </>
  );
}

/** An alias as it stands in a reference. */
export function Alias({ name }: { name: string }) {
  return <Badge kind="info">@{name}</Badge>;
}

function About({ model }: { model: Model }) {
  const tags = Object.entries(model.tags ?? {});
  return (
    <dl class="facts">
      <dt>{say.about.owner}</dt>
      <dd>{model.owner || <span class="faint">{say.about.nobody}</span>}</dd>
      {model.team !== "" && (
        <>
          <dt>{say.about.team}</dt>
          <dd>{model.team}</dd>
        </>
      )}
      <dt>{say.about.versions}</dt>
      <dd class="numbers">{number(model.versions)}</dd>
      <dt>{say.about.created}</dt>
      <dd>
        <Time at={model.created_at} />
      </dd>
      <dt>{say.about.changed}</dt>
      <dd>
        <Time at={model.updated_at} />
      </dd>
      {tags.length > 0 && (
        <>
          <dt>{say.about.tags}</dt>
          <dd>
            <Tags tags={tags} />
          </dd>
        </>
      )}
    </dl>
  );
}

export function Tags({ tags }: { tags: readonly [string, string][] }) {
  return (
    <ul class="plain row model-tags" aria-label={say.about.tags}>
      {tags.map(([key, value]) => (
        <li key={key}>
          <Badge>{value === "" ? key : `${key}: ${value}`}</Badge>
        </li>
      ))}
    </ul>
  );
}
