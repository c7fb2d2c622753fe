// A model as it lies in the Worker's bundle. The module that holds one is generated.
import type { Calibration } from "@spillway/shared/schema/calibration";
import type { Manifest } from "@spillway/shared/schema/manifest";

export interface ModelBundle {
  /** SHA-256 of manifest.json: the model's identity in configurations and answers. */
  hash: string;
  manifest: Manifest;
  calibration: Calibration;
  /** The ONNX file of each stage. */
  stages: ArrayBuffer[];
}
