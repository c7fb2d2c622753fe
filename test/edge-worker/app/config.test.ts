// The live configuration: KV, its checks, and the last good one.
import { CONFIG_KEY, type Config, defaultConfig } from "@spillway/shared/schema/config";
import { beforeEach, describe, expect, test } from "vitest";
import { modelBundle } from "../../../edge-worker/generated/model.ts";
import { createConfigStore } from "../../../edge-worker/src/config/config-store.ts";
import { CONFIG_MAX_AGE_MS } from "../../../edge-worker/src/limits.ts";
import { ADMIN_TOKEN, env, reset, startApp, storeConfig, type TestApp } from "../setup/app.ts";

const standard = () => defaultConfig(modelBundle.manifest, modelBundle.hash, modelBundle.calibration);

/** Waits for what a request would leave running behind it. */
const background = (work: Promise<unknown>) => void pending.push(work);
const pending: Promise<unknown>[] = [];

const version = (name: string) => (config: Config) => {
  config.version = name;
};

beforeEach(reset);

describe("the store", () => {
  function storeWithClock() {
    let nowMs = 0;
    const { current } = createConfigStore(env.CONFIG, modelBundle, () => nowMs);
    const store = {
      async current() {
        const { storedText: _text, calibration: _calibration, ...effective } = await current(background);
        await Promise.all(pending);
        return effective;
      },
    };
    const advance = (ms: number) => {
      nowMs += ms;
    };
    return { store, advance };
  }

  test("empty KV is the default", async () => {
    expect(await storeWithClock().store.current()).toEqual({ config: standard(), source: "default", error: null });
  });

  test("a change acts when the isolate's copy is too old, and not before", async () => {
    const { store, advance } = storeWithClock();
    await storeConfig();
    expect((await store.current()).config.version).toBe("test");
    await storeConfig(version("later"));
    advance(CONFIG_MAX_AGE_MS - 1);
    expect((await store.current()).config.version).toBe("test");
    advance(1);
    expect((await store.current()).config.version).toBe("later");
  });

  test.each([
    ["no JSON", "{"],
    ["another model", JSON.stringify({ ...standard(), model: "0".repeat(64) })],
    ["an unknown field", JSON.stringify({ ...standard(), extra: 1 })],
  ])("%s in KV leaves the last good one in force", async (_name, bad) => {
    const { store, advance } = storeWithClock();
    await storeConfig();
    await store.current();
    await env.CONFIG.put(CONFIG_KEY, bad);
    advance(CONFIG_MAX_AGE_MS);
    const effective = await store.current();
    expect(effective).toMatchObject({ source: "last-good", config: { version: "test" } });
    expect(effective.error).toBeTypeOf("string");
    // An isolate that starts only now knows the last good one too.
    expect(await storeWithClock().store.current()).toMatchObject({ source: "last-good", config: { version: "test" } });
    await storeConfig(version("good-again"));
    advance(CONFIG_MAX_AGE_MS);
    expect(await store.current()).toMatchObject({ source: "kv", error: null, config: { version: "good-again" } });
  });

  test("bad from the beginning is the default, and says why", async () => {
    await env.CONFIG.put(CONFIG_KEY, "{}");
    const effective = await storeWithClock().store.current();
    expect(effective).toMatchObject({ source: "default", config: standard() });
    expect(effective.error).toContain("version");
  });

  test("a request cancelled while it reads leaves the others their own reading", async () => {
    await storeConfig(version("first"));
    let isStuck = false;
    const never = new Promise<never>(() => {});
    const kv = new Proxy(env.CONFIG, {
      get: (target, property) =>
        property === "get" && isStuck ? () => never : Reflect.get(target, property).bind(target),
    });
    let nowMs = 0;
    const store = createConfigStore(kv, modelBundle, () => nowMs);
    await store.current(background);
    await storeConfig(version("second"));
    nowMs += CONFIG_MAX_AGE_MS;
    isStuck = true;
    void store.current(background);
    isStuck = false;
    expect((await store.current(background)).config.version).toBe("second");
  });

  test("KV that does not answer leaves what the isolate holds in force, and says so", async () => {
    const kv = new Proxy(env.CONFIG, { get: () => () => Promise.reject(new Error("KV is down")) });
    const effective = await createConfigStore(kv, modelBundle, () => 0).current(background);
    expect(effective).toMatchObject({ source: "default", error: "KV could not be read" });
  });

  test("removing the configuration returns to the default", async () => {
    const { store, advance } = storeWithClock();
    await storeConfig();
    await store.current();
    await env.CONFIG.delete(CONFIG_KEY);
    advance(CONFIG_MAX_AGE_MS);
    expect(await store.current()).toMatchObject({ source: "default", error: null });
  });
});

describe("over HTTP", () => {
  const put = (app: TestApp, body: unknown, headers: Record<string, string>) =>
    app.fetch("/v1/config", { method: "PUT", body: JSON.stringify(body), headers });
  const asAdmin = { authorization: `Bearer ${ADMIN_TOKEN}` };

  test("GET, change, PUT with the ETag: in force at once, and refused a second time", async () => {
    const app = startApp();
    const before = await app.fetch("/v1/config");
    const etag = before.headers.get("etag") ?? "";
    const { config } = await before.json<{ config: ReturnType<typeof standard> }>();
    config.version = "by-put";
    const response = await put(app, config, { ...asAdmin, "if-match": etag });
    expect(response.status).toBe(200);
    const after = await app.fetch("/v1/config");
    expect(await after.json()).toMatchObject({ version: "by-put", source: "kv", error: null });
    expect(after.headers.get("etag")).toBe(response.headers.get("etag"));
    expect((await put(app, config, { ...asAdmin, "if-match": etag })).status).toBe(412);
  });

  test("the ETag is of the configuration shown, so a change made elsewhere is not overwritten", async () => {
    await storeConfig(version("shown"));
    const app = startApp();
    await app.fetch("/v1/config");
    await storeConfig(version("made-elsewhere"));
    const shown = await app.fetch("/v1/config");
    const { config } = await shown.json<{ config: Config }>();
    const headers = { ...asAdmin, "if-match": shown.headers.get("etag") ?? "" };
    expect((await put(app, config, headers)).status).toBe(412);
  });

  test("a tag that a proxy has weakened still matches", async () => {
    const app = startApp();
    const etag = (await app.fetch("/v1/config")).headers.get("etag");
    expect((await put(app, standard(), { ...asAdmin, "if-match": `W/${etag}` })).status).toBe(200);
  });

  test("a bad value is refused with its path, and the old one stays", async () => {
    const app = startApp();
    const bad = { ...standard(), offload: { ...standard().offload, threshold: 7 } };
    const response = await put(app, bad, { ...asAdmin, "if-match": "*" });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ detail: expect.stringContaining("offload.threshold") });
    expect(await (await app.fetch("/v1/config")).json()).toMatchObject({ source: "default", config: standard() });
  });

  test.each([
    ["no token", {}, 401],
    ["a wrong token", { authorization: "Bearer wrong", "if-match": "*" }, 401],
    ["no If-Match", asAdmin, 428],
    ["an old If-Match", { ...asAdmin, "if-match": '"old"' }, 412],
  ])("%s", async (_name, headers, status) => {
    expect((await put(startApp(), standard(), headers)).status).toBe(status);
  });

  test("more bytes than a configuration has", async () => {
    const response = await put(startApp(), "x".repeat(65_536), { ...asAdmin, "if-match": "*" });
    expect(response.status).toBe(413);
  });
});
