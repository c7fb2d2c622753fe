// What the app does around its routes: the end of the process, and failures nobody expected.
import { afterEach, describe, expect, it } from "vitest";
import { createApp } from "../../cloud-backend/src/app.ts";
import type { Model } from "../../cloud-backend/src/inference/model.ts";
import { startTracing } from "../../cloud-backend/src/telemetry/tracing.ts";
import { fixedRepository } from "./setup/fixed-repository.ts";
import { largeGraph, servedModel } from "./setup/graphs.ts";
import { jsonMessage, post, samplePixels } from "./setup/messages.ts";
import { type RunningApp, startApp } from "./setup/running-app.ts";

let app: RunningApp | undefined;
afterEach(() => app?.close());

describe("when the process is about to end", () => {
  it("it is not ready, still answers what comes over kept connections, and closes them", async () => {
    app = await startApp();
    app.announceStop();
    for (const [path, status] of [
      ["/ping", 503],
      ["/v2/health/ready", 503],
      ["/v2/models/large/ready", 503],
      ["/v2/health/live", 200],
    ] as const) {
      const response = await fetch(app.url + path);
      expect(response.status).toBe(status);
      expect(response.headers.get("Connection")).toBe("close");
    }
    const response = await post(`${app.url}/v2/models/large/infer`, jsonMessage(samplePixels()));
    expect(response.status).toBe(200);
    expect(response.headers.get("Connection")).toBe("close");
  });
});

describe("an unexpected failure", () => {
  it("answers 500 without a word about the inside, and logs all of it", async () => {
    const model: Model = await servedModel(await largeGraph());
    model.infer = () => Promise.reject(new RangeError("secret: /srv/models"));
    const log: unknown[][] = [];
    const broken = createApp({
      repository: fixedRepository([model]),
      log: (...line) => log.push(line),
      tracing: await startTracing(null, () => undefined),
      isStopping: () => false,
    });
    const response = await broken.request("/v2/models/large/infer", {
      method: "POST",
      body: jsonMessage(samplePixels()),
    });
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({ error: "internal error" });
    const fields = {
      method: "POST",
      path: "/v2/models/large/infer",
      error: expect.stringContaining("secret: /srv/models"),
    };
    expect(log.filter(([level]) => level === "error")).toEqual([["error", "request-failed", fields]]);
    expect(model.admission.requests).toBe(0);
  });
});
