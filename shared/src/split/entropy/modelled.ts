// The coder that frames use: each channel's range, then its codes, by models that learn as they go, through a range
// coder. A channel of one value has no codes to tell.
import type { BitCoder } from "./bit-coder.ts";
import { CodeModel } from "./code-model.ts";
import type { CodedMap, MapContent } from "./coded-map.ts";
import { priorWeights } from "./prior.ts";
import { RangeDecoder } from "./range-decoder.ts";
import { RangeEncoder } from "./range-encoder.ts";
import { RangeModel } from "./range-model.ts";

export function encodeModelled(map: CodedMap, content: MapContent): Uint8Array<ArrayBuffer> {
  const encoder = new RangeEncoder(content.codes.length);
  codeMap(encoder, map, content, priorWeights());
  return encoder.finish();
}

/** Null for bytes that end too early or go on after the map. Few others are what the encoder does not write. */
export function decodeModelled(map: CodedMap, bytes: Uint8Array): MapContent | null {
  const { channels } = map.setting;
  const decoder = new RangeDecoder(bytes);
  const content = { ranges: new Float32Array(channels * 2), codes: new Uint8Array(channels * map.height * map.width) };
  codeMap(decoder, map, content, priorWeights());
  return decoder.isWhole() ? content : null;
}

/** Writes the content with an encoder, or fills it with a decoder. The weights learn. */
export function codeMap(
  coder: BitCoder,
  map: CodedMap,
  { ranges, codes }: MapContent,
  weights: Int32Array,
  learningRate?: number,
): void {
  const rangeModel = new RangeModel();
  const codeModel = new CodeModel(map, weights, learningRate);
  const area = map.height * map.width;
  const halves = new DataView(new ArrayBuffer(4));
  for (let channel = 0; channel < map.setting.channels; channel++) {
    const [low, high] = [channel * 2, channel * 2 + 1];
    halves.setFloat16(0, ranges[low]);
    halves.setFloat16(2, ranges[high]);
    const [codedLow, codedHigh] = rangeModel.code(coder, halves.getUint16(0), halves.getUint16(2));
    halves.setUint16(0, codedLow);
    halves.setUint16(2, codedHigh);
    ranges[low] = halves.getFloat16(0);
    ranges[high] = halves.getFloat16(2);
    if (codedLow !== codedHigh) codeModel.codeChannel(coder, codes.subarray(channel * area, (channel + 1) * area));
  }
}
