// What the controller may choose from.
import type { Calibration } from "@spillway/shared/schema/calibration";
import { beforeAll, describe, expect, test } from "vitest";
import { CircuitBreaker } from "../../../edge-worker/src/cloud/circuit-breaker.ts";
import { largeQuestion } from "../../../edge-worker/src/cloud/large-route.ts";
import { createSendOptions } from "../../../edge-worker/src/cloud/send-options.ts";
import { TailAccess } from "../../../edge-worker/src/cloud/tail-access.ts";
import { tailQuestion } from "../../../edge-worker/src/cloud/tail-route.ts";
import type { ModelBundle } from "../../../edge-worker/src/inference/model-bundle.ts";
import { FRAMES_AGAIN_MS } from "../../../edge-worker/src/limits.ts";
import { only, SHAPE, smallBundle } from "../setup/small-model.ts";

let bundle: ModelBundle;
let tail: TailAccess;
beforeAll(async () => {
  bundle = await smallBundle();
});

function optionsOf(takesFrames = true) {
  tail = new TailAccess(new CircuitBreaker({ failures: 1, openMs: 1_000 }), takesFrames);
  const { offered } = createSendOptions(bundle.manifest, tail);
  const names = (...asked: Parameters<typeof offered>) =>
    offered(...asked).map(({ setting, route }) => setting ?? route);
  return { offered, names };
}

const asker = { id: crypto.randomUUID(), traceparent: "" };
const bodyBytes = (question: { encode(ms: number): { message: { body: Uint8Array } } }) =>
  question.encode(1_000).message.body.byteLength;

test("of each route are the ways that it allows, the leanest first", () => {
  const { names } = optionsOf();
  expect(names("large", bundle.calibration, 0)).toEqual(["large"]);
  expect(names("tail", bundle.calibration, 0)).toEqual(["2x1", "2x8", "4x4"]);
  expect(names("auto", bundle.calibration, 0)).toEqual(["2x1", "2x8", "4x4", "large"]);
});

test("are without settings that another beats, or that gain nothing", async () => {
  const { names } = optionsOf();
  const { calibration } = await smallBundle(({ tail }) => {
    if (tail !== null) tail[1].gainShare = 0.3;
  });
  expect(names("auto", calibration, 0)).toEqual(["2x1", "4x4", "large"]);
  expect(names("auto", (await smallBundle(only("none"))).calibration, 0)).toEqual(["large"]);
  expect(names("tail", (await smallBundle(only("none"))).calibration, 0)).toEqual([]);
});

test("of `auto` are without the tail while that is missing; whoever wants only it may ask nevertheless", () => {
  const { names } = optionsOf();
  tail.isMissing(0);
  expect(names("auto", bundle.calibration, 999)).toEqual(["large"]);
  expect(names("tail", bundle.calibration, 999)).toEqual(["2x1", "2x8", "4x4"]);
  expect(names("auto", bundle.calibration, 1_000)).toHaveLength(4);
});

test("are made once for a calibration", () => {
  const { offered } = optionsOf();
  for (const route of ["large", "tail", "auto"] as const) {
    expect(offered(route, bundle.calibration, 0)).toBe(offered(route, bundle.calibration, 1));
  }
});

describe("bytes", () => {
  const image = { width: 4, height: 4, data: new Float64Array(48) };

  test("of the whole image are those of its body", () => {
    const [large] = optionsOf().offered("large", bundle.calibration, 0);
    const question = largeQuestion(asker, image, bundle.manifest, bundle.calibration.cloud);
    expect(large).toMatchObject({ bytes: bodyBytes(question), gainShare: 1 });
  });

  test("of features are the mean frame's, as the calibration knows it", () => {
    const options = optionsOf().offered("tail", bundle.calibration, 0);
    expect(options.map(({ bytes }) => bytes)).toEqual(bundle.calibration.tail?.map(({ frameBytes }) => frameBytes));
  });

  test("of features as tensors are the same at every setting, so that only the best is left", () => {
    const { offered } = optionsOf(false);
    const { manifest, calibration } = bundle;
    const tailModel = manifest.cloud.tail ?? expect.fail("no tail");
    const features = new Float32Array(SHAPE[0] * SHAPE[1] * SHAPE[2]).fill(0.5);
    const asked = tailQuestion(asker, features, { tail: tailModel, setting: 2 }, manifest, calibration, "tensors");
    expect(offered("tail", calibration, 0)).toMatchObject([{ setting: "4x4", bytes: bodyBytes(asked) }]);
  });

  test("change when it turns out that frames are not taken", () => {
    const { names } = optionsOf();
    expect(names("tail", bundle.calibration, 0)).toHaveLength(3);
    tail.takesOnlyTensors(0);
    expect(names("tail", bundle.calibration, 0)).toEqual(["4x4"]);
    expect(names("tail", bundle.calibration, FRAMES_AGAIN_MS - 1)).toEqual(["4x4"]);
    expect(names("tail", bundle.calibration, FRAMES_AGAIN_MS)).toHaveLength(3);
  });
});

test.each([
  [true, 12 + 4 * 4],
  [false, 100],
])(
  "without a calibration of the tail are its fullest setting, of which no more is known (frames: %s)",
  async (frames, least) => {
    const { calibration }: { calibration: Calibration } = await smallBundle((changed) => {
      changed.tail = null;
    });
    const { offered, names } = optionsOf(frames);
    expect(names("auto", calibration, 0)).toEqual(["large"]);
    const [option, ...others] = offered("tail", calibration, 0);
    expect(others).toEqual([]);
    expect(option).toMatchObject({ route: "tail", setting: "4x4", gainShare: 1 });
    expect(option.bytes).toBeGreaterThan(least);
  },
);
