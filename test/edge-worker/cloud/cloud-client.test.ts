// One contract for every way of reaching a cloud: the real backend, and a cloud with every fault.

import { describe, expect, inject, test } from "vitest";
import { modelBundle } from "../../../edge-worker/generated/model.ts";
import type { CloudCall, CloudClient } from "../../../edge-worker/src/cloud/cloud-client.ts";
import { createHttpClient } from "../../../edge-worker/src/cloud/http-client.ts";
import { LARGE_MODEL_NAME, largeQuestion } from "../../../edge-worker/src/cloud/large-route.ts";
import { createSagemakerClient } from "../../../edge-worker/src/cloud/sagemaker-client.ts";
import type { SeenCall } from "../setup/seen-call.ts";

const { large } = modelBundle.manifest.cloud;
const classes = modelBundle.manifest.labels.length;
const { width, height } = large.preprocessing;
const picture = { width, height, data: Float64Array.from({ length: width * height * 3 }, (_, k) => (k * 37) % 256) };
const TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

const question = largeQuestion({ id: "test", traceparent: TRACEPARENT }, picture, modelBundle.manifest, {
  temperature: 1,
});

function call(): CloudCall {
  return { ...question.encode(20_000), model: LARGE_MODEL_NAME, traceparent: TRACEPARENT };
}

/** A body of its own, as a frame is. */
const FRAME = new Uint8Array([0xf7, 0, 255, 13, 10, 61]);
function rawCall(): CloudCall {
  const message = { body: FRAME, headerBytes: 0 };
  return { model: "tail", message, timeoutMs: 250, traceparent: TRACEPARENT };
}

const CLIENTS: Record<string, (url: string) => CloudClient> = {
  http: (url) => createHttpClient({ url }),
  sagemaker: (url) =>
    createSagemakerClient({
      endpointName: "spillway",
      region: "us-east-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
      endpoint: url,
    }),
};

/** How the trace travels; the model is in the path, except where that is the endpoint's. */
const CARRIED: Record<string, Record<string, string>> = {
  http: { traceparent: TRACEPARENT },
  sagemaker: { "x-amzn-sagemaker-custom-attributes": `traceparent=${TRACEPARENT};model=large` },
};

/** How a raw body is told from a message, and how long its sender waits. */
const RAW: Record<string, Record<string, string>> = {
  http: {
    "content-type": "application/octet-stream",
    "inference-header-content-length": "0",
    "x-request-timeout-ms": "250",
  },
  sagemaker: {
    "content-type": "application/vnd.sagemaker-triton.binary+json;json-header-size=0",
    "x-amzn-sagemaker-custom-attributes": `traceparent=${TRACEPARENT};model=tail;timeout-ms=250`,
  },
};

const FAILURES = [
  { fault: "status-400", reason: "cloud-error", mayHaveWorked: false, refused: "request" },
  { fault: "status-404", reason: "cloud-error", mayHaveWorked: false, refused: "model" },
  { fault: "status-429", reason: "cloud-overloaded", mayHaveWorked: false },
  { fault: "status-500", reason: "cloud-error", mayHaveWorked: true },
  { fault: "status-503", reason: "cloud-overloaded", mayHaveWorked: false },
  { fault: "status-521", reason: "cloud-error", mayHaveWorked: false },
  { fault: "redirect", reason: "cloud-error", mayHaveWorked: true },
  { fault: "reset", reason: "cloud-error", mayHaveWorked: true },
  { fault: "reset-in-body", reason: "cloud-error", mayHaveWorked: true },
  { fault: "not-json", reason: "cloud-error", mayHaveWorked: true },
  { fault: "empty", reason: "cloud-error", mayHaveWorked: true },
  { fault: "bad-header-length", reason: "cloud-error", mayHaveWorked: true },
  { fault: "huge", reason: "cloud-error", mayHaveWorked: true },
] as const;

describe.each(Object.entries(CLIENTS))("%s client", (name, createClient) => {
  test("brings back the large model's logits", async () => {
    const reply = await createClient(inject("cloudUrl")).infer(call(), AbortSignal.timeout(20_000));
    if (!reply.ok) expect.fail(reply.detail);
    expect(question.read(reply.response).length).toBe(classes);
    expect(reply.response.id).toBe("test");
  });

  test("says which trace a call belongs to, and which model it asks", async () => {
    const client = createClient(`${inject("faultyUrl")}/mirror`);
    const reply = await client.infer(call(), AbortSignal.timeout(20_000));
    if (!reply.ok) expect.fail(reply.detail);
    const seen: SeenCall[] = JSON.parse(reply.response.id ?? "");
    expect(seen.at(-1)?.headers).toMatchObject(CARRIED[name]);
  });

  test("sends a raw body as it is", async () => {
    const client = createClient(`${inject("faultyUrl")}/mirror`);
    const reply = await client.infer(rawCall(), AbortSignal.timeout(20_000));
    if (!reply.ok) expect.fail(reply.detail);
    const seen: SeenCall[] = JSON.parse(reply.response.id ?? "");
    expect(seen.at(-1)?.headers).toMatchObject(RAW[name]);
    expect(seen.at(-1)?.body).toBe(btoa(String.fromCharCode(...FRAME)));
  });

  test.each(FAILURES)("$fault is $reason", async ({ fault, reason, mayHaveWorked, ...refusal }) => {
    const client = createClient(`${inject("faultyUrl")}/${fault}`);
    const reply = await client.infer(call(), AbortSignal.timeout(20_000));
    expect(reply).toMatchObject({ ok: false, reason, mayHaveWorked, refused: null, ...refusal });
  });

  // workerd reports a refused connection in the words of a broken one, so it must count as one.
  test("a refused connection is cloud-error", async () => {
    const client = createClient(inject("refusingUrl"));
    const reply = await client.infer(call(), AbortSignal.timeout(20_000));
    expect(reply).toMatchObject({ ok: false, reason: "cloud-error", mayHaveWorked: true });
  });

  test.each(["hang", "hang-in-body"])("%s ends with the signal", async (fault) => {
    const abort = new AbortController();
    const client = createClient(`${inject("faultyUrl")}/${fault}`);
    const pending = client.infer(call(), abort.signal);
    abort.abort();
    expect(await pending).toMatchObject({ ok: false, reason: "cloud-timeout", mayHaveWorked: true });
  });

  test.each(["wrong-classes", "wrong-output"])("%s is read, and refused by the route", async (fault) => {
    const client = createClient(`${inject("faultyUrl")}/${fault}`);
    const reply = await client.infer(call(), AbortSignal.timeout(20_000));
    if (!reply.ok) expect.fail(reply.detail);
    expect(() => question.read(reply.response)).toThrow(/^reply: /);
  });
});
