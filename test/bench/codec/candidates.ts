// The coders that were measured for frames, the one that ships among them. Each writes ranges and codes; what a frame
// has around them is the same for all. All but deflate and the stored form tell ranges by the same model.
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { AdaptiveBits } from "@spillway/shared/split/entropy/adaptive-bit";
import type { BitCoder } from "@spillway/shared/split/entropy/bit-coder";
import { CodeContexts, ROW_LENGTH } from "@spillway/shared/split/entropy/code-contexts";
import { ROW_COUNT } from "@spillway/shared/split/entropy/code-model";
import type { CodedMap, MapContent } from "@spillway/shared/split/entropy/coded-map";
import { codeMap } from "@spillway/shared/split/entropy/modelled";
import { priorWeights } from "@spillway/shared/split/entropy/prior";
import { RangeDecoder } from "@spillway/shared/split/entropy/range-decoder";
import { RangeEncoder } from "@spillway/shared/split/entropy/range-encoder";
import { decodeStored, encodeStored } from "@spillway/shared/split/entropy/stored";
import { codeRanges } from "./code-ranges.ts";
import { decodeSemiStatic, encodeSemiStatic } from "./semi-static.ts";

export interface Candidate {
  name: string;
  encode(map: CodedMap, content: MapContent): Uint8Array;
  decode(map: CodedMap, bytes: Uint8Array): MapContent | null;
}

const NO_PRIOR = new Int32Array(ROW_COUNT * ROW_LENGTH);

export const CANDIDATES: Candidate[] = [
  { name: "stored", encode: encodeStored, decode: decodeStored },
  {
    name: "deflate",
    encode: (map, content) => deflateRawSync(encodeStored(map, content)),
    decode: (map, bytes) => decodeStored(map, inflateRawSync(bytes)),
  },
  { name: "rANS, semi-static table", encode: encodeSemiStatic, decode: decodeSemiStatic },
  arithmetic("zero-order, adaptive", (coder, map, content) => codeCounted(coder, map, content, () => 0)),
  arithmetic("contexts, counted", (coder, map, content) => codeCounted(coder, map, content, ({ places }) => places[0])),
  arithmetic("shipped, without its prior", (coder, map, content) => codeMap(coder, map, content, NO_PRIOR.slice())),
  arithmetic("shipped, without learning", (coder, map, content) => codeMap(coder, map, content, priorWeights(), 0)),
  arithmetic("shipped", (coder, map, content) => codeMap(coder, map, content, priorWeights())),
];

type Code = (coder: BitCoder, map: CodedMap, content: MapContent) => void;

/** Any model, through the range coder. */
function arithmetic(name: string, code: Code): Candidate {
  return {
    name,
    encode(map, content) {
      const encoder = new RangeEncoder(content.codes.length);
      code(encoder, map, content);
      return encoder.finish();
    },
    decode(map, bytes) {
      const { channels } = map.setting;
      const codes = new Uint8Array(channels * map.height * map.width);
      const content = { ranges: new Float32Array(channels * 2), codes };
      code(new RangeDecoder(bytes), map, content);
      return content;
    },
  };
}

/** A tree of counted bits for each context: with one context a zero-order model, with more what FFV1 and CABAC do. */
function codeCounted(
  coder: BitCoder,
  map: CodedMap,
  content: MapContent,
  contextOf: (contexts: CodeContexts) => number,
): void {
  const { bits } = map.setting;
  codeRanges(coder, map, content);
  const contexts = new CodeContexts(map.height, map.width, bits);
  const tree = new AdaptiveBits(ROW_LENGTH << bits);
  for (let channel = 0; channel < map.setting.channels; channel++) {
    for (let row = 0; row < map.height; row++) {
      for (let column = 0; column < map.width; column++) {
        const at = contexts.placeOf(row, column);
        const index = (channel * map.height + row) * map.width + column;
        contexts.look(at);
        const root = contextOf(contexts) << bits;
        let prefix = 1;
        for (let bit = bits - 1; bit >= 0; bit--) {
          prefix = (prefix << 1) | tree.code(coder, (content.codes[index] >> bit) & 1, root + prefix);
        }
        content.codes[index] = prefix - (1 << bits);
        contexts.add(at, content.codes[index]);
      }
    }
    contexts.endChannel();
  }
}
