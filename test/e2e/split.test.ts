// Features instead of images, in the stack that a user starts: the shipped model's tail answers, at a fraction of the
// bytes, what the offline tools compute of the same picture.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { calibrationSchema } from "@spillway/shared/schema/calibration";
import { type Config, defaultConfig } from "@spillway/shared/schema/config";
import { type Result, resultSchema } from "@spillway/shared/schema/result";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runModels } from "../../models/src/evaluation/run-models.ts";
import { readPicture } from "../../models/src/images/read-picture.ts";
import { openModelFolder } from "../../models/src/model-folder.ts";
import { ROOT, run, type Stack, startStack } from "./stack.ts";

const MODEL = path.join(ROOT, "models/cifar100");
const DRAWN = path.join(ROOT, "test/vectors/images/drawn/sunflower.jpg");

const folder = await openModelFolder(MODEL);
const calibration = calibrationSchema.parse(JSON.parse(await readFile(path.join(MODEL, "calibration.json"), "utf8")));
const hasTail = folder.manifest.cloud.tail !== null && calibration.tail !== null;

let scratch: string;
/** Without loss, as two decoders of JPEG need not agree. */
let picture: string;
beforeAll(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), "spillway-split-e2e-"));
  picture = path.join(scratch, "sunflower.png");
  await sharp(DRAWN).png().toFile(picture);
});
afterAll(() => rm(scratch, { recursive: true }));

/** No exit is confident, every image is worth a token, and goes whole. */
async function publish(state: string): Promise<void> {
  const config: Config = defaultConfig(folder.manifest, folder.hash, calibration);
  for (const exit of config.edge.exits) exit.threshold = 2;
  Object.assign(config.offload, {
    route: "large",
    threshold: -1,
    bucket: { rate: 100, depth: 100 },
    timeoutMs: 20_000,
    fuse: false,
  });
  const file = path.join(scratch, "config.json");
  await writeFile(file, JSON.stringify(config));
  expect(await run("spillway", ["publish", "--config", file, "--state", state])).toMatchObject({ code: 0 });
}

async function classify(stack: Stack, query = ""): Promise<Result> {
  const body = new Uint8Array(await readFile(picture));
  const init = { method: "POST", headers: { "content-type": "image/png" }, body };
  return resultSchema.parse(await (await fetch(`${stack.edgeUrl}/v1/classify${query}`, init)).json());
}

/** The label that the tail gives this picture at one of its settings. */
async function offlineLabel(setting: string | null): Promise<string> {
  const images = { count: 1, labels: new Int32Array(1), name: picture, read: () => readPicture(picture) };
  const { tail } = await runModels(folder, images, [0], { withTail: true });
  const { logits } = tail.find((each) => each.setting === setting) ?? expect.fail(`no setting ${setting}`);
  return folder.manifest.labels[logits.indexOf(Math.max(...logits))];
}

test.skipIf(!hasTail)(
  "features go where images went, live (skipped as long as the shipped model has no tail)",
  async () => {
    const state = path.join(scratch, "state");
    await publish(state);
    const stack = await startStack("--state", state);
    try {
      const whole = await classify(stack);
      expect(whole.decision).toMatchObject({ tier: "cloud", route: "large", setting: null });

      expect(await stack.spillway("config", "set", "offload.route=tail")).toMatchObject({ code: 0 });
      const features = await classify(stack);
      expect(features.decision).toMatchObject({ tier: "cloud", reason: "offloaded", route: "tail" });
      expect(features.label).toBe(await offlineLabel(features.decision.setting));

      expect(features.decision.bytesSent).toBeLessThan(whole.decision.bytesSent ?? 0);

      expect(await stack.spillway("config", "set", "offload.route=auto")).toMatchObject({ code: 0 });
      expect((await classify(stack, "?deadline_ms=5")).decision).toMatchObject({ tier: "edge", reason: "deadline" });
      expect((await classify(stack, "?deadline_ms=10000")).decision).toMatchObject({
        tier: "cloud",
        reason: "offloaded",
      });
    } finally {
      expect(await stack.stop()).toBe(0);
    }
  },
);
