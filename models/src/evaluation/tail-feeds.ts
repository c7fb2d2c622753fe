// Features on their way to the tail, as the Worker sends them and the backend takes them: quantised by their own
// ranges, put into a frame, and made the graph's three inputs. A frame decodes to the very codes that went into it,
// so they go on here without being decoded.
import type { TailModel } from "@spillway/shared/schema/manifest";
import { encodeFrame } from "@spillway/shared/split/frame";
import { quantiseFeatures } from "@spillway/shared/split/quantiser";
import type { FeatureShape } from "@spillway/shared/split/setting";
import { tailTensors } from "@spillway/shared/split/tail-input";
import { Tensor } from "onnxruntime-node";

export interface TailFeeds {
  /** The graph's inputs for the whole batch, by name. */
  feeds: Record<string, Tensor>;
  /** Length of each image's frame, [rows]. */
  frameBytes: Int32Array<ArrayBuffer>;
}

/**
 * @param features of the first stage, [rows, ...shape]
 * @param setting index in the tail's settings
 */
export function tailFeeds(features: Float32Array, shape: FeatureShape, tail: TailModel, setting: number): TailFeeds {
  const size = shape[0] * shape[1] * shape[2];
  const images = Array.from({ length: features.length / size }, (_, row) => {
    const map = features.subarray(row * size, (row + 1) * size);
    return { features: quantiseFeatures(map, shape, tail.settings[setting]), setting };
  });
  const tensors = tailTensors(tail, images).map(({ name, datatype, shape: dimensions, bytes }) => {
    // A copy, as the bytes may lie where numbers of their width may not begin.
    const { buffer } = bytes.slice();
    return [name, runtimeTensor(datatype, buffer, dimensions)];
  });
  return {
    feeds: Object.fromEntries(tensors),
    frameBytes: Int32Array.from(images, ({ features: quantised }) => encodeFrame(quantised).byteLength),
  };
}

function runtimeTensor(datatype: string, buffer: ArrayBuffer, shape: number[]): Tensor {
  switch (datatype) {
    case "UINT8":
      return new Tensor("uint8", new Uint8Array(buffer), shape);
    case "FP32":
      return new Tensor("float32", new Float32Array(buffer), shape);
    case "INT64":
      return new Tensor("int64", new BigInt64Array(buffer), shape);
    default:
      throw new TypeError(`tail: expected UINT8, FP32 or INT64, got ${datatype}`);
  }
}
