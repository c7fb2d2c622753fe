// `POST /v1/classify` with everything real behind it.
import { defaultConfig } from "@spillway/shared/schema/config";
import { resultSchema } from "@spillway/shared/schema/result";
import { beforeEach, describe, expect, inject, test } from "vitest";
import { modelBundle } from "../../../edge-worker/generated/model.ts";
import { CIRCUIT_FAILURES } from "../../../edge-worker/src/limits.ts";
import { alwaysOffload, reset, startApp, storeCalibration, storeConfig } from "../setup/app.ts";
import { noisePng } from "../setup/png.ts";
import type { SeenCall } from "../setup/seen-call.ts";

const exits = modelBundle.manifest.edge.stages.length;

beforeEach(reset);

describe("the edge alone", () => {
  test("answers in the contract's shape", async () => {
    await storeConfig((config) => {
      config.offload.enabled = false;
    });
    const result = await startApp().classify(await noisePng(1));
    expect(resultSchema.parse(result)).toEqual(result);
    expect(result.top).toHaveLength(5);
    expect(result.top[0]).toMatchObject({ label: result.label, index: result.index });
    expect(result).toMatchObject({ model: modelBundle.hash, configVersion: "test" });
    const probabilities = result.top.map((entry) => entry.probability);
    expect(probabilities).toEqual([...probabilities].sort((a, b) => b - a));
  });

  test.each(Array.from({ length: exits }, (_, index) => index))(
    "stops at exit index %i when it is confident",
    async (index) => {
      await storeConfig((config) => {
        config.edge.exits = config.edge.exits.map((_, other) => ({ threshold: other === index ? 0 : 1.5 }));
      });
      const { decision } = await startApp().classify(await noisePng(2));
      expect(decision).toMatchObject({
        tier: "edge",
        exit: index + 1,
        reason: "confident",
        metric: null,
        tokens: null,
      });
    },
  );

  test("votes when no exit is confident and nothing may be offloaded", async () => {
    await storeConfig((config) => {
      alwaysOffload(config);
      config.offload.enabled = false;
    });
    const { decision } = await startApp().classify(await noisePng(3));
    expect(decision).toMatchObject({ tier: "edge", exit: null, reason: "offload-disabled", bytesSent: null });
  });

  test("concurrent requests share the sessions and get their own answers", async () => {
    await storeConfig((config) => {
      config.offload.enabled = false;
    });
    const app = startApp();
    const images = await Promise.all(Array.from({ length: 8 }, (_, seed) => noisePng(seed)));
    const together = await Promise.all(images.map((image) => app.classify(image)));
    for (const [index, image] of images.entries()) {
      expect((await app.classify(image)).top).toEqual(together[index].top);
    }
  });
});

