/** Programs of an agent, ready to be copied. Each was run as it stands here. */

import { bearer, line, type Place, python, quoted } from "../../ui/command";

/** The same in each of three ways. */
export interface Ways {
  python: string;
  cli: string;
  curl: string;
}

const FILE = "model.onnx";
const METRICS = '{"accuracy": 0.93}';

/** What the others read from the environment. */
export function setup({ origin, hasToken }: Place): string {
  return [`export MODELYARD_URI=${quoted(origin)}`, ...(hasToken ? ["export MODELYARD_TOKEN=my_…"] : [])].join("\n");
}

function opened({ origin }: Place, ...then: string[]): string {
  return ["from modelyard import ModelRegistry", "", `registry = ModelRegistry(${python(origin)})`, ...then].join("\n");
}

export function upload(model: string, place: Place): Ways {
  return {
    python: opened(place, `registry.register_model("${FILE}", ${python(model)}, metrics=${METRICS})`),
    cli: line("register", "--model-path", FILE, "--name", model, "--metrics", METRICS),
    // --form-string, as a value that begins with @ would name a file.
    curl: [
      `curl --fail-with-body${bearer(place)}`,
      `-F file=@${FILE} --form-string ${quoted(`name=${model}`)}`,
      `-F ${quoted(`metadata=${METRICS}`)}`,
      quoted(`${place.origin}/api/models/upload`),
    ].join(" \\\n  "),
  };
}

export function fetched(model: string, stage: string, place: Place): Ways {
  const reference = `${model}/${stage}`;
  return {
    python: opened(place, `registry.download_model(${python(reference)}, "${FILE}", path="${FILE}")`),
    cli: line("download", reference, FILE, "--path", FILE),
    curl: [
      `curl --fail${bearer(place)}`,
      "--etag-save model.etag --etag-compare model.etag",
      `--output ${FILE}`,
      quoted(`${place.origin}/api/models/${encodeURIComponent(reference)}/download?path=${FILE}`),
    ].join(" \\\n  "),
  };
}
