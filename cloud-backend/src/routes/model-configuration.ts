// How a model is served, in the words of Triton's model configuration (model_config.proto as JSON), as
// far as they have words for it here. Triton's configurations leave the batch out of every shape.
import { DEFAULT_PRIORITY, LOWEST_PRIORITY } from "../batching/pending-request.ts";
import type { Model } from "../inference/model.ts";
import type { Provider } from "../inference/serving-options.ts";
import type { TensorDescription } from "../inference/signature.ts";

export function modelConfiguration({ name, signature, serving }: Pick<Model, "name" | "signature" | "serving">) {
  const { batching, instances, providers } = serving;
  return {
    name,
    platform: "onnxruntime_onnx",
    backend: "onnxruntime",
    max_batch_size: batching.maxBatch,
    input: signature.inputs.map(tensorConfiguration),
    output: signature.outputs.map(tensorConfiguration),
    instance_group: [{ name, kind: instanceKind(providers), count: instances }],
    dynamic_batching: {
      preferred_batch_size: batching.preferredSizes,
      max_queue_delay_microseconds: Math.round(batching.delayMs * 1000),
      priority_levels: LOWEST_PRIORITY,
      default_priority_level: DEFAULT_PRIORITY,
    },
  };
}

function tensorConfiguration({ name, datatype, shape }: TensorDescription) {
  const [, ...dims] = shape;
  return { name, data_type: datatype === "BYTES" ? "TYPE_STRING" : `TYPE_${datatype}`, dims };
}

/** Triton's KIND_AUTO is a GPU where there is one. */
function instanceKind(providers: readonly Provider[]): string {
  if (!providers.includes("cpu")) return "KIND_GPU";
  return providers.length === 1 ? "KIND_CPU" : "KIND_AUTO";
}
