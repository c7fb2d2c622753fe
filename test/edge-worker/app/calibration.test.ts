// The calibration that a configuration names: read from KV by its hash, in force together with it or not at all.
import { calibrationKey, MAX_CALIBRATION_BYTES } from "@spillway/shared/schema/calibration-check";
import { beforeEach, describe, expect, test } from "vitest";
import { modelBundle } from "../../../edge-worker/generated/model.ts";
import { createConfigStore } from "../../../edge-worker/src/config/config-store.ts";
import { CONFIG_MAX_AGE_MS, MAX_HELD_CALIBRATIONS, MAX_REFUSED_CALIBRATIONS } from "../../../edge-worker/src/limits.ts";
import {
  ADMIN_TOKEN,
  env,
  reset,
  startApp,
  storeCalibration,
  storeCalibrationText,
  storeConfig,
} from "../setup/app.ts";

const UNKNOWN = "0".repeat(64);

/** An isolate's store whose copy is too old at every look, and how often it has read a calibration. */
function storeInIsolate(kv: KVNamespace = env.CONFIG) {
  const pending: Promise<unknown>[] = [];
  let nowMs = 0;
  let reads = 0;
  const counting = new Proxy(kv, {
    get(target, property) {
      const method = Reflect.get(target, property).bind(target);
      if (property !== "get") return method;
      return (key: string, options: never) => {
        if (key.startsWith("calibration:")) reads++;
        return method(key, options);
      };
    },
  });
  const store = createConfigStore(counting, modelBundle, () => nowMs);
  async function current() {
    nowMs += CONFIG_MAX_AGE_MS;
    const effective = await store.current((work) => void pending.push(work));
    await Promise.all(pending);
    return effective;
  }
  return {
    current,
    /** As many requests at the same time, all of which find the copy too old. */
    together: (requests: number) => Promise.all(Array.from({ length: requests }, current)),
    reads: () => reads,
  };
}

/** Puts a configuration of this version in force that names this calibration. */
const name = (version: string, calibration: string | null) =>
  storeConfig((config) => {
    config.version = version;
    config.calibration = calibration;
  });

/** A good calibration that is told from others by the size of what it was fitted on. */
const fittedOn = (n: number) =>
  storeCalibration((calibration) => {
    calibration.fittedOn.n = n;
  });

beforeEach(reset);

