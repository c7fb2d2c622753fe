// How models are run: the same for every model of a process.
import type { BatchingOptions } from "../batching/batching-options.ts";
import type { AdmissionOptions } from "./admission.ts";

/** ONNX Runtime's execution providers that we know how to ask for. */
export const PROVIDERS = ["cuda", "tensorrt", "cpu"] as const;
export type Provider = (typeof PROVIDERS)[number];

export interface ServingOptions {
  /** Tried in this order: one that cannot be had is an error unless another follows it. */
  providers: readonly Provider[];
  /** Sessions of each model, each in a thread of its own. */
  instances: number;
  /** CPU threads that ONNX Runtime may use for one operator of one session. */
  inferenceThreads: number;
  batching: BatchingOptions;
  /** Of each model. */
  admission: AdmissionOptions;
}
