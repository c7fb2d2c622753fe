// How a model is served, in the words of Triton's model configuration (model_config.proto as JSON), as
// far as they have words for it here. Triton's configurations leave the batch out of every shape.

import type { TensorDescription } from "@spillway/shared/protocol/graph-signature";
import { DEFAULT_PRIORITY, LOWEST_PRIORITY } from "../batching/pending-request.ts";
import type { Model } from "../inference/model.ts";

export function modelConfiguration({
  name,
  signature,
  serving,
  provider,
  encoded,
}: Pick<Model, "name" | "signature" | "serving" | "provider" | "encoded">) {
  const { batching, instances } = serving;
  return {
    name,
    platform: "onnxruntime_onnx",
    backend: "onnxruntime",
    max_batch_size: batching.maxBatch,
    input: signature.inputs.map(tensorConfiguration),
    output: signature.outputs.map(tensorConfiguration),
    instance_group: [{ name, kind: provider === "cpu" ? "KIND_CPU" : "KIND_GPU", count: instances }],
    dynamic_batching: {
      preferred_batch_size: batching.preferredSizes,
      max_queue_delay_microseconds: Math.round(batching.delayMs * 1000),
      priority_levels: LOWEST_PRIORITY,
      default_priority_level: DEFAULT_PRIORITY,
    },
    ...(encoded === null ? {} : { parameters: encodedParameters(encoded) }),
  };
}

/** Triton has no word for an input that stands in for others; parameters are for what a server alone understands. */
function encodedParameters({ kind, name }: NonNullable<Model["encoded"]>) {
  return { encoded_input: { string_value: name }, encoded_input_kind: { string_value: kind } };
}

function tensorConfiguration({ name, datatype, shape }: TensorDescription) {
  const [, ...dims] = shape;
  return { name, data_type: datatype === "BYTES" ? "TYPE_STRING" : `TYPE_${datatype}`, dims };
}