describe("the store", () => {
  test("without a name it is the bundle's", async () => {
    await name("test", null);
    expect((await storeInIsolate().current()).calibration).toBe(modelBundle.calibration);
  });

  test("a named one comes from KV, and is read once", async () => {
    await name("test", await fittedOn(1));
    const store = storeInIsolate();
    expect(await store.current()).toMatchObject({ source: "kv", error: null, calibration: { fittedOn: { n: 1 } } });
    await name("later", await fittedOn(1));
    expect(await store.current()).toMatchObject({ config: { version: "later" }, calibration: { fittedOn: { n: 1 } } });
    expect(store.reads()).toBe(1);
  });

  test("the one before is still held when it comes back, the one before that is not", async () => {
    expect(MAX_HELD_CALIBRATIONS).toBe(2);
    const store = storeInIsolate();
    const [first, second, third] = [await fittedOn(1), await fittedOn(2), await fittedOn(3)];
    const readsAfter = async (calibration: string) => {
      await name("test", calibration);
      await store.current();
      return store.reads();
    };
    const reads = [];
    for (const calibration of [first, second, first, third, first, second]) reads.push(await readsAfter(calibration));
    expect(reads).toEqual([1, 2, 2, 3, 3, 4]);
  });

  test("many requests that need it at the same time read it once", async () => {
    await name("test", await fittedOn(1));
    const store = storeInIsolate();
    const all = await store.together(10);
    expect(store.reads()).toBe(1);
    expect(new Set(all.map(({ calibration }) => calibration)).size).toBe(1);
    expect(all[0]).toMatchObject({ source: "kv", calibration: { fittedOn: { n: 1 } } });
  });

  const bad: [problem: string, store: () => Promise<string>, error: string][] = [
    ["missing", async () => UNKNOWN, "not in KV"],
    [
      "another text",
      async () => {
        await env.CONFIG.put(calibrationKey(UNKNOWN), JSON.stringify(modelBundle.calibration));
        return UNKNOWN;
      },
      "damaged in KV: its SHA-256 is ",
    ],
    [
      "another model's",
      () =>
        storeCalibration((calibration) => {
          calibration.model = UNKNOWN;
        }),
      `model: fitted for ${UNKNOWN}, but this model is ${modelBundle.hash}`,
    ],
    ["no JSON", () => storeCalibrationText("{"), "expected JSON"],
    ["no calibration", () => storeCalibrationText("{}"), "calibrationVersion"],
    ["one byte too many", () => paddedTo(MAX_CALIBRATION_BYTES + 1), `more than ${MAX_CALIBRATION_BYTES} bytes in KV`],
  ];

  async function paddedTo(bytes: number): Promise<string> {
    return storeCalibrationText(JSON.stringify(modelBundle.calibration).padEnd(bytes));
  }

  test("the most bytes are accepted", async () => {
    await name("test", await paddedTo(MAX_CALIBRATION_BYTES));
    expect(await storeInIsolate().current()).toMatchObject({ source: "kv", error: null });
  });

  test.each(bad)("%s: the last good configuration stays in force, with its calibration", async (_, store, error) => {
    const isolate = storeInIsolate();
    await name("good", await fittedOn(1));
    await isolate.current();
    const calibration = await store();
    await name("bad", calibration);
    const lastGood = { source: "last-good", config: { version: "good" }, calibration: { fittedOn: { n: 1 } } };
    const effective = await isolate.current();
    expect(effective).toMatchObject(lastGood);
    expect(effective.error).toContain(`calibration: ${calibration}: ${error}`);
    // An isolate that starts only now knows the last good one too.
    expect(await storeInIsolate().current()).toMatchObject({ ...lastGood, error: effective.error });
  });

  test("bad from the beginning is the default with the bundle's", async () => {
    await name("bad", UNKNOWN);
    const effective = await storeInIsolate().current();
    expect(effective).toMatchObject({ source: "default", config: { calibration: null } });
    expect(effective.calibration).toBe(modelBundle.calibration);
  });

  test("it is looked for again, and in force when it has come", async () => {
    const isolate = storeInIsolate();
    const calibration = await fittedOn(1);
    const text = (await env.CONFIG.get(calibrationKey(calibration))) ?? "";
    await env.CONFIG.delete(calibrationKey(calibration));
    await name("early", calibration);
    expect(await isolate.current()).toMatchObject({ source: "default", error: expect.stringContaining("not in KV") });
    await env.CONFIG.put(calibrationKey(calibration), text);
    const found = { source: "kv", error: null, config: { version: "early" }, calibration: { fittedOn: { n: 1 } } };
    expect(await isolate.current()).toMatchObject(found);
  });

  test("what cannot become good is read once", async () => {
    const store = storeInIsolate();
    const calibration = await storeCalibrationText("{}");
    await name("bad", calibration);
    const [first] = await store.together(10);
    expect(first?.error).toContain(`calibration: ${calibration}: calibrationVersion`);
    expect((await store.current()).error).toBe(first?.error);
    expect(store.reads()).toBe(1);
  });

  test("what is damaged is read again, once for all, and in force when it is mended", async () => {
    const store = storeInIsolate();
    const calibration = await fittedOn(1);
    const text = (await env.CONFIG.get(calibrationKey(calibration))) ?? "";
    await env.CONFIG.put(calibrationKey(calibration), text.slice(1));
    await name("mended", calibration);
    const [damaged] = await store.together(10);
    expect(damaged?.error).toContain("damaged in KV");
    expect(store.reads()).toBe(1);
    await env.CONFIG.put(calibrationKey(calibration), text);
    expect(await store.current()).toMatchObject({ source: "kv", calibration: { fittedOn: { n: 1 } } });
    expect(store.reads()).toBe(2);
  });

  test("so many refusals are remembered, and the oldest of one more is not", async () => {
    const store = storeInIsolate();
    const refused: string[] = [];
    for (let n = 0; n <= MAX_REFUSED_CALIBRATIONS; n++) refused.push(await storeCalibrationText(`[${n}]`));
    const readsAfter = async (calibration = "") => {
      await name("bad", calibration);
      await store.current();
      return store.reads();
    };
    for (const calibration of refused.slice(0, -1)) await readsAfter(calibration);
    expect(await readsAfter(refused[0])).toBe(MAX_REFUSED_CALIBRATIONS);
    expect(await readsAfter(refused.at(-1))).toBe(MAX_REFUSED_CALIBRATIONS + 1);
    expect(await readsAfter(refused[1])).toBe(MAX_REFUSED_CALIBRATIONS + 1);
    expect(await readsAfter(refused[0])).toBe(MAX_REFUSED_CALIBRATIONS + 2);
  });

  test("KV that does not answer leaves what the isolate holds in force", async () => {
    let isDown = false;
    const failing = new Proxy(env.CONFIG, {
      get: (target, property) => (key: string, options: never) =>
        isDown && key.startsWith("calibration:")
          ? Promise.reject(new Error("KV is down"))
          : Reflect.get(target, property).bind(target)(key, options),
    });
    const isolate = storeInIsolate(failing);
    await name("held", await fittedOn(1));
    await isolate.current();
    await name("next", await fittedOn(2));
    isDown = true;
    expect(await isolate.current()).toMatchObject({
      source: "last-good",
      error: "KV could not be read",
      config: { version: "held" },
      calibration: { fittedOn: { n: 1 } },
    });
    isDown = false;
    expect(await isolate.current()).toMatchObject({ source: "kv", error: null, calibration: { fittedOn: { n: 2 } } });
  });
});

