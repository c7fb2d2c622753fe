// The routes `tail` and `auto` in the whole Worker, with a small model and everything real behind it.
import { runInDurableObject } from "cloudflare:test";
import { fuse } from "@spillway/shared/offload/fusion";
import type { Config } from "@spillway/shared/schema/config";
import { type Result, resultSchema } from "@spillway/shared/schema/result";
import { encodeFrame } from "@spillway/shared/split/frame";
import { quantiseFeatures } from "@spillway/shared/split/quantiser";
import { beforeEach, describe, expect, inject, test } from "vitest";
import type { GateRequest } from "../../../edge-worker/src/bucket/offload-gate.ts";
import type { ModelBundle } from "../../../edge-worker/src/inference/model-bundle.ts";
import { alwaysOffload, env, reset, startApp, storeConfig } from "../setup/app.ts";
import { only, SHAPE, settingsOf, smallBundle, smallImage, tailAnswer } from "../setup/small-model.ts";

beforeEach(reset);

/** An isolate with this cloud, by whose route nothing is kept back. */
async function appWith(
  cloudUrl: string,
  route: Config["offload"]["route"],
  bundle: ModelBundle,
  change: (config: Config) => void = () => {},
) {
  const configure = (config: Config) => {
    alwaysOffload(config);
    config.offload.threshold = 0;
    config.offload.route = route;
    change(config);
  };
  await storeConfig(configure, bundle);
  return startApp({ CLOUD_URL: cloudUrl }, bundle);
}

const frameBytes = (features: Float32Array, setting: number, bundle: ModelBundle) =>
  encodeFrame(quantiseFeatures(features, SHAPE, settingsOf(bundle.manifest)[setting])).byteLength;

function expectProbabilities({ top }: Result, expected: Float64Array): void {
  for (const { index, probability } of top) expect(probability).toBeCloseTo(expected[index], 4);
}

describe("the route `tail`", () => {
  test.each([
    ["2x1", 0],
    ["2x8", 1],
    ["4x4", 2],
  ])("answers with what the tail says of features at %s, in a body that is the frame", async (name, setting) => {
    const bundle = await smallBundle(only(name));
    const app = await appWith(inject("smallCloudUrl"), "tail", bundle, (config) => {
      config.offload.fuse = false;
    });
    for (const seed of [1, 2, 3]) {
      const { png, features } = await smallImage(seed);
      const result = await app.classify(png);
      expect(resultSchema.parse(result)).toEqual(result);
      const bytesSent = frameBytes(features, setting, bundle);
      expect(result.decision).toMatchObject({ tier: "cloud", route: "tail", setting: name, bytesSent });
      expectProbabilities(result, tailAnswer(features, setting, bundle));
    }
  });

  test("sends the richest features while there is time, and never the image", async () => {
    const app = await appWith(inject("smallCloudUrl"), "tail", await smallBundle());
    const { png } = await smallImage(4);
    expect((await app.classify(png)).decision).toMatchObject({ route: "tail", setting: "4x4" });
  });

  test("fuses as its setting's calibration says, where the configuration lets it", async () => {
    const bundle = await smallBundle(only("2x8"));
    const { png, features } = await smallImage(5);
    const tail = tailAnswer(features, 1, bundle);
    const app = await appWith(inject("smallCloudUrl"), "tail", bundle, (config) => {
      config.offload.enabled = false;
    });
    const edge = await app.classify(png);
    const edgeAnswer = new Float64Array(3);
    for (const { index, probability } of edge.top) edgeAnswer[index] = probability;
    const fusing = await appWith(inject("smallCloudUrl"), "tail", bundle);
    expectProbabilities(await fusing.classify(png), fuse(edgeAnswer, tail, { edgeWeight: 0.25 }));
  });

  test("without a calibration of its own uses the cloud's, and the fullest setting", async () => {
    const bundle = await smallBundle((calibration) => {
      calibration.tail = null;
    });
    const app = await appWith(inject("smallCloudUrl"), "tail", bundle);
    const { png, features } = await smallImage(6);
    const result = await app.classify(png);
    expect(result.decision).toMatchObject({ tier: "cloud", route: "tail", setting: "4x4" });
    expectProbabilities(result, tailAnswer(features, 2, bundle));
  });

  test("spends nothing where the tail gains nothing", async () => {
    const app = await appWith(inject("smallCloudUrl"), "tail", await smallBundle(only("none")));
    const { decision } = await app.classify((await smallImage(7)).png);
    expect(decision).toMatchObject({
      tier: "edge",
      reason: "not-worth-it",
      route: null,
      bytesSent: null,
      tokens: 1000,
    });
  });
});

