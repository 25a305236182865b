import { describe, expect, it } from "vitest";

import type { Schemas } from "../../api/client";
import { cliDownload, cliPredict, curlDownload, curlPredict, exampleInput, mlflowLoad, pythonLoad } from "./snippets";

const place = { origin: "http://127.0.0.1:5000", hasToken: false };

function record(more: object = {}): Schemas["VersionRecord"] {
  return { name: "fraud", version: "1.0.0", number: 3, input_example: [[1, 2], [3, 4]], files: [], ...more } as never;
}

describe("snippets", () => {
  it("name the version as each tool does", () => {
    expect(pythonLoad(record(), place)).toContain('registry.load_model("fraud/1.0.0")');
    expect(cliDownload(record(), place)).toBe("export MODELYARD_URI=http://127.0.0.1:5000\nmodelyard download fraud/1.0.0");
    expect(curlDownload(record(), place)).toContain("/api/models/fraud%2F1.0.0/download");
    expect(mlflowLoad(record(), place)).toContain('download_artifacts("models:/fraud/3")');
    expect(mlflowLoad(record({ files: [{ path: "MLmodel" }] }), place)).toContain('load_model("models:/fraud/3")');
  });

  it("quote what a stranger chose", () => {
    const odd = record({ name: `a"b'; rm -rf $HOME` });
    expect(pythonLoad(odd, place)).toContain(String.raw`load_model("a\"b'; rm -rf $HOME/1.0.0")`);
    expect(cliDownload(odd, place)).toContain(String.raw`download 'a"b'\''; rm -rf $HOME/1.0.0'`);
    expect(curlDownload(odd, place)).not.toContain("$HOME");
    expect(curlPredict(record({ input_example: "it's $HOME" }), place)).toContain(String.raw`'{"input":"it'\''s $HOME"}'`);
  });

  it("send a token where the server asks for one, and never write it down", () => {
    const header = '-H "Authorization: Bearer $MODELYARD_TOKEN"';
    expect(curlDownload(record(), { ...place, hasToken: true })).toContain(header);
    expect(curlPredict(record(), { ...place, hasToken: true })).toContain(header);
    expect(curlPredict(record(), place)).not.toContain("Bearer");
  });

  it("ask with one row of the example, in the form in which it came", () => {
    expect(exampleInput(record())).toEqual([[1, 2]]);
    expect(exampleInput(record({ input_example: { columns: ["a"], data: [[1], [2]] } }))).toEqual({ columns: ["a"], data: [[1]] });
    expect(exampleInput(record({ input_example: { a: 1 } }))).toEqual({ a: 1 });
    expect(exampleInput(record({ input_example: null }))).toBeNull();
    expect(cliPredict(record(), "edge")).toBe("modelyard predict fraud --input '[[1,2]]' --environment edge");
    expect(curlPredict(record(), place, "edge")).toContain("predict?environment=edge");
  });
});
