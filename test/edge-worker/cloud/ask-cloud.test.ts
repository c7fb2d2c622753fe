// What each attempt tells the cloud, as a cloud sees it on a real socket.
import { describe, expect, inject, test } from "vitest";
import { askCloud, type CloudQuestion } from "../../../edge-worker/src/cloud/ask-cloud.ts";
import { CircuitBreaker } from "../../../edge-worker/src/cloud/circuit-breaker.ts";
import type { CloudClient } from "../../../edge-worker/src/cloud/cloud-client.ts";
import { createHttpClient } from "../../../edge-worker/src/cloud/http-client.ts";
import { tensorBody } from "../../../edge-worker/src/cloud/tensor-message.ts";
import { traceparentOf } from "../../../edge-worker/src/cloud/traceparent.ts";
import type { SeenCall } from "../setup/seen-call.ts";

const TIMEOUT_MS = 30_000;

/** A question of a trace of its own; the answer is all that the cloud saw of it. */
function question(parameters: Record<string, number> = {}): CloudQuestion<SeenCall[]> {
  const traceparent = traceparentOf(undefined, crypto.randomUUID(), crypto.getRandomValues(new Uint8Array(8)));
  const input = { name: "image", datatype: "UINT8" as const, shape: [1], bytes: new Uint8Array([7]) };
  const encode = tensorBody({ id: "test", inputs: [input], parameters });
  return { model: "large", id: "test", traceparent, encode, read: ({ id }) => JSON.parse(id ?? "") };
}

/** The same, first as a body without a message. */
function rawQuestion(): CloudQuestion<SeenCall[]> {
  const plainly = question();
  const body = new Uint8Array([1, 2, 3]);
  return {
    ...plainly,
    encode: (timeLeftMs) => ({ message: { body, headerBytes: 0 }, timeoutMs: Math.ceil(timeLeftMs) }),
    plainly,
  };
}

/** Asks on a clock that moves on by so much with every look. */
async function ask(
  fault: string,
  asked: CloudQuestion<SeenCall[]>,
  retries: number,
  { tickMs = 0, timeoutMs = TIMEOUT_MS, circuit = new CircuitBreaker({ failures: 5, openMs: 1_000 }) } = {},
) {
  let nowMs = 1_000;
  let calls = 0;
  const client = createHttpClient({ url: `${inject("faultyUrl")}/${fault}` });
  const cloud: CloudClient = {
    infer: (call, signal) => {
      calls += 1;
      return client.infer(call, signal);
    },
  };
  const services = { cloud, circuit, now: () => (nowMs += tickMs) };
  const outcome = await askCloud(asked, { timeoutMs, isDeadline: false, retries }, services);
  return { ...outcome, calls };
}

describe("an attempt", () => {
  test("carries the trace, and in microseconds how long its answer will be waited for", async () => {
    const asked = question({ priority: 2 });
    const outcome = await ask("mirror", asked, 0);
    if (!outcome.ok) expect.fail(outcome.reason);
    expect(outcome.answer).toHaveLength(1);
    const [{ headers, parameters }] = outcome.answer;
    expect(headers.traceparent).toBe(asked.traceparent);
    expect(parameters).toEqual({ priority: 2, binary_data_output: true, timeout: TIMEOUT_MS * 1_000 });
    expect(outcome.bytesSent).toBe(Number(headers["content-length"]));
  });

  test("that follows another has only what that one left", async () => {
    const asked = question();
    const outcome = await ask("mirror-after-500", asked, 1, { tickMs: 1.5 });
    if (!outcome.ok) expect.fail(outcome.reason);
    const [first, second] = outcome.answer.map(({ parameters }) => Number(parameters.timeout));
    expect(first).toBeLessThan(TIMEOUT_MS * 1_000);
    expect(second).toBeLessThan(first);
    expect(second).toBeGreaterThan((TIMEOUT_MS - 100) * 1_000);
    expect(outcome.answer.map(({ headers }) => headers.traceparent)).toEqual(Array(2).fill(asked.traceparent));
    const lengths = outcome.answer.map(({ headers }) => Number(headers["content-length"]));
    expect(outcome.bytesSent).toBe(lengths[0] + lengths[1]);
  });

  test("asks for a whole number of microseconds, and for one at least", async () => {
    const outcome = await ask("mirror", question(), 0, { tickMs: 0.12345 });
    if (!outcome.ok) expect.fail(outcome.reason);
    expect(outcome.answer[0].parameters.timeout).toSatisfy(Number.isInteger);
    // By this clock nothing is left at all, and 0 would mean that there is no limit.
    const late = await ask("mirror", question(), 0, { tickMs: TIMEOUT_MS });
    if (!late.ok) expect.fail(late.reason);
    expect(late.answer[0].parameters.timeout).toBe(1);
  });
});