describe("over HTTP", () => {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, "if-match": "*" };

  test("PUT with a calibration that KV holds: shown by GET, and its calibrators among the models", async () => {
    const calibration = await storeCalibration((changed) => {
      changed.exits[0] = { temperature: 1, probability: [0, 1], frequency: [0.25, 0.75] };
      changed.fittedOn.dataset = "put";
    });
    const config = await name("by-put", calibration);
    await env.CONFIG.delete("config");
    const app = startApp();
    const response = await app.fetch("/v1/config", { method: "PUT", body: JSON.stringify(config), headers });
    expect(response.status).toBe(200);
    expect(await (await app.fetch("/v1/config")).json()).toMatchObject({ config: { calibration }, source: "kv" });
    const { models } = await (await app.fetch("/v1/models")).json<{ models: Record<string, unknown>[] }>();
    expect(models[0]).toMatchObject({
      calibratedOn: { dataset: "put" },
      exits: expect.arrayContaining([
        expect.objectContaining({ calibrator: { temperature: 1, probability: [0, 1], frequency: [0.25, 0.75] } }),
      ]),
      cloud: { large: { calibrator: modelBundle.calibration.cloud } },
    });
  });

  test("PUT with an unknown one is refused with its name, and the old configuration stays", async () => {
    await name("before", null);
    const config = await name("unknown", UNKNOWN);
    await name("before", null);
    const app = startApp();
    const response = await app.fetch("/v1/config", { method: "PUT", body: JSON.stringify(config), headers });
    expect(response.status).toBe(400);
    const detail = `calibration: ${UNKNOWN}: not in KV`;
    expect(await response.json()).toMatchObject({ reason: "invalid-config", detail });
    expect(await (await app.fetch("/v1/config")).json()).toMatchObject({ version: "before", source: "kv" });
  });
});
