import { checkJsonBounds } from "@spillway/shared/protocol/json-bounds";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { protocolErrorOf, utf8 } from "./wire.ts";

const NONE = { maxDepth: Number.POSITIVE_INFINITY, maxStrings: Number.POSITIVE_INFINITY, maxTokens: 1e9 };

describe("checkJsonBounds", () => {
  it.each([
    ["maxDepth", "1", 0, /levels/],
    ["maxDepth", "[]", 1, /at most 0 levels/],
    ["maxDepth", '[[],{"a":[[]]}]', 4, /levels/],
    ["maxStrings", '["","a",{"b":"c"}]', 4, /strings/],
    ["maxStrings", '["\\"","\\\\","\\\\\\"["]', 3, /strings/],
    ["maxTokens", "[]", 1, /values and lists/],
    ["maxTokens", "[1,[2,3],{}]", 6, /values and lists/],
    ["maxTokens", '["[[,{","\\",["]', 2, /values and lists/],
  ] as const)("%s of %s: at the bound, and not one past it", (bound, json, count, error) => {
    expect(checkJsonBounds(utf8(json), { ...NONE, [bound]: count })).toBeUndefined();
    if (count === 0) return;
    expect(protocolErrorOf(() => checkJsonBounds(utf8(json), { ...NONE, [bound]: count - 1 }))).toMatch(error);
  });

  it("counts at least as much as a parser builds", () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        const { depth, strings, values } = measured(JSON.parse(json));
        const bounds = { maxDepth: depth, maxStrings: strings, maxTokens: values };
        expect(checkJsonBounds(utf8(json), { ...NONE, maxDepth: depth })).toBeUndefined();
        for (const bound of ["maxDepth", "maxStrings"] as const) {
          if (bounds[bound] === 0) continue;
          protocolErrorOf(() => checkJsonBounds(utf8(json), { ...NONE, [bound]: bounds[bound] - 1 }));
        }
        // The outermost value has no comma before it.
        if (values < 2) return;
        protocolErrorOf(() => checkJsonBounds(utf8(json), { ...NONE, maxTokens: Math.floor((values - 1) / 2) - 1 }));
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  it.each(["]]]][[", '"', '"\\', "\\", "", "\u0000{"])("ends on what is no JSON: %j", (text) => {
    expect(checkJsonBounds(utf8(text), NONE)).toBeUndefined();
    protocolErrorOf(() => checkJsonBounds(utf8(`${text}"`.repeat(9)), { ...NONE, maxStrings: 0 }));
  });
});

/** What a parsed value is made of. */
function measured(value: unknown): { depth: number; strings: number; values: number } {
  if (typeof value !== "object" || value === null) {
    return { depth: 0, strings: Number(typeof value === "string"), values: 1 };
  }
  const members = Object.values(value).map(measured);
  const keys = Array.isArray(value) ? 0 : members.length;
  return {
    depth: 1 + Math.max(0, ...members.map(({ depth }) => depth)),
    strings: keys + members.reduce((sum, { strings }) => sum + strings, 0),
    values: 1 + members.reduce((sum, { values }) => sum + values, 0),
  };
}
