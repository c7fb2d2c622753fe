// What the controller may choose from, for each route of a configuration: the tail at those settings that no other
// setting beats, and the whole image; with what each costs in bytes and what it gains. Made once for a calibration.
import type { Calibration } from "@spillway/shared/schema/calibration";
import { tailFeatureShape } from "@spillway/shared/schema/cloud-graphs";
import type { Config } from "@spillway/shared/schema/config";
import type { LargeModel, Manifest, TailModel } from "@spillway/shared/schema/manifest";
import { paretoOptions, type SendOption } from "@spillway/shared/split/controller";
import { settingName } from "@spillway/shared/split/setting";
import { largeRequest } from "./large-route.ts";
import type { TailAccess } from "./tail-access.ts";
import { type TailForm, tailQuestion } from "./tail-route.ts";
import { tensorBody } from "./tensor-message.ts";

type ConfiguredRoute = Config["offload"]["route"];

export interface SendOptions {
  /** The leanest first; none where only the tail may be asked and gains nothing. */
  offered(route: ConfiguredRoute, calibration: Calibration, nowMs: number): readonly SendOption[];
}

/** A request to measure, named as long as any. */
const ASKER = { id: "0".repeat(36), traceparent: "" };
const TIME_LEFT_MS = 1_000;
/** Of a frame, beside its codes. */
const FRAME_BYTES = 16;
const RANGE_BYTES = 4;

export function createSendOptions(manifest: Manifest, tail: TailAccess): SendOptions {
  const large: SendOption[] = [
    { route: "large", setting: null, bytes: largeBytes(manifest.cloud.large), gainShare: 1 },
  ];
  /** By calibration, then by what is offered and how. */
  const known = new WeakMap<Calibration, Map<string, readonly SendOption[]>>();

  function reduced(calibration: Calibration, form: TailForm, others: readonly SendOption[]): readonly SendOption[] {
    const name = `${form} ${others.length}`;
    const ofCalibration = known.get(calibration) ?? new Map<string, readonly SendOption[]>();
    known.set(calibration, ofCalibration);
    const options = ofCalibration.get(name) ?? paretoOptions([...tailOptions(manifest, calibration, form), ...others]);
    ofCalibration.set(name, options);
    return options;
  }

  return {
    offered(route, calibration, nowMs) {
      const form = tail.form(nowMs);
      if (route === "tail") return reduced(calibration, form, []);
      const mayAskTail = route === "auto" && calibration.tail !== null && tail.isOffered(nowMs);
      return mayAskTail ? reduced(calibration, form, large) : large;
    },
  };
}

/**
 * The tail at all settings that the calibration knows. Where it knows none, at the fullest one, which is taken to be as
 * good as the large model: whoever chose the tail without a calibration gets the best of it.
 */
function tailOptions(manifest: Manifest, calibration: Calibration, form: TailForm): SendOption[] {
  const { tail } = manifest.cloud;
  if (tail === null) return [];
  const tensorBytes = form === "tensors" ? tensorsBytes(manifest, calibration, tail) : null;
  if (calibration.tail === null) {
    const fullest = tail.settings.reduce((most, setting) => (setting.rawBytes >= most.rawBytes ? setting : most));
    const frameBytes = fullest.rawBytes + fullest.channels * RANGE_BYTES + FRAME_BYTES;
    return [{ route: "tail", setting: settingName(fullest), bytes: tensorBytes ?? frameBytes, gainShare: 1 }];
  }
  return calibration.tail.map(({ setting, gainShare, frameBytes }) => {
    return { route: "tail", setting, bytes: tensorBytes ?? frameBytes, gainShare };
  });
}

/** Length of a body of tensors, which is the same at every setting. */
function tensorsBytes(manifest: Manifest, calibration: Calibration, tail: TailModel): number {
  const [channels, height, width] = tailFeatureShape(manifest);
  const features = new Float32Array(channels * height * width);
  const question = tailQuestion(ASKER, features, { tail, setting: 0 }, manifest, calibration, "tensors");
  return question.encode(TIME_LEFT_MS).message.body.byteLength;
}

function largeBytes(large: LargeModel): number {
  const { width, height } = large.preprocessing;
  const image = { width, height, data: new Float64Array(width * height * 3) };
  return tensorBody(largeRequest(ASKER.id, image, large))(TIME_LEFT_MS).message.body.byteLength;
}