describe("a failure", () => {
  test.each([
    ["status-500", "cloud-error"],
    ["reset", "cloud-error"],
    ["reset-in-body", "cloud-error"],
  ])("that may pass is retried as often as allowed: %s", async (fault, reason) => {
    expect(await ask(fault, question(), 2)).toMatchObject({ ok: false, reason, mayHaveWorked: true, calls: 3 });
    expect(await ask(fault, question(), 0)).toMatchObject({ ok: false, reason, mayHaveWorked: true, calls: 1 });
  });

  test.each([
    ["status-400", "cloud-error"],
    ["status-401", "cloud-error"],
    ["status-404", "cloud-error"],
    ["status-429", "cloud-overloaded"],
    ["status-503", "cloud-overloaded"],
  ])("that is a refusal is final: %s", async (fault, reason) => {
    expect(await ask(fault, question(), 2)).toMatchObject({ ok: false, reason, mayHaveWorked: false, calls: 1 });
  });

  test("that took all the time is final", async () => {
    const outcome = await ask("hang", question(), 2, { timeoutMs: 50 });
    expect(outcome).toMatchObject({ ok: false, reason: "cloud-timeout", mayHaveWorked: true, calls: 1 });
  });

  test("that is a refusal after one that may have worked leaves that open", async () => {
    const outcome = await ask("status-503-after-500", question(), 2);
    expect(outcome).toMatchObject({ ok: false, reason: "cloud-overloaded", mayHaveWorked: true, calls: 2 });
  });
});

describe("a raw body that is refused", () => {
  test("is asked plainly at once, without a retry, and counts as no failure", async () => {
    const circuit = new CircuitBreaker({ failures: 1, openMs: 1_000 });
    const outcome = await ask("refuses-raw", rawQuestion(), 0, { circuit });
    if (!outcome.ok) expect.fail(outcome.reason);
    expect(outcome).toMatchObject({ attempts: 2, calls: 2, isPlain: true });
    expect(outcome.bytesSent).toBe(3 + Number(outcome.answer[0].headers["content-length"]));
    expect(circuit.isOpen(1_000)).toBe(false);
  });

  test("is asked plainly even when the circuit lets but one call try", async () => {
    const circuit = new CircuitBreaker({ failures: 1, openMs: 1_000 });
    circuit.failed(0);
    expect(await ask("refuses-raw", rawQuestion(), 0, { circuit })).toMatchObject({ ok: true, isPlain: true });
  });

  test("as well as the plain one is refused for good", async () => {
    const outcome = await ask("status-400", rawQuestion(), 2);
    expect(outcome).toMatchObject({ ok: false, refused: "request", mayHaveWorked: false, attempts: 2 });
  });

  test.each([
    ["status-404", "model"],
    ["status-500", null],
    ["status-503", null],
  ])("with %s is not asked plainly", async (fault, refused) => {
    expect(await ask(fault, rawQuestion(), 0)).toMatchObject({ ok: false, refused, attempts: 1, isPlain: false });
  });
});

test("a question that the circuit stops was never sent", async () => {
  const circuit = new CircuitBreaker({ failures: 1, openMs: 60_000 });
  circuit.open(1_000);
  const outcome = await ask("mirror", question(), 2, { circuit });
  expect(outcome).toMatchObject({
    reason: "circuit-open",
    mayHaveWorked: false,
    bytesSent: null,
    attempts: 0,
    calls: 0,
  });
});
