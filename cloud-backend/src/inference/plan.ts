// What a request asks of the model, checked against what the model takes and gives.
import { fits, type Signature, type TensorDescription } from "@spillway/shared/protocol/graph-signature";
import type { InferenceRequest, Parameters, RequestedOutput } from "@spillway/shared/protocol/message";
import type { Tensor } from "@spillway/shared/protocol/tensor";
import { DEFAULT_PRIORITY, HIGHEST_PRIORITY, LOWEST_PRIORITY } from "../batching/pending-request.ts";
import { failure, type Outcome, success } from "../errors.ts";
import { MAX_TIMEOUT_MICROSECONDS } from "../limits.ts";
import type { EncodedInput } from "./encoded-input.ts";

export interface Plan {
  /** The graph's own inputs in its order, or what stands in for them, alone: BYTES [n]. */
  inputs: Tensor[];
  rows: number;
  /** Names of the outputs to compute. */
  outputs: string[];
  priority: number;
  timeoutMs: number | null;
}

export interface PlanOptions {
  /** Rows that a request may have. */
  maxBatch: number;
  /** What may stand in for the graph's inputs. */
  encoded: Pick<EncodedInput, "kind" | "name"> | null;
}

/** A parameter of an output that changes how it is returned, and that we do not offer: ignoring it would mislead. */
const UNSUPPORTED_OUTPUT_PARAMETER = "shared_memory_region";

export function planInference(request: InferenceRequest, signature: Signature, options: PlanOptions): Outcome<Plan> {
  const inputs = planInputs(request.inputs, signature.inputs, options);
  if (!inputs.ok) return inputs;
  const outputs = planOutputs(request.outputs, signature.outputs);
  if (!outputs.ok) return outputs;
  const priority = planPriority(request.parameters);
  if (!priority.ok) return priority;
  const timeoutMs = planTimeout(request.parameters);
  if (!timeoutMs.ok) return timeoutMs;
  return success({
    inputs: inputs.value,
    rows: inputs.value[0].shape[0],
    outputs: outputs.value,
    priority: priority.value,
    timeoutMs: timeoutMs.value,
  });
}

function planInputs(
  given: readonly Tensor[],
  expected: readonly TensorDescription[],
  { maxBatch, encoded }: PlanOptions,
): Outcome<Tensor[]> {
  const inputs = isEncoded(given, encoded) ? success([...given]) : graphInputs(given, expected, encoded);
  if (!inputs.ok) return inputs;
  const [{ name, shape }] = inputs.value;
  const [rows] = shape;
  if (rows < 1 || rows > maxBatch) {
    return failure("bad-request", `${name}: expected 1 to ${maxBatch} ${wordForRows(name, encoded)}, got ${rows}`);
  }
  const other = inputs.value.find((input) => input.shape[0] !== rows);
  if (other !== undefined) {
    return failure("bad-request", `${other.name}: expected ${rows} rows as in ${name}, got ${other.shape[0]}`);
  }
  return inputs;
}

function wordForRows(name: string, encoded: PlanOptions["encoded"]): string {
  return name === encoded?.name ? `${encoded.kind}s` : "rows";
}

/** No graph that is served takes BYTES itself. */
function isEncoded(given: readonly Tensor[], encoded: PlanOptions["encoded"]): boolean {
  const [{ name, datatype, shape }] = given;
  return given.length === 1 && name === encoded?.name && datatype === "BYTES" && shape.length === 1;
}

function graphInputs(
  given: readonly Tensor[],
  expected: readonly TensorDescription[],
  encoded: PlanOptions["encoded"],
): Outcome<Tensor[]> {
  const inputs = expected.flatMap(({ name }) => given.filter((tensor) => tensor.name === name));
  if (given.length !== expected.length || inputs.length !== expected.length) {
    const names = expected.map(({ name }) => `"${name}"`).join(", ");
    const instead = encoded?.kind === "frame" ? `, or "${encoded.name}", BYTES [n],` : "";
    return failure("bad-request", `inputs: expected ${names}${instead} and nothing else`);
  }
  const wrong = inputs.findIndex((input, index) => !fits(input, expected[index]));
  if (wrong === -1) return success(inputs);
  const { name, datatype, shape } = expected[wrong];
  const images = encoded?.kind === "image" ? ", or encoded images as BYTES [n]" : "";
  const got = `${inputs[wrong].datatype} [${inputs[wrong].shape.join(", ")}]`;
  return failure("bad-request", `${name}: expected ${datatype} [${shape.join(", ")}]${images}, got ${got}`);
}

/** No outputs named, or an empty list, means all of them. */
function planOutputs(
  requested: readonly RequestedOutput[] | undefined,
  available: readonly TensorDescription[],
): Outcome<string[]> {
  const known = available.map((output) => output.name);
  if (requested === undefined || requested.length === 0) return success(known);
  const names = requested.map((output) => output.name);
  if (names.some((name) => !known.includes(name))) {
    return failure("bad-request", `outputs: the model has only ${known.map((name) => `"${name}"`).join(", ")}`);
  }
  if (new Set(names).size !== names.length) return failure("bad-request", "outputs: one is named twice");
  if (requested.some((output) => output.parameters?.[UNSUPPORTED_OUTPUT_PARAMETER] !== undefined)) {
    return failure("bad-request", `outputs: "${UNSUPPORTED_OUTPUT_PARAMETER}" is not supported`);
  }
  return success(names);
}

/** As in Triton, 0 stands for the default. */
function planPriority(parameters: Parameters | undefined): Outcome<number> {
  const priority = parameters?.priority ?? 0;
  const isValid = typeof priority === "number" && Number.isInteger(priority);
  if (!isValid || priority < 0 || priority > LOWEST_PRIORITY) {
    const range = `${HIGHEST_PRIORITY} (first) to ${LOWEST_PRIORITY}, or 0`;
    return failure("bad-request", `priority: expected a whole number from ${range}`);
  }
  return success(priority === 0 ? DEFAULT_PRIORITY : priority);
}

/** The protocol's `timeout` is in microseconds; 0 means none, as in Triton. */
function planTimeout(parameters: Parameters | undefined): Outcome<number | null> {
  const timeout = parameters?.timeout ?? 0;
  const isValid = typeof timeout === "number" && Number.isInteger(timeout) && timeout >= 0;
  if (!isValid || timeout > MAX_TIMEOUT_MICROSECONDS) {
    const range = `0 to ${MAX_TIMEOUT_MICROSECONDS}`;
    return failure("bad-request", `timeout: expected a whole number of microseconds from ${range}`);
  }
  return success(timeout === 0 ? null : Math.ceil(timeout / 1000));
}
