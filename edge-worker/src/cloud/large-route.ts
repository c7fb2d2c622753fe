// The `large` route: the image goes to the large model, its logits come back.
//
// The image travels as the graph's own input tensor, already resized: any v2 server can host the
// plain ONNX file, and a photo of megabytes costs the few kilobytes that the network looks at.
import { applyCalibrator } from "@spillway/shared/calibration/calibrator";
import { imageTensorShape, type ResizedImage, tensorOfImage } from "@spillway/shared/preprocess/image-tensor";
import type { InferenceRequest, InferenceResponse } from "@spillway/shared/protocol/message";
import { float32Values, ProtocolError, tensorOf } from "@spillway/shared/protocol/tensor";
import type { Calibrator } from "@spillway/shared/schema/calibration";
import type { LargeModel, Manifest } from "@spillway/shared/schema/manifest";
import type { Asker, CloudQuestion } from "./ask-cloud.ts";

/** Name under which the endpoint hosts the model. */
export const LARGE_MODEL_NAME = "large";

/** What is asked of the cloud about one picture, answered by the cloud's calibrated probabilities. */
export function largeQuestion(
  { id, traceparent }: Asker,
  image: ResizedImage,
  { labels, cloud }: Manifest,
  calibrator: Calibrator,
): CloudQuestion<Float64Array> {
  return {
    model: LARGE_MODEL_NAME,
    traceparent,
    request: largeRequest(id, image, cloud.large),
    read: (response) => largeProbabilities(response, cloud.large, labels.length, calibrator),
  };
}

export function largeRequest(id: string, image: ResizedImage, large: LargeModel): InferenceRequest {
  const values = tensorOfImage(image, large.preprocessing, large.input);
  const shape = imageTensorShape(large.preprocessing, large.input);
  return { id, inputs: [tensorOf(large.input.name, shape, values)], outputs: [{ name: large.logits }] };
}

/**
 * The cloud's calibrated probabilities, [classes].
 * @throws ProtocolError when the reply is not one row of finite logits for this model's classes
 */
export function largeProbabilities(
  response: InferenceResponse,
  large: LargeModel,
  classes: number,
  calibrator: Calibrator,
): Float64Array {
  const output = response.outputs.find((tensor) => tensor.name === large.logits);
  if (output === undefined) throw new ProtocolError(`reply: has no output "${large.logits}"`);
  const logits = float32Values(output);
  if (logits.length !== classes) throw new ProtocolError(`reply: expected ${classes} logits, got ${logits.length}`);
  if (!logits.every(Number.isFinite)) throw new ProtocolError("reply: expected finite logits");
  return applyCalibrator(logits, calibrator);
}
