// All ranges of a map at once, by the shipped model.
import type { BitCoder } from "@spillway/shared/split/entropy/bit-coder";
import type { CodedMap, MapContent } from "@spillway/shared/split/entropy/coded-map";
import { RangeModel } from "@spillway/shared/split/entropy/range-model";

export function codeRanges(coder: BitCoder, { setting }: CodedMap, { ranges }: MapContent): void {
  const model = new RangeModel();
  const halves = new Uint16Array(Float16Array.from(ranges).buffer);
  for (let channel = 0; channel < setting.channels; channel++) {
    halves.set(model.code(coder, halves[channel * 2], halves[channel * 2 + 1]), channel * 2);
  }
  ranges.set(new Float16Array(halves.buffer));
}
