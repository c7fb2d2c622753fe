import { DocumentError, parseDocument } from "@spillway/shared/schema/document";
import { describe, expect, it } from "vitest";
import { z } from "zod";

const schema = z.strictObject({ name: z.string(), sizes: z.array(z.int()) });
const parse = (text: string) => () => parseDocument(schema, text, "model/manifest.json");

describe("parseDocument", () => {
  it("returns what the schema describes", () => {
    expect(parse('{"name":"a","sizes":[1,2]}')()).toEqual({ name: "a", sizes: [1, 2] });
  });

  it.each(["", "{", "{'name':1}", "nonsense"])("refuses text that is not JSON: %j", (text) => {
    expect(parse(text)).toThrow(new DocumentError("model/manifest.json: expected JSON"));
  });

  it("names the document and every wrong field", () => {
    const attempt = parse('{"name":1,"sizes":[1,0.5],"more":2}');
    expect(attempt).toThrow(DocumentError);
    expect(attempt).toThrow(/^model\/manifest\.json: name: [^;]+; sizes\.1: [^;]+; Unrecognized key: "more"$/);
  });

  it("counts the problems beyond eight", () => {
    expect(parse(JSON.stringify({ name: "a", sizes: new Array(8).fill("") }))).toThrow(/sizes\.7: [^;]+$/);
    expect(parse(JSON.stringify({ name: "a", sizes: new Array(9).fill("") }))).toThrow(/sizes\.7: [^;]+; and 1 more$/);
  });

  it("stays on one line whatever a key holds", () => {
    expect(parse('{"name":"a","sizes":[],"a\\nb\\u2029c":1}')).toThrow('"a b c"');
  });
});
