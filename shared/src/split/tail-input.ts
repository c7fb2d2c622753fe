// What the tail reads, for a batch whose images may be sent at different settings: three tensors that any Open
// Inference server takes as they are. Where a setting sends nothing there are zeros.
import { type Tensor, tensorOf } from "../protocol/tensor.ts";
import type { TailModel } from "../schema/manifest.ts";
import type { QuantisedFeatures } from "./quantiser.ts";
import { settingName } from "./setting.ts";

/** One image's features, with the index of their setting among the tail's. */
export interface TailRow {
  features: QuantisedFeatures;
  setting: number;
}

/**
 * Codes UINT8 [N,C,H,W], ranges FP32 [N,C,2] and setting INT64 [N,1], named as the tail names them.
 *
 * @throws RangeError for no rows, for rows of different shapes, and for a setting that is not the tail's
 */
export function tailTensors(tail: TailModel, rows: readonly TailRow[]): Tensor[] {
  if (rows.length === 0) throw new RangeError("rows: expected at least one, got 0");
  const [channels, height, width] = rows[0].features.shape;
  const mapLength = channels * height * width;
  const codes = new Uint8Array(rows.length * mapLength);
  const ranges = new Float32Array(rows.length * channels * 2);
  const setting = new Uint8Array(rows.length * 8);
  const settings = new DataView(setting.buffer);
  rows.forEach((row, index) => {
    checkRow(tail, row, rows[0]);
    codes.set(row.features.codes, index * mapLength);
    ranges.set(row.features.ranges, index * channels * 2);
    settings.setBigInt64(index * 8, BigInt(row.setting), true);
  });
  const { inputs } = tail;
  return [
    tensorOf(inputs.codes.name, [rows.length, channels, height, width], codes),
    tensorOf(inputs.ranges.name, [rows.length, channels, 2], ranges),
    { name: inputs.setting.name, datatype: "INT64", shape: [rows.length, 1], bytes: setting },
  ];
}

function checkRow({ settings }: TailModel, { features, setting }: TailRow, first: TailRow): void {
  const [shape, expectedShape] = [features.shape.join("x"), first.features.shape.join("x")];
  if (shape !== expectedShape) throw new RangeError(`shape: expected ${expectedShape} in all rows, got ${shape}`);
  const expected = settings[setting];
  if (expected === undefined) {
    throw new RangeError(`setting: expected 0 to ${settings.length - 1}, got ${setting}`);
  }
  const [name, expectedName] = [settingName(features.setting), settingName(expected)];
  if (name !== expectedName) throw new RangeError(`setting ${setting}: expected ${expectedName}, got ${name}`);
}
