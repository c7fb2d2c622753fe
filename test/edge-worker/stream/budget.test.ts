// All streams of a client spend one bucket, the one that its requests spend.
import { afterEach, beforeEach, expect, test } from "vitest";
import { alwaysOffload, env, reset, startApp, storeConfig } from "../setup/app.ts";
import { noisePng } from "../setup/png.ts";
import { closeCameras, connect } from "./camera.ts";

beforeEach(reset);
afterEach(closeCameras);

test("a client that has spent its tokens has none on any stream, and another has all of its own", async () => {
  const bucket = { rate: 0, depth: 1 };
  const { offload } = await storeConfig((config) => {
    alwaysOffload(config);
    config.offload.bucket = bucket;
  });
  const { policy, policyKey, threshold } = offload;
  const gate = env.OFFLOAD_GATE.get(env.OFFLOAD_GATE.idFromName("a camera"));
  const choice = { policy, policyKey, threshold, bucket };
  const spent = await gate.decide({ metric: 1, atMs: Date.now(), seen: [], offload: choice, question: null });
  expect(spent).toMatchObject({ offload: true });

  const app = startApp();
  const png = await noisePng(1);
  const reasons: unknown[] = [];
  for (const client of ["a camera", "a camera", "another"]) {
    const camera = await connect(app, client);
    await camera.hello;
    camera.send(png);
    const { result } = (await camera.next()) as unknown as { result: { decision: { reason: string } } };
    reasons.push(result.decision.reason);
  }
  // Nothing listens where the cloud of these tests would be.
  expect(reasons).toEqual(["no-tokens", "no-tokens", "cloud-error"]);
});
