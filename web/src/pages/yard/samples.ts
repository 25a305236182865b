/** Records for the tests of this page, with what they look at and no more. */

import type { Alert, Endpoint, Rollback } from "./health";
import type { Model, Yard } from "./state";
import type { HappenedEvent } from "../../api/live";

export const AT = "2026-03-01T12:00:00.000000Z";

export function model(name: string, more: Partial<Model> = {}): Model {
  return {
    id: `md_${name}`,
    name,
    description: "",
    owner: "",
    team: "",
    tags: {},
    revision: 1,
    created_at: AT,
    updated_at: AT,
    versions: 1,
    latest_version: "1.0.0",
    stages: {},
    aliases: {},
    serving: {},
    ...more,
  };
}

export function endpoint(name: string, more: object = {}): Endpoint {
  const arms = [{ version_id: "mv_1", version: "1.0.0", weight: 1 }];
  const route = { epoch: 3, deployment_id: "", salt: "", arms, rules: [], shadow: [], warm: [] };
  return { id: `ep_${name}`, name, environment: "production", kind: "cloud", epoch: 3, route, deployment: null, ...more } as unknown as Endpoint;
}

export function deployment(state: string): Endpoint["deployment"] {
  return { id: "dp_1", live: true, state, version: "1.1.0", weight: 0.1 } as Endpoint["deployment"];
}

export function alert(name: string, more: object = {}): Alert {
  return { id: "al_1", rule: "errors", model: name, state: "firing", silenced: false, summary: "too many errors", ...more } as Alert;
}

export function rollback(name: string, more: object = {}): Rollback {
  const told = { name, environment: "production", version: "1.0.0", left: "1.1.0", epoch: 3, at: AT, deployment_id: "dp_9" };
  return { ...told, ...more } as Rollback;
}

export function yard(models: Model[], more: Partial<Yard> = {}): Yard {
  return { models, token: "", endpoints: [], alerts: [], rollbacks: [], ...more };
}

export function happened(sequence: number, more: Partial<HappenedEvent> = {}): HappenedEvent {
  const fact = { model: "fraud", position: sequence, type: "model.updated", at: AT, actor: "alice", version_id: null };
  return { sequence, ...fact, data: {}, previous: "", hash: "", ...more };
}