describe("a server that is not ours", () => {
  test("gets the features as three tensors, and after the first image only those", async () => {
    const bundle = await smallBundle(only("4x4"));
    const app = await appWith(inject("plainUrl"), "tail", bundle);
    const sent = [];
    for (const seed of [1, 2, 3]) {
      const { png, features } = await smallImage(seed);
      const result = await app.classify(png);
      expect(result.decision).toMatchObject({ tier: "cloud", reason: "offloaded", route: "tail", setting: "4x4" });
      expectProbabilities(result, tailAnswer(features, 2, bundle));
      sent.push((result.decision.bytesSent ?? 0) - (seed === 1 ? frameBytes(features, 2, bundle) : 0));
    }
    // They differ by digits of the time limit only.
    for (const bytes of sent) expect(Math.abs(bytes - sent[0])).toBeLessThanOrEqual(3);
  });

  test("without the tail answers no features, and costs no tokens", async () => {
    const app = await appWith(inject("taillessUrl"), "tail", await smallBundle(), (config) => {
      config.offload.bucket = { rate: 0, depth: 2 };
    });
    const { png } = await smallImage(1);
    const decisions = [];
    for (let k = 0; k < 4; k++) decisions.push((await app.classify(png)).decision);
    expect(decisions[0]).toMatchObject({ tier: "edge", reason: "cloud-error", route: "tail" });
    // Nobody is kept asking for what is not there.
    for (const { reason, tokens } of decisions.slice(1))
      expect({ reason, tokens }).toEqual({ reason: "circuit-open", tokens: 1 });
  });

  test("without the tail still gets images where the route is `auto`, at once and from then on", async () => {
    const bundle = await smallBundle((calibration) => {
      // As if features were better than the image.
      for (const each of calibration.tail ?? []) each.gainShare = 1.5;
    });
    const app = await appWith(inject("taillessUrl"), "auto", bundle, (config) => {
      config.offload.bucket = { rate: 0, depth: 3 };
    });
    const { png } = await smallImage(2);
    const decisions = [];
    for (let k = 0; k < 3; k++) decisions.push((await app.classify(png)).decision);
    for (const [k, decision] of decisions.entries()) {
      expect(decision).toMatchObject({
        tier: "cloud",
        reason: "offloaded",
        route: "large",
        setting: null,
        tokens: 2 - k,
      });
    }
    const [first, second] = decisions.map(({ bytesSent }) => bytesSent ?? 0);
    expect(first).toBeGreaterThan(second + 20);
  });
});

