// What both routes have in common where they speak plain v2: tensors there, one row of logits back.
import { applyCalibrator } from "@spillway/shared/calibration/calibrator";
import { encodeRequest, type InferenceRequest, type InferenceResponse } from "@spillway/shared/protocol/message";
import { float32Values, ProtocolError } from "@spillway/shared/protocol/tensor";
import type { Calibrator } from "@spillway/shared/schema/calibration";
import type { CloudBody } from "./cloud-client.ts";

/** The request with the protocol's own `timeout`, in microseconds. */
export function tensorBody(request: InferenceRequest): (timeLeftMs: number) => CloudBody {
  return (timeLeftMs) => {
    const timeout = Math.max(1, Math.round(timeLeftMs * 1000));
    const message = encodeRequest({ ...request, parameters: { ...request.parameters, timeout } });
    return { message, timeoutMs: null };
  };
}

/**
 * The cloud's calibrated probabilities, [classes].
 *
 * @param logits the output's name
 * @throws ProtocolError when the reply is not one row of finite logits for this model's classes
 */
export function calibratedReply(
  response: InferenceResponse,
  logits: string,
  classes: number,
  calibrator: Calibrator,
): Float64Array {
  const output = response.outputs.find((tensor) => tensor.name === logits);
  if (output === undefined) throw new ProtocolError(`reply: has no output "${logits}"`);
  const values = float32Values(output);
  if (values.length !== classes) throw new ProtocolError(`reply: expected ${classes} logits, got ${values.length}`);
  if (!values.every(Number.isFinite)) throw new ProtocolError("reply: expected finite logits");
  return applyCalibrator(values, calibrator);
}
