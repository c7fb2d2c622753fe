// The shipped model's tail, asked by the Worker through our backend and through a server that is not ours: at every
// setting it says what the offline tools computed from the same pictures.
import { applyCalibrator } from "@spillway/shared/calibration/calibrator";
import { beforeEach, describe, expect, inject, type OfflineAnswer, test } from "vitest";
import { modelBundle } from "../../../edge-worker/generated/model.ts";
import { alwaysOffload, reset, startApp, storeCalibration, storeConfig } from "../setup/app.ts";

const OFFLINE = inject("offlineTail");
const SETTINGS = [...new Set(OFFLINE.map(({ setting }) => setting))];
/** Of the logits: the backend's ONNX Runtime and the Worker's first stage round in their own ways. */
const TOLERANCE = 0.02;

beforeEach(reset);

/** A Worker that can only choose this setting. */
async function workerAt(setting: string, cloudUrl: string) {
  const calibration = await storeCalibration(({ tail }) => {
    for (const each of tail ?? []) {
      each.gainShare = each.setting === setting ? 1 : 0;
      each.calibrator = { temperature: 1 };
    }
  });
  await storeConfig((config) => {
    alwaysOffload(config);
    Object.assign(config, { calibration });
    Object.assign(config.offload, { route: "tail", fuse: false });
  });
  return startApp({ CLOUD_URL: cloudUrl });
}

async function expectOffline(cloudUrl: string, setting: string, isFrame: boolean): Promise<void> {
  const app = await workerAt(setting, cloudUrl);
  for (const answer of OFFLINE.filter((each) => each.setting === setting)) {
    const image = Uint8Array.from(atob(answer.picture), (char) => char.charCodeAt(0));
    const result = await app.classify(image, "?top=3", { "content-type": "image/png" });
    expect(result.decision).toMatchObject({ tier: "cloud", route: "tail", setting });
    expectSame(result, answer);
    // The frame is this very picture's; a byte or two may go to a code on the edge of two.
    if (isFrame) expect(Math.abs((result.decision.bytesSent ?? 0) - answer.frameBytes)).toBeLessThanOrEqual(8);
  }
}

function expectSame(
  { index, top }: { index: number; top: { index: number; probability: number }[] },
  offline: OfflineAnswer,
) {
  const probabilities = applyCalibrator(Float32Array.from(offline.logits), { temperature: 1 });
  expect(index).toBe(probabilities.indexOf(Math.max(...probabilities)));
  for (const each of top) expect(Math.abs(each.probability - probabilities[each.index])).toBeLessThan(TOLERANCE);
}

describe.skipIf(SETTINGS.length === 0)("the shipped model's tail (skipped as long as it has none)", () => {
  const calibrated = modelBundle.calibration.tail !== null;

  test.skipIf(!calibrated).for(SETTINGS)("at %s through our backend", async (setting) => {
    await expectOffline(inject("cloudUrl"), setting, true);
  });

  test.skipIf(!calibrated).for(SETTINGS)("at %s through a server that is not ours", async (setting) => {
    await expectOffline(inject("plainShippedUrl"), setting, false);
  });
});
