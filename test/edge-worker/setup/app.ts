// The whole Worker inside a test: real KV, real Durable Objects, the real model, and a cloud that the
// test chooses by its address.
import { createExecutionContext, reset, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { Calibration } from "@spillway/shared/schema/calibration";
import { calibrationKey } from "@spillway/shared/schema/calibration-check";
import { CONFIG_KEY, type Config, defaultConfig } from "@spillway/shared/schema/config";
import type { Result } from "@spillway/shared/schema/result";
import { modelBundle } from "../../../edge-worker/generated/model.ts";
import { createApp } from "../../../edge-worker/src/app.ts";
import { createIsolate, type Isolate } from "../../../edge-worker/src/isolate.ts";
import { sha256Hex } from "../../../edge-worker/src/sha256.ts";

export const ADMIN_TOKEN = "test-token";

export interface TestApp {
  fetch(path: string, init?: RequestInit): Promise<Response>;
  classify(image: Uint8Array<ArrayBuffer>, query?: string, headers?: Record<string, string>): Promise<Result>;
}

/** A fresh isolate's worth of the Worker; `variables` take the place of wrangler.toml's. */
export function startApp(variables: Record<string, string> = {}, bundle = modelBundle): TestApp {
  let isolate: Isolate | undefined;
  const app = createApp((env) => {
    isolate ??= createIsolate(env, bundle);
    return isolate;
  });
  async function fetchApp(path: string, init: RequestInit = {}): Promise<Response> {
    const context = createExecutionContext();
    const request = new Request(`http://edge.test${path}`, init);
    const response = await app.fetch(request, { ...env, ...variables }, context);
    await waitOnExecutionContext(context);
    return response;
  }
  return {
    fetch: fetchApp,
    async classify(image, query = "", headers = {}) {
      const init = { method: "POST", body: image, headers: { "content-type": "image/png", ...headers } };
      const response = await fetchApp(`/v1/classify${query}`, init);
      if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
      return response.json();
    },
  };
}

/** The default configuration with some parts changed, in KV before the Worker reads it. */
export async function storeConfig(change: (config: Config) => void = () => {}, bundle = modelBundle): Promise<Config> {
  const config = defaultConfig(bundle.manifest, bundle.hash, bundle.calibration);
  config.version = "test";
  change(config);
  await env.CONFIG.put(CONFIG_KEY, JSON.stringify(config));
  return config;
}

/** The bundle's calibration with some parts changed, in KV under its SHA-256, which it returns. */
export async function storeCalibration(change: (calibration: Calibration) => void = () => {}): Promise<string> {
  const calibration = structuredClone(modelBundle.calibration);
  change(calibration);
  return storeCalibrationText(JSON.stringify(calibration));
}

export async function storeCalibrationText(text: string): Promise<string> {
  const sha256 = await sha256Hex(text);
  await env.CONFIG.put(calibrationKey(sha256), text);
  return sha256;
}

/** No exit is ever confident, and every image is worth a token of a bucket that never runs dry; it goes whole. */
export function alwaysOffload(config: Config): void {
  for (const exit of config.edge.exits) exit.threshold = 1.5;
  config.offload.route = "large";
  config.offload.threshold = -1;
  config.offload.bucket = { rate: 1000, depth: 1000 };
  config.offload.timeoutMs = 20_000;
}

export { env, reset };