describe("offloading", () => {
  test("answers from the cloud and says what it cost", async () => {
    await storeConfig(alwaysOffload);
    const { decision, timings } = await startApp({ CLOUD_URL: inject("cloudUrl") }).classify(await noisePng(4));
    expect(decision).toMatchObject({
      tier: "cloud",
      reason: "offloaded",
      route: "large",
      policy: "threshold",
      exit: null,
    });
    expect(decision.tokens).toBeCloseTo(999, 0);
    expect(decision.bytesSent).toBeGreaterThan(3072);
    expect(timings.cloudMs).not.toBeNull();
  });

  test("tells the cloud the caller's trace, or the request's own", async () => {
    await storeConfig(alwaysOffload);
    const app = startApp({ CLOUD_URL: `${inject("faultyUrl")}/mirror` });
    const seen = async () => (await (await fetch(`${inject("faultyUrl")}/seen`)).json()) as Record<string, SeenCall[]>;
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await app.classify(await noisePng(30), "", { traceparent });
    const { timeout } = (await seen())[traceparent][0].parameters;
    expect(timeout).toSatisfy((value) => Number.isInteger(value) && value > 0 && value <= 20_000 * 1_000);

    const { id } = await app.classify(await noisePng(31), "", { traceparent: "not one" });
    // The span's id is random.
    const own = new RegExp(`^00-${id.replaceAll("-", "")}-[0-9a-f]{16}-03$`);
    expect(Object.keys(await seen()).filter((trace) => own.test(trace))).toHaveLength(1);
  });

  test("spends no token on an image that is not worth one", async () => {
    const config = await storeConfig((changed) => {
      alwaysOffload(changed);
      changed.offload.threshold = 1;
    });
    const { decision } = await startApp().classify(await noisePng(5));
    expect(decision).toMatchObject({ tier: "edge", reason: "not-worth-it", threshold: 1, bytesSent: null });
    expect(decision.tokens).toBe(config.offload.bucket.depth);
  });

  test("stops at the bottom of the bucket, and each client has a bucket of its own", async () => {
    await storeConfig((config) => {
      alwaysOffload(config);
      config.offload.bucket = { rate: 0, depth: 2 };
    });
    const app = startApp({ CLOUD_URL: inject("cloudUrl") });
    const image = await noisePng(6);
    const reasons = [];
    for (let k = 0; k < 3; k++) reasons.push((await app.classify(image)).decision.reason);
    expect(reasons).toEqual(["offloaded", "offloaded", "no-tokens"]);
    const other = await app.classify(image, "", { "cf-connecting-ip": "192.0.2.7" });
    expect(other.decision.reason).toBe("offloaded");
  });
});

describe("the calibration that the configuration names", () => {
  const classes = modelBundle.manifest.labels.length;
  /** Whatever the logits are, the same probabilities: softmax(bias), where only one class has a bias. */
  const always = (index: number, bias: number) => ({
    scale: Array<number>(classes).fill(0),
    bias: Array.from({ length: classes }, (_, k) => (k === index ? bias : 0)),
  });
  const probabilityOf = (bias: number) => Math.exp(bias) / (Math.exp(bias) + classes - 1);

  test("an exit's vector calibrator decides its answer", async () => {
    const calibration = await storeCalibration((changed) => {
      changed.exits[0] = always(7, 3);
    });
    await storeConfig((config) => {
      config.calibration = calibration;
      config.edge.exits[0].threshold = 0;
    });
    const { index, confidence } = await startApp().classify(await noisePng(20));
    expect(index).toBe(7);
    expect(confidence).toBeCloseTo(probabilityOf(3), 12);
  });

  test("an exit's isotonic calibrator decides its confidence", async () => {
    const calibration = await storeCalibration((changed) => {
      changed.exits[0] = { temperature: 1, probability: [0, 1], frequency: [0.5, 0.5] };
    });
    await storeConfig((config) => {
      config.calibration = calibration;
      config.edge.exits[0].threshold = 0;
    });
    const { confidence } = await startApp().classify(await noisePng(21));
    expect(confidence).toBeCloseTo(1 / classes, 5);
  });

  test("edge and cloud are fused log-linearly, the cloud's calibrator applied", async () => {
    const calibration = await storeCalibration((changed) => {
      changed.exits = changed.exits.map(() => always(7, 2));
      changed.cloud = always(7, 6);
      changed.fusion = { edgePower: 2, cloudPower: 0.5 };
    });
    const answerWith = async (fuse: boolean) => {
      await storeConfig((config) => {
        alwaysOffload(config);
        config.calibration = calibration;
        config.offload.fuse = fuse;
      });
      return startApp({ CLOUD_URL: inject("cloudUrl") }).classify(await noisePng(22));
    };
    const fused = await answerWith(true);
    expect(fused).toMatchObject({ index: 7, decision: { tier: "cloud" } });
    expect(fused.confidence).toBeCloseTo(probabilityOf(2 * 2 + 6 * 0.5), 9);
    expect((await answerWith(false)).confidence).toBeCloseTo(probabilityOf(6), 9);
  });

  test("its model of the gain takes the tables' place", async () => {
    const calibration = await storeCalibration((changed) => {
      changed.gainModel = { intercept: 0.375, weights: Array(10).fill(0), offsets: Array(classes).fill(0) };
    });
    await storeConfig((config) => {
      alwaysOffload(config);
      config.calibration = calibration;
      config.offload.enabled = false;
    });
    expect((await startApp().classify(await noisePng(23))).decision.metric).toBe(0.375);
  });
});