describe("the route `auto`", () => {
  const seenBy = async (query: string, link?: string) => {
    const bundle = await smallBundle();
    const asked: GateRequest[] = [];
    const option = { route: "tail", setting: "2x8", bytes: 35, gainShare: 0.7 };
    const decide = async (request: GateRequest) => {
      asked.push(request);
      return { offload: true, reason: "offloaded", threshold: 0, tokens: 1, policy: "threshold", option };
    };
    const told: unknown[] = [];
    const settle = async (report: unknown) => void told.push(report);
    await appWith("", "auto", bundle);
    const stub = { idFromName: () => null, get: () => ({ decide, settle }) };
    const app = startApp({ CLOUD_URL: inject("smallCloudUrl"), OFFLOAD_GATE: stub } as never, bundle);
    const { png } = await smallImage(3);
    const colo = link === undefined ? {} : { cf: { colo: link } };
    const init = { method: "POST", body: png, headers: { "content-type": "image/png" }, ...colo };
    await app.fetch("/v1/classify?deadline_ms=600000", init);
    asked.length = 0;
    told.length = 0;
    const result = (await (await app.fetch(`/v1/classify${query}`, init)).json()) as Result;
    return { result, asked, told };
  };

  test("asks the gate once, with all that it has to choose from, and goes the way that it says", async () => {
    const { result, asked, told } = await seenBy("?deadline_ms=60000", "AMS");
    expect(asked).toHaveLength(1);
    const { question } = asked[0];
    expect(question).toMatchObject({ link: "AMS", id: result.id, timeoutMs: 20_000 });
    expect(question?.options.map(({ route, setting }) => setting ?? route)).toEqual(["2x1", "2x8", "4x4", "large"]);
    expect(question?.deadlineLeftMs).toBeGreaterThan(0);
    expect(question?.deadlineLeftMs).toBeLessThanOrEqual(60_000);
    expect(result.decision).toMatchObject({ tier: "cloud", route: "tail", setting: "2x8" });
    expect(told).toEqual([
      {
        link: "AMS",
        id: result.id,
        outcome: "answered",
        bytes: result.decision.bytesSent,
        durationMs: expect.any(Number),
        startDelayMs: expect.any(Number),
      },
    ]);
  });

  test("leaves the deadline open where the caller does, and knows a link without a name", async () => {
    const { asked } = await seenBy("");
    expect(asked[0].question).toMatchObject({ link: "here", deadlineLeftMs: null });
  });

  test("sends the image while there is time, as to a large model that is better", async () => {
    const app = await appWith(inject("smallCloudUrl"), "auto", await smallBundle());
    const { decision } = await app.classify((await smallImage(4)).png);
    expect(decision).toMatchObject({ tier: "cloud", route: "large", setting: null });
  });

  test("chooses the tail where that is better", async () => {
    const bundle = await smallBundle(({ tail }) => {
      for (const each of tail ?? []) if (each.setting === "2x8") each.gainShare = 1.2;
    });
    const app = await appWith(inject("smallCloudUrl"), "auto", bundle);
    const { decision } = await app.classify((await smallImage(4)).png);
    expect(decision).toMatchObject({ tier: "cloud", route: "tail", setting: "2x8" });
  });

  test("spends no token on a deadline that no link would keep", async () => {
    const app = await appWith(inject("smallCloudUrl"), "auto", await smallBundle(), (config) => {
      config.offload.bucket = { rate: 0, depth: 2 };
    });
    const { png } = await smallImage(5);
    const headers = { "cf-connecting-ip": "192.0.2.9" };
    expect((await app.classify(png, "", headers)).decision.tokens).toBe(1);
    for (let k = 0; k < 3; k++) {
      const { decision } = await app.classify(png, "?deadline_ms=2", headers);
      expect(decision).toMatchObject({ tier: "edge", reason: "deadline", route: null, bytesSent: null });
    }
    expect((await app.classify(png, "", headers)).decision).toMatchObject({ tier: "cloud", tokens: 0 });
  });

  test("teaches the client's gate how its link is", async () => {
    const app = await appWith(inject("smallCloudUrl"), "auto", await smallBundle());
    const { png } = await smallImage(6);
    const headers = { "cf-connecting-ip": "192.0.2.10" };
    for (let k = 0; k < 5; k++) await app.classify(png, "", headers);
    const gate = env.OFFLOAD_GATE.get(env.OFFLOAD_GATE.idFromName("192.0.2.10"));
    const stored = await runInDurableObject(gate, (_object, { storage }) => storage.kv.get("gate"));
    expect(stored).toMatchObject({ links: [{ key: "here", bandwidth: expect.any(Object) }] });
  });

  test("without a calibration of the tail sends images only", async () => {
    const bundle = await smallBundle((calibration) => {
      calibration.tail = null;
    });
    const app = await appWith(inject("smallCloudUrl"), "auto", bundle);
    const { decision } = await app.classify((await smallImage(7)).png);
    expect(decision).toMatchObject({ tier: "cloud", route: "large", setting: null });
  });
});

describe("a cloud that fails", () => {
  test.each([
    ["status-500", "cloud-error", 1],
    ["reset", "cloud-error", 1],
    ["status-503", "cloud-overloaded", 2],
    ["hang", "cloud-timeout", 1],
    ["not-json", "cloud-error", 1],
  ])("%s: the edge answers in time, and the token is spent unless no work was done", async (fault, reason, left) => {
    for (const route of ["tail", "auto"] as const) {
      const app = await appWith(`${inject("faultyUrl")}/${fault}`, route, await smallBundle(), (config) => {
        config.offload.bucket = { rate: 0, depth: 3 };
        config.offload.timeoutMs = 300;
      });
      const headers = { "cf-connecting-ip": `${fault} ${route}` };
      const { png } = await smallImage(8);
      const { decision } = await app.classify(png, "", headers);
      expect(decision).toMatchObject({ tier: "edge", reason, tokens: 2, route: route === "tail" ? "tail" : "large" });
      // The next answer shows what this one left, less its own token.
      expect((await app.classify(png, "", headers)).decision.tokens).toBe(left);
    }
  });

  test("leaves a deadline that passes meanwhile to the edge", async () => {
    const app = await appWith(`${inject("faultyUrl")}/hang`, "auto", await smallBundle());
    const { png } = await smallImage(9);
    await app.classify(png, "?deadline_ms=1");
    const { decision, timings } = await app.classify(png, "?deadline_ms=200");
    expect(decision).toMatchObject({ tier: "edge", reason: "deadline" });
    expect(decision.bytesSent).toBeGreaterThan(0);
    expect(timings.totalMs).toBeLessThan(400);
  });
});

test("the model's description tells of the tail", async () => {
  const bundle = await smallBundle();
  const app = await appWith(inject("smallCloudUrl"), "auto", bundle);
  const { models } = (await (await app.fetch("/v1/models")).json()) as { models: { cloud: { tail: unknown } }[] };
  expect(models[0].cloud.tail).toMatchObject({
    settings: [{ setting: "2x1", rawBytes: 2, frameBytes: 24, gainShare: 0.4 }, { setting: "2x8" }, { setting: "4x4" }],
  });
});
