// How much JSON a request may bring: what its model can take, and no more than the thread that answers
// HTTP can parse without keeping others waiting. Nothing of it is built before it is known to be within.

import { type Signature, VARIABLE } from "@spillway/shared/protocol/graph-signature";
import type { JsonDataBounds } from "@spillway/shared/protocol/message";
import { JSON_ELEMENT_BYTES, JSON_REST_BYTES, MAX_JSON_BYTES, MAX_JSON_TOKENS } from "../limits.ts";

export interface JsonLimits extends JsonDataBounds {
  /** Of a body that is JSON alone. */
  maxBytes: number;
}

/** @param maxBatch rows that one request may have */
export function jsonLimits({ inputs }: Signature, maxBatch: number): JsonLimits {
  let elements = 0;
  let lists = 0;
  for (const { shape } of inputs) {
    let count = 1;
    for (const dimension of shape) {
      lists += count;
      count *= dimension === VARIABLE ? maxBatch : dimension;
    }
    elements += count;
  }
  return {
    maxBytes: Math.min(MAX_JSON_BYTES, elements * JSON_ELEMENT_BYTES + JSON_REST_BYTES),
    // Encoded images, of which each is one; in practice they come as bytes, as JSON cannot hold those of a JPEG.
    maxStrings: maxBatch,
    maxTokens: Math.min(MAX_JSON_TOKENS, elements + lists),
  };
}