describe("a failing cloud", () => {
  const FAULTS = [
    { fault: "hang", reason: "cloud-timeout" },
    { fault: "hang-in-body", reason: "cloud-timeout" },
    { fault: "reset", reason: "cloud-error" },
    { fault: "status-500", reason: "cloud-error" },
    { fault: "status-503", reason: "cloud-overloaded" },
    { fault: "not-json", reason: "cloud-error" },
    { fault: "wrong-classes", reason: "cloud-error" },
    { fault: "wrong-output", reason: "cloud-error" },
  ];

  test.each(FAULTS)("$fault: the edge's answer in time, as $reason", async ({ fault, reason }) => {
    const config = await storeConfig((changed) => {
      alwaysOffload(changed);
      changed.offload.timeoutMs = 300;
    });
    const app = startApp({ CLOUD_URL: `${inject("faultyUrl")}/${fault}` });
    const { decision, timings } = await app.classify(await noisePng(7));
    expect(decision).toMatchObject({ tier: "edge", reason, route: "large" });
    expect(timings.cloudMs).toBeLessThan(config.offload.timeoutMs + 150);
  });

  test("a token comes back only when the cloud surely did no work", async () => {
    await storeConfig((config) => {
      alwaysOffload(config);
      config.offload.bucket = { rate: 0, depth: 2 };
    });
    const tokensAfter = async (fault: string, client: string) => {
      const app = startApp({ CLOUD_URL: `${inject("faultyUrl")}/${fault}` });
      const headers = { "cf-connecting-ip": client };
      const image = await noisePng(8);
      await app.classify(image, "", headers);
      // The second answer shows what the first one left, less its own token.
      return (await app.classify(image, "", headers)).decision.tokens;
    };
    expect(await tokensAfter("status-503", "192.0.2.1")).toBe(1);
    expect(await tokensAfter("status-500", "192.0.2.2")).toBe(0);
  });

  test("the circuit opens after failures in a row, and then nobody waits", async () => {
    await storeConfig(alwaysOffload);
    const app = startApp({ CLOUD_URL: `${inject("faultyUrl")}/status-500` });
    const image = await noisePng(9);
    const reasons = [];
    for (let k = 0; k <= CIRCUIT_FAILURES; k++) reasons.push((await app.classify(image)).decision.reason);
    expect(reasons).toEqual([...Array(CIRCUIT_FAILURES).fill("cloud-error"), "circuit-open"]);
  });

  test("retries as often as configured, and counts the bytes of each try", async () => {
    const bytesWith = async (retries: number) => {
      await storeConfig((config) => {
        alwaysOffload(config);
        config.offload.retries = retries;
      });
      const app = startApp({ CLOUD_URL: `${inject("faultyUrl")}/status-500` });
      return (await app.classify(await noisePng(10))).decision.bytesSent ?? 0;
    };
    expect(await bytesWith(2)).toBe(3 * (await bytesWith(0)));
  });

  test("a caller's deadline ends the wait, and does not open the circuit for others", async () => {
    await storeConfig(alwaysOffload);
    const app = startApp({ CLOUD_URL: `${inject("faultyUrl")}/hang` });
    const image = await noisePng(11);
    await app.classify(image, "?deadline_ms=1");
    for (let k = 0; k <= CIRCUIT_FAILURES; k++) {
      const { decision } = await app.classify(image, "?deadline_ms=60");
      expect(decision).toMatchObject({ tier: "edge", reason: "deadline" });
    }
  });
});

