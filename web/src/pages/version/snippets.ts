/** Programs that use one version, ready to be copied. Each was run as it stands here. */

import type { Schemas } from "../../api/client";
import { bearer, line, type Place, python, quoted } from "../../ui/command";

type Version = Schemas["VersionRecord"];

/** An input that the version takes: one row of its example, if it has one. */
export function exampleInput(record: Version): unknown {
  const given = record.input_example;
  if (Array.isArray(given)) return given.slice(0, 1);
  if (typeof given === "object" && given !== null) {
    const { columns, data } = given as { columns?: unknown; data?: unknown };
    if (Array.isArray(columns) && Array.isArray(data)) return { columns, data: data.slice(0, 1) };
  }
  return given ?? null;
}

export function pythonLoad(record: Version, { origin }: Place): string {
  return [
    "from modelyard import ModelRegistry",
    "",
    `registry = ModelRegistry(${python(origin)})`,
    `model = registry.load_model(${python(`${record.name}/${record.version}`)})`,
  ].join("\n");
}

export function cliDownload(record: Version, { origin }: Place): string {
  return `export MODELYARD_URI=${quoted(origin)}\n${line("download", `${record.name}/${record.version}`)}`;
}

export function curlDownload(record: Version, place: Place): string {
  const address = `${place.origin}/api/models/${encodeURIComponent(`${record.name}/${record.version}`)}/download`;
  return `curl --fail --remote-name --remote-header-name${bearer(place)} ${quoted(address)}`;
}

/** MLflow knows versions by their number; it loads only what has an `MLmodel` file. */
export function mlflowLoad(record: Version, { origin }: Place): string {
  const uri = python(`models:/${record.name}/${String(record.number)}`);
  return [
    "import mlflow",
    "",
    `mlflow.set_registry_uri(${python(origin)})`,
    isMlflow(record)
      ? `model = mlflow.pyfunc.load_model(${uri})`
      : `files = mlflow.artifacts.download_artifacts(${uri})`,
  ].join("\n");
}

export function isMlflow(record: Version): boolean {
  return (record.files ?? []).some((one) => one.path === "MLmodel");
}

export function curlPredict(record: Version, place: Place, environment = "production"): string {
  const base = `${place.origin}/api/models/${encodeURIComponent(record.name)}/predict`;
  const address = environment === "production" ? base : `${base}?environment=${encodeURIComponent(environment)}`;
  const body = JSON.stringify({ input: exampleInput(record) });
  return `curl --fail-with-body${bearer(place)} -H 'Content-Type: application/json' \\\n  -d ${quoted(body)} ${quoted(address)}`;
}

export function cliPredict(record: Version, environment = "production"): string {
  const where = environment === "production" ? [] : ["--environment", environment];
  return line("predict", record.name, "--input", JSON.stringify(exampleInput(record)), ...where);
}
