import type { TailModel } from "@spillway/shared/schema/manifest";
import { type QuantisedFeatures, quantiseFeatures } from "@spillway/shared/split/quantiser";
import { tailTensors } from "@spillway/shared/split/tail-input";
import { describe, expect, it } from "vitest";

const tail: TailModel = {
  file: "tail.onnx",
  sha256: "0".repeat(64),
  bytes: 1,
  logits: "logits",
  multiplyAdds: 1,
  parameters: 1,
  features: "features1",
  inputs: {
    codes: { name: "the-codes", datatype: "UINT8" },
    ranges: { name: "the-ranges", datatype: "FP32" },
    setting: { name: "the-setting", datatype: "INT64" },
  },
  settings: [
    { channels: 1, bits: 8, rawBytes: 2 },
    { channels: 2, bits: 1, rawBytes: 1 },
  ],
};
const map = Float32Array.of(0, 2, 4, 8, 5, 5);
const one = quantiseFeatures(map, [3, 1, 2], { channels: 1, bits: 8 });
const two = quantiseFeatures(map, [3, 1, 2], { channels: 2, bits: 1 });

describe("tailTensors", () => {
  it("lays a batch of several settings out as the tail reads it, zeros where nothing is sent", () => {
    const [codes, ranges, setting] = tailTensors(tail, [
      { features: one, setting: 0 },
      { features: two, setting: 1 },
    ]);
    expect(codes).toEqual({
      name: "the-codes",
      datatype: "UINT8",
      shape: [2, 3, 1, 2],
      bytes: Uint8Array.of(0, 255, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0),
    });
    expect(ranges).toMatchObject({ name: "the-ranges", datatype: "FP32", shape: [2, 3, 2] });
    expect([...new Float32Array(ranges.bytes.slice().buffer)]).toEqual([0, 2, 0, 0, 0, 0, 0, 2, 4, 8, 0, 0]);
    expect(setting).toMatchObject({ name: "the-setting", datatype: "INT64", shape: [2, 1] });
    expect([...new BigInt64Array(setting.bytes.slice().buffer)]).toEqual([0n, 1n]);
  });

  it.each<[string, { features: QuantisedFeatures; setting: number }[]]>([
    ["rows: expected at least one, got 0", []],
    ["setting: expected 0 to 1, got 2", [{ features: one, setting: 2 }]],
    ["setting: expected 0 to 1, got -1", [{ features: one, setting: -1 }]],
    ["setting 1: expected 2x1, got 1x8", [{ features: one, setting: 1 }]],
    [
      "shape: expected 3x1x2 in all rows, got 3x2x1",
      [
        { features: one, setting: 0 },
        { features: { ...one, shape: [3, 2, 1] }, setting: 0 },
      ],
    ],
  ])("throws: %s", (message, rows) => {
    expect(() => tailTensors(tail, rows)).toThrow(new RangeError(message));
  });
});
