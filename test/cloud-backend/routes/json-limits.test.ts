import type { Signature } from "@spillway/shared/protocol/graph-signature";
import { expect, it } from "vitest";
import { JSON_REST_BYTES, MAX_JSON_BYTES, MAX_JSON_TOKENS } from "../../../cloud-backend/src/limits.ts";
import { jsonLimits } from "../../../cloud-backend/src/routes/json-limits.ts";

const signature = (...shapes: number[][]): Signature => ({
  inputs: shapes.map((shape, index) => ({ name: String(index), datatype: "UINT8", shape })),
  outputs: [],
});

it("are what the model's inputs amount to: their elements, and the lists of nested data", () => {
  expect(jsonLimits(signature([-1, 2, 3]), 4)).toEqual({
    maxBytes: 24 * 32 + JSON_REST_BYTES,
    maxStrings: 4,
    maxTokens: 24 + 1 + 4 + 8,
  });
  expect(jsonLimits(signature([-1, 4], [-1]), 2)).toMatchObject({ maxTokens: 8 + 3 + 2 + 1 });
});

it("are the same for every model that takes more than JSON is meant for", () => {
  const limits = { maxBytes: MAX_JSON_BYTES, maxTokens: MAX_JSON_TOKENS };
  expect(jsonLimits(signature([-1, 224, 224, 3]), 256)).toMatchObject(limits);
});