test("a deadline counts from the request, the gate included", async () => {
  await storeConfig(alwaysOffload);
  // An object that takes three times as long as the caller has.
  const decide = () => scheduler.wait(240).then(() => ({ offload: false }));
  const slow = { idFromName: () => null, get: () => ({ decide }) };
  const app = startApp({ OFFLOAD_GATE: slow } as never);
  const image = await noisePng(18);
  await app.classify(image, "?deadline_ms=1");
  const { decision, timings } = await app.classify(image, "?deadline_ms=80");
  expect(decision).toMatchObject({ tier: "edge", reason: "deadline" });
  expect(timings.totalMs).toBeLessThan(200);
});

describe("bad requests", () => {
  const post = (body: BodyInit, type = "image/jpeg") => ({ method: "POST", body, headers: { "content-type": type } });

  test.each([
    ["an empty body", () => post(new Uint8Array()), 400, "not-an-image"],
    ["text", () => post("hello"), 400, "not-an-image"],
    ["another content type", () => post("hello", "text/plain"), 415, "unsupported-media-type"],
    ["a form without the field", () => post("--b\r\n\r\n--b--", "multipart/form-data; boundary=b"), 400, "bad-request"],
    ["one byte too many", () => post(new Uint8Array(8_388_609)), 413, "too-many-bytes"],
    ["the most bytes, of no image", () => post(new Uint8Array(8_388_608)), 400, "not-an-image"],
  ])("%s", async (_name, init, status, reason) => {
    const app = startApp();
    const response = await app.fetch("/v1/classify", init());
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toMatchObject({ status, reason });
    const next = await app.classify(await noisePng(12));
    expect(next.label).toBeTypeOf("string");
  });

  test.each(["top=0", "top=101", "top=x", "top=-1", "deadline_ms=0", "deadline_ms=600001", "deadline_ms=1.5"])(
    "query %s",
    async (query) => {
      const init = post(await noisePng(13), "image/png");
      const response = await startApp().fetch(`/v1/classify?${query}`, init);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ detail: expect.stringContaining(query.split("=")[0]) });
    },
  );

  test("the limits of the query themselves are allowed", async () => {
    const { labels } = modelBundle.manifest;
    const result = await startApp().classify(await noisePng(14), "?top=100&deadline_ms=600000");
    expect(result.top).toHaveLength(Math.min(100, labels.length));
  });

  test("a form's image is classified like a body", async () => {
    const image = await noisePng(15);
    const app = startApp();
    const form = new FormData();
    form.append("image", new File([image], "noise.png", { type: "image/png" }));
    const response = await app.fetch("/v1/classify", { method: "POST", body: form });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ top: (await app.classify(image)).top });
  });

  test("more requests than allowed wait, as long as Retry-After says", async () => {
    await storeConfig((config) => {
      config.limits.requestsPerMinute = 2;
    });
    const app = startApp();
    const image = await noisePng(16);
    await app.classify(image);
    await app.classify(image);
    const response = await app.fetch("/v1/classify", post(image, "image/png"));
    expect(response.status).toBe(429);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(25);
    const other = { "cf-connecting-ip": "192.0.2.9" };
    expect((await app.classify(image, "", other)).label).toBeTypeOf("string");
  });

  test("the default configuration is used, and named, when KV is empty", async () => {
    const { configVersion } = await startApp().classify(await noisePng(17));
    expect(configVersion).toBe(defaultConfig(modelBundle.manifest, modelBundle.hash, modelBundle.calibration).version);
  });
});

test.each([
  { CLOUD_URL: "not a url" },
  { CLOUD_URL: "localhost:8080" },
  { CLIENT_KEY_HEADER: "bad header" },
  { CLOUD_CLIENT: "carrier-pigeon" },
  { CLOUD_CLIENT: "sagemaker" },
])("the bad environment %o is 503 and a word in the log, not a crash", async (variables: Record<string, string>) => {
  const response = await startApp(variables).fetch("/readyz");
  expect(response.status).toBe(503);
});

test.each([
  ["GET", "/nothing", 404],
  ["GET", "/v1/classify", 405],
  ["DELETE", "/v1/config", 405],
])("%s %s is %i as a problem", async (method, path, status) => {
  const response = await startApp().fetch(path, { method });
  expect(response.status).toBe(status);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
});
