/** The fields of a signature, from either of the forms that have some; see `modelyard.domain.signature`. */

export interface Field {
  name: string;
  type: string;
  /** Sizes of the dimensions, -1 for any; none for a single value. */
  shape: number[];
  optional: boolean;
}

/** The fields of a schema; null where it has another form, such as a JSON Schema, or is empty. */
export function fieldsOf(schema: Record<string, unknown>): Field[] | null {
  if (Object.keys(schema).length === 0 || "$schema" in schema || "$ref" in schema || schema["type"] === "object") return null;
  const listed = schema["fields"];
  if (Array.isArray(listed)) return listed.every(isMapping) ? listed.map(fieldOf) : null;
  const pairs = Object.entries(schema);
  return pairs.every(([, type]) => typeof type === "string")
    ? pairs.map(([name, type]) => ({ name, type: String(type), shape: [], optional: false }))
    : null;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fieldOf(field: Record<string, unknown>): Field {
  const shape = field["shape"];
  return {
    name: String(field["name"] ?? ""),
    type: String(field["type"] ?? ""),
    shape: Array.isArray(shape) ? shape.map(Number) : [],
    optional: field["optional"] === true,
  };
}
