// A graph that is to be served: where its file lies and what it was promised to be. Made from a
// manifest by the repository; all that inference knows of a model.
import type { Signature } from "@spillway/shared/protocol/graph-signature";
import type { EncodedInput } from "./encoded-input.ts";

export interface GraphDescription {
  /** Name and version under which the protocol knows the graph. */
  name: string;
  version: string;
  /** An .onnx file, and the hash its bytes must have. */
  path: string;
  sha256: string;
  /** What the loaded graph must take and give. The first dimension of every tensor is the batch. */
  signature: Signature;
  /** What may come in the place of its inputs; null where nothing may. */
  encoded: EncodedInput | null;
  /** Names of the classes, in the order of the logits. */
  labels: readonly string[];
}
