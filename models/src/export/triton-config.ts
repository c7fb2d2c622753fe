// Triton's model configuration in protobuf's text format. Fields are those of its model_config.proto;
// the batching is what our own backend does: batches of a few sizes, a short wait, a bounded queue.
import type { TensorDescription } from "@spillway/shared/protocol/graph-signature";
import type { CloudGraph } from "@spillway/shared/schema/cloud-graphs";

/** Beside the configuration, for Triton's classification extension. */
export const LABELS_FILE = "labels.txt";

/** Requests that may wait for each instance, in full batches: who comes later is refused while the edge's answer is fresh. */
const QUEUED_BATCHES = 4;

/** Triton sends a batch of a preferred size at once: smaller ones would leave alone who could have waited. */
const SMALLEST_PREFERRED = 4;

export interface TritonOptions {
  /** Copies of the graph, on each GPU where there are any. */
  instances: number;
  /** Rows of one batch. */
  maxBatch: number;
  /** How long the first request of a batch waits for others, in microseconds. */
  delayMicroseconds: number;
  device: "cpu" | "gpu";
}

/** What Triton is told of a graph. */
export type TritonGraph = Pick<CloudGraph, "name" | "signature">;

export function tritonConfig({ name, signature }: TritonGraph, options: TritonOptions): string {
  const { instances, maxBatch, delayMicroseconds, device } = options;
  const { inputs, outputs } = signature;
  return `name: ${quote(name)}
platform: "onnxruntime_onnx"
max_batch_size: ${maxBatch}
input [
${inputs.map((input) => tensorMessage(input, [])).join(",\n")}
]
output [
${outputs.map((output) => tensorMessage(output, [`label_filename: ${quote(LABELS_FILE)}`])).join(",\n")}
]
instance_group [
  {
    count: ${instances}
    kind: ${device === "gpu" ? "KIND_GPU" : "KIND_CPU"}
  }
]
dynamic_batching {
  preferred_batch_size: [ ${preferredSizes(maxBatch).join(", ")} ]
  max_queue_delay_microseconds: ${delayMicroseconds}
  default_queue_policy {
    timeout_action: REJECT
    allow_timeout_override: true
    max_queue_size: ${QUEUED_BATCHES * maxBatch * instances}
  }
}
model_warmup [
${[...new Set([1, maxBatch])].map((rows) => warmupMessage(inputs, rows)).join(",\n")}
]
`;
}

/** One label a line, in the order of the logits. @throws Error for a label that is no single line */
export function labelsText(labels: readonly string[], source: string): string {
  const broken = labels.find((label) => /[\r\n]/.test(label));
  if (broken !== undefined) throw new Error(`${source}: label ${JSON.stringify(broken)} is more than one line`);
  return labels.map((label) => `${label}\n`).join("");
}

/** Powers of two, and the largest batch. */
export function preferredSizes(maxBatch: number): number[] {
  const sizes: number[] = [];
  for (let size = SMALLEST_PREFERRED; size < maxBatch; size *= 2) sizes.push(size);
  return [...sizes, maxBatch];
}

function tensorMessage(tensor: TensorDescription, more: string[]): string {
  const fields = [`name: ${quote(tensor.name)}`, ...typeFields(tensor), ...more];
  return `  {\n${fields.map((field) => `    ${field}\n`).join("")}  }`;
}

/** Zeros of so many rows: the first run allocates and plans, and nobody should wait for that. */
function warmupMessage(inputs: readonly TensorDescription[], rows: number): string {
  const entries = inputs.map(
    (input) => `    inputs {
      key: ${quote(input.name)}
      value {
        ${typeFields(input).join("\n        ")}
        zero_data: true
      }
    }
`,
  );
  return `  {\n    name: "${rows} rows"\n    batch_size: ${rows}\n${entries.join("")}  }`;
}

/** Triton adds the batch in front of the dimensions by itself, and wants at least one behind it. */
function typeFields({ name, datatype, shape }: TensorDescription): string[] {
  if (shape.length < 2) throw new RangeError(`${name}: expected a dimension beside the batch, got [${shape}]`);
  const type = datatype === "BYTES" ? "STRING" : datatype;
  return [`data_type: TYPE_${type}`, `dims: [ ${shape.slice(1).join(", ")} ]`];
}

/** A string literal: JSON's escapes but for control characters, which the text format writes in octal. */
function quote(text: string): string {
  const escaped = text.replace(/["\\]/g, "\\$&");
  return `"${escaped.replace(/\p{Cc}/gu, (control) => `\\${control.charCodeAt(0).toString(8).padStart(3, "0")}`)}"`;
}
