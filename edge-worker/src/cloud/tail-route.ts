// The `tail` route: the first stage's features, quantised, go to the tail of the network; its logits come back.
//
// To our backend the body is the frame and nothing else, the raw form of v2: a hundred bytes of features are a hundred
// bytes of body. A server that is not ours refuses it, as the graph has three inputs; then the same is asked plainly, as
// these three tensors.
import type { InferenceResponse } from "@spillway/shared/protocol/message";
import type { Calibration } from "@spillway/shared/schema/calibration";
import { TAIL_HASH_PARAMETER, tailFeatureShape } from "@spillway/shared/schema/cloud-graphs";
import type { Manifest, TailModel } from "@spillway/shared/schema/manifest";
import { encodeFrame } from "@spillway/shared/split/frame";
import { type QuantisedFeatures, quantiseFeatures } from "@spillway/shared/split/quantiser";
import { settingName } from "@spillway/shared/split/setting";
import { tailTensors } from "@spillway/shared/split/tail-input";
import type { Asker, CloudQuestion } from "./ask-cloud.ts";
import { OtherModelError } from "./failure-of-error.ts";
import { calibratedReply, tensorBody } from "./tensor-message.ts";

/** Name under which the endpoint hosts the model. */
export const TAIL_MODEL_NAME = "tail";

/** How features travel. */
export type TailForm = "frame" | "tensors";

/** The tail at one of its settings. */
export interface TailAtSetting {
  tail: TailModel;
  setting: number;
}

/**
 * What is asked of the tail about one picture's features, answered by calibrated probabilities: by the setting's own
 * calibrator, or the cloud's where the calibration knows nothing of the tail.
 *
 * @throws RangeError for features that are not the first stage's
 */
export function tailQuestion(
  asker: Asker,
  features: Float32Array,
  { tail, setting }: TailAtSetting,
  manifest: Manifest,
  calibration: Calibration,
  form: TailForm,
): CloudQuestion<Float64Array> {
  const quantised = quantiseFeatures(features, tailFeatureShape(manifest), tail.settings[setting]);
  const calibrator = calibration.tail?.[setting].calibrator ?? calibration.cloud;
  const read = (response: InferenceResponse) => {
    checkModel(response, tail);
    return calibratedReply(response, tail.logits, manifest.labels.length, calibrator);
  };
  const common = { model: TAIL_MODEL_NAME, id: asker.id, traceparent: asker.traceparent, read };
  const plainly = { ...common, encode: tensorsEncoder(asker.id, quantised, { tail, setting }) };
  return form === "tensors" ? plainly : { ...common, encode: frameEncoder(quantised), plainly };
}

/** @throws OtherModelError when another model answered, or a tail that goes on from other features */
function checkModel({ modelName, parameters }: InferenceResponse, { sha256 }: TailModel): void {
  // An endpoint of a single model may answer whatever is asked with that one.
  if (modelName !== TAIL_MODEL_NAME) {
    throw new OtherModelError(`reply: expected one of "${TAIL_MODEL_NAME}", got "${modelName}"`);
  }
  const hash = parameters?.[TAIL_HASH_PARAMETER] ?? sha256;
  if (hash !== sha256) throw new OtherModelError(`reply: expected one of the tail ${sha256}, got ${hash}`);
}

/** Index of a setting of this name. @throws RangeError when the tail has none */
export function settingIndex({ settings }: TailModel, name: string | null): number {
  const index = settings.findIndex((setting) => settingName(setting) === name);
  if (index < 0) throw new RangeError(`setting: expected one of ${settings.map(settingName).join(", ")}, got ${name}`);
  return index;
}

function frameEncoder(quantised: QuantisedFeatures): CloudQuestion<unknown>["encode"] {
  const body = encodeFrame(quantised);
  return (timeLeftMs) => ({ message: { body, headerBytes: 0 }, timeoutMs: Math.max(1, Math.ceil(timeLeftMs)) });
}

function tensorsEncoder(id: string, quantised: QuantisedFeatures, { tail, setting }: TailAtSetting) {
  // Made only when it is sent: a frame is mostly enough.
  return (timeLeftMs: number) => {
    const inputs = tailTensors(tail, [{ features: quantised, setting }]);
    return tensorBody({ id, inputs, outputs: [{ name: tail.logits }] })(timeLeftMs);
  };
}
