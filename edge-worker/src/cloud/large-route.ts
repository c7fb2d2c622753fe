// The `large` route: the image goes to the large model, its logits come back.
//
// The image travels as the graph's own input tensor, already resized: any v2 server can host the
// plain ONNX file, and a photo of megabytes costs the few kilobytes that the network looks at.
import { imageTensorShape, type ResizedImage, tensorOfImage } from "@spillway/shared/preprocess/image-tensor";
import type { InferenceRequest } from "@spillway/shared/protocol/message";
import { tensorOf } from "@spillway/shared/protocol/tensor";
import type { Calibrator } from "@spillway/shared/schema/calibration";
import type { LargeModel, Manifest } from "@spillway/shared/schema/manifest";
import type { Asker, CloudQuestion } from "./ask-cloud.ts";
import { calibratedReply, tensorBody } from "./tensor-message.ts";

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
    id,
    traceparent,
    encode: tensorBody(largeRequest(id, image, cloud.large)),
    read: (response) => calibratedReply(response, cloud.large.logits, labels.length, calibrator),
  };
}

export function largeRequest(id: string, image: ResizedImage, large: LargeModel): InferenceRequest {
  const values = tensorOfImage(image, large.preprocessing, large.input);
  const shape = imageTensorShape(large.preprocessing, large.input);
  return { id, inputs: [tensorOf(large.input.name, shape, values)], outputs: [{ name: large.logits }] };
}
