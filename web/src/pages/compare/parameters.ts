/** Parameters of several versions as rows: what differs first, then by name. */

export interface ParameterRow {
  name: string;
  /** As texts, in the order of the versions; null where a version has no such parameter. */
  values: (string | null)[];
  isDifferent: boolean;
}

export function parameterRows(versions: readonly { hyperparameters?: Record<string, unknown> }[]): ParameterRow[] {
  const names = new Set(versions.flatMap((one) => Object.keys(one.hyperparameters ?? {})));
  const rows = [...names].map((name): ParameterRow => {
    const values = versions.map(({ hyperparameters = {} }) => (Object.hasOwn(hyperparameters, name) ? told(hyperparameters[name]) : null));
    return { name, values, isDifferent: new Set(values).size > 1 };
  });
  return rows.sort((a, b) => Number(b.isDifferent) - Number(a.isDifferent) || a.name.localeCompare(b.name));
}

/** A JSON value as a text that is the same for equal values, in whatever order its fields were written. */
export function told(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(ordered(value));
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, item]) => [name, ordered(item)]),
  );
}
