// What a request asks of the model, checked against what the model takes and gives.
import type { InferenceRequest, Parameters, RequestedOutput } from "@spillway/shared/protocol/message";
import type { Tensor } from "@spillway/shared/protocol/tensor";
import { failure, type Outcome, success } from "../errors.ts";
import { MAX_BATCH, MAX_TIMEOUT_MICROSECONDS } from "../limits.ts";
import { fitsShape, type Signature, type TensorDescription } from "./signature.ts";

export interface Plan {
  /** The graph's own input, or encoded images: BYTES [n]. */
  input: Tensor;
  /** Names of the outputs to compute. */
  outputs: string[];
  timeoutMs: number | null;
}

/** Parameters of an output that change what is returned, and that we do not offer: ignoring them would mislead. */
const UNSUPPORTED_OUTPUT_PARAMETERS = ["classification", "shared_memory_region"];

export function planInference(request: InferenceRequest, signature: Signature): Outcome<Plan> {
  const input = planInput(request.inputs, signature.inputs);
  if (!input.ok) return input;
  const outputs = planOutputs(request.outputs, signature.outputs);
  if (!outputs.ok) return outputs;
  const timeoutMs = planTimeout(request.parameters);
  if (!timeoutMs.ok) return timeoutMs;
  return success({ input: input.value, outputs: outputs.value, timeoutMs: timeoutMs.value });
}

function planInput(given: readonly Tensor[], expected: readonly TensorDescription[]): Outcome<Tensor> {
  const [input] = given;
  const [description] = expected;
  if (given.length !== 1 || input.name !== description.name) {
    return failure("bad-request", `inputs: expected "${description.name}" and nothing else`);
  }
  const { datatype, shape } = input;
  const fits =
    datatype === "BYTES" ? shape.length === 1 : datatype === description.datatype && fitsShape(shape, description);
  if (!fits) {
    const raw = `${description.datatype} [${description.shape.join(", ")}]`;
    const got = `${datatype} [${shape.join(", ")}]`;
    return failure("bad-request", `${input.name}: expected ${raw}, or encoded images as BYTES [n], got ${got}`);
  }
  const images = shape[0];
  if (images < 1 || images > MAX_BATCH) {
    return failure("bad-request", `${input.name}: expected 1 to ${MAX_BATCH} images, got ${images}`);
  }
  return success(input);
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
  const unsupported = UNSUPPORTED_OUTPUT_PARAMETERS.find((name) =>
    requested.some((output) => output.parameters?.[name] !== undefined),
  );
  if (unsupported !== undefined) return failure("bad-request", `outputs: "${unsupported}" is not supported`);
  return success(names);
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
