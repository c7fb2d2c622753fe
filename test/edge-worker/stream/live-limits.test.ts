// The live configuration's limits hold for frames, and change while a stream runs.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CONFIG_MAX_AGE_MS } from "../../../edge-worker/src/limits.ts";
import { reset, startApp, storeConfig } from "../setup/app.ts";
import { noisePng } from "../setup/png.ts";
import { closeCameras, connect } from "./camera.ts";

beforeEach(reset);
afterEach(async () => {
  await closeCameras();
  vi.restoreAllMocks();
});

/** A minute passes: requests may come again, and the configuration that was read is old. */
function letMinutePass(): void {
  const laterMs = performance.now() + Math.max(60_000, CONFIG_MAX_AGE_MS);
  vi.spyOn(performance, "now").mockImplementation(() => laterMs);
}

test("bytes and requests a minute, at the limit and one past it", async () => {
  const png = await noisePng(1);
  await storeConfig((config) => {
    config.offload.enabled = false;
    config.limits.maxBytes = png.byteLength;
    config.limits.requestsPerMinute = 3;
  });
  const camera = await connect(startApp(), "a camera");
  expect(await camera.hello).toMatchObject({ maxBytes: png.byteLength });
  camera.send(png, new Uint8Array([...png, 0]), png, png);
  const answers = await camera.take(4);
  expect(answers.map(({ type }) => type)).toEqual(["answer", "problem", "answer", "problem"]);
  expect(answers[1]).toMatchObject({ problem: { status: 413, reason: "too-many-bytes" } });
  expect(answers[3]).toMatchObject({ problem: { status: 429, reason: "too-many-requests" } });

  await storeConfig((config) => {
    config.version = "changed";
    config.offload.enabled = false;
    config.limits.maxPixels = 32 * 32 - 1;
  });
  letMinutePass();
  camera.send(png);
  expect(await camera.next()).toMatchObject({ problem: { status: 413, reason: "too-many-pixels" } });
});
