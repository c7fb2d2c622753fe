// Which way an offload goes in the end, with a cloud that answers as told.
import { tensorOf } from "@spillway/shared/protocol/tensor";
import type { SendOption } from "@spillway/shared/split/controller";
import { beforeAll, describe, expect, test } from "vitest";
import { askByRoute } from "../../../edge-worker/src/cloud/ask-route.ts";
import { CircuitBreaker } from "../../../edge-worker/src/cloud/circuit-breaker.ts";
import { type CloudCall, type CloudReply, failureOfStatus } from "../../../edge-worker/src/cloud/cloud-client.ts";
import { TailAccess } from "../../../edge-worker/src/cloud/tail-access.ts";
import type { ModelBundle } from "../../../edge-worker/src/inference/model-bundle.ts";
import { FRAMES_AGAIN_MS } from "../../../edge-worker/src/limits.ts";
import { smallBundle, smallImage } from "../setup/small-model.ts";

const TAIL: SendOption = { route: "tail", setting: "4x4", bytes: 45, gainShare: 0.9 };
const CIRCUIT = { failures: 2, openMs: 1_000 };
const TIMEOUT_MS = 500;

let bundle: ModelBundle;
let features: Float32Array;
beforeAll(async () => {
  bundle = await smallBundle();
  ({ features } = await smallImage(1));
});

const isFrame = ({ message }: CloudCall) => message.headerBytes === 0;
const status = (code: number): CloudReply => failureOfStatus(code, String(code));
function logitsFrom(model: string, parameters?: Record<string, string>): CloudReply {
  const outputs = [tensorOf("logits", [1, 3], new Float32Array([1, 2, 3]))];
  return { ok: true, response: { modelName: model, parameters, outputs } };
}
/** As a cloud does that has both. */
const well = ({ model }: CloudCall) => logitsFrom(model);

/** One isolate's services with this cloud; each call takes so long. */
function isolateOf(reply: (call: CloudCall) => CloudReply, callMs = 10) {
  let nowMs = 0;
  const calls: string[] = [];
  const services = {
    cloud: {
      async infer(call: CloudCall) {
        calls.push(`${call.model}${call.model === "tail" ? (isFrame(call) ? " frame" : " tensors") : ""}`);
        nowMs += callMs;
        return reply(call);
      },
    },
    circuit: new CircuitBreaker(CIRCUIT),
    tail: new TailAccess(new CircuitBreaker(CIRCUIT), true),
    now: () => nowMs,
  };
  async function ask({ mayChange = true, values = features, retries = 0 } = {}) {
    calls.length = 0;
    const image = { width: 4, height: 4, data: new Float64Array(48) };
    const sendable = { id: "a", traceparent: "t", image, features: values };
    const patience = { timeoutMs: TIMEOUT_MS, isDeadline: false, retries };
    const outcome = await askByRoute({ chosen: TAIL, mayChange }, sendable, patience, bundle, services);
    return { outcome, calls: [...calls] };
  }
  function wait(ms: number): void {
    nowMs += ms;
  }
  return { ask, wait, tail: services.tail, circuit: services.circuit };
}

describe("a server that takes no frames", () => {
  test.each([400, 415, 422])("with %i is asked with tensors, from then on at once", async (code) => {
    const { ask, circuit, tail } = isolateOf((call) => (isFrame(call) ? status(code) : well(call)));
    const first = await ask();
    expect(first.calls).toEqual(["tail frame", "tail tensors"]);
    expect(first.outcome).toMatchObject({ ok: true, sent: { route: "tail", setting: "4x4" }, attempts: 2 });
    const second = await ask();
    expect(second.calls).toEqual(["tail tensors"]);
    expect(second.outcome).toMatchObject({ ok: true, attempts: 1 });
    expect([circuit.isOpen(0), tail.isOffered(0)]).toEqual([false, true]);
  });

  test("is asked with a frame again after a while, as another may have taken its place", async () => {
    const { ask, wait } = isolateOf((call) => (isFrame(call) ? status(400) : well(call)));
    await ask();
    wait(FRAMES_AGAIN_MS);
    expect((await ask()).calls).toEqual(["tail frame", "tail tensors"]);
    expect((await ask()).calls).toEqual(["tail tensors"]);
  });

  test("is asked with a frame again when the tensors did not get through either", async () => {
    let isBusy = true;
    const { ask } = isolateOf((call) => (isFrame(call) ? status(400) : isBusy ? status(503) : well(call)));
    expect((await ask()).outcome).toMatchObject({ ok: false, reason: "cloud-overloaded", mayHaveWorked: false });
    isBusy = false;
    expect((await ask()).calls).toEqual(["tail frame", "tail tensors"]);
  });
});

describe("a cloud without the tail", () => {
  test("gets the image where the route may change, and is not asked for the tail for a while", async () => {
    const { ask, tail } = isolateOf((call) => (call.model === "tail" ? status(404) : well(call)));
    const { outcome, calls } = await ask();
    expect(calls).toEqual(["tail frame", "large"]);
    expect(outcome).toMatchObject({ ok: true, sent: { route: "large", setting: null }, attempts: 2 });
    expect(tail.isOffered(CIRCUIT.openMs)).toBe(false);
    // Whoever chose it before it was known.
    expect((await ask()).calls).toEqual(["large"]);
    expect(tail.isOffered(10 + CIRCUIT.openMs)).toBe(true);
  });

  test("that refuses features in both forms counts as one", async () => {
    const { ask, tail } = isolateOf((call) => (call.model === "tail" ? status(400) : well(call)));
    expect((await ask()).calls).toEqual(["tail frame", "tail tensors", "large"]);
    expect(tail.isOffered(0)).toBe(false);
  });

  test("answers for nobody who wants the tail", async () => {
    const { ask, circuit } = isolateOf(() => status(404));
    const { outcome, calls } = await ask({ mayChange: false });
    expect(calls).toEqual(["tail frame"]);
    expect(outcome).toMatchObject({ ok: false, reason: "cloud-error", mayHaveWorked: false, sent: { route: "tail" } });
    expect((await ask({ mayChange: false })).outcome).toMatchObject({ reason: "circuit-open", bytesSent: null });
    expect(circuit.isOpen(0)).toBe(false);
  });

  test("gets the image only while there is time", async () => {
    const { ask } = isolateOf((call) => (call.model === "tail" ? status(404) : well(call)), TIMEOUT_MS);
    expect((await ask()).calls).toEqual(["tail frame"]);
  });

  test("counts the bytes of both, and that the second may have worked", async () => {
    const { ask } = isolateOf((call) => status(call.model === "tail" ? 404 : 500));
    const { outcome } = await ask();
    const alone = await isolateOf(() => status(404)).ask({ mayChange: false });
    expect(outcome).toMatchObject({ ok: false, mayHaveWorked: true, sent: { route: "large" } });
    expect(outcome.sent.bytesSent).toBeGreaterThan((alone.outcome.sent.bytesSent ?? 0) + 48);
  });
});

test.each([500, 503])("a tail that fails with %i is no reason to go elsewhere", async (code) => {
  const { ask } = isolateOf((call) => (call.model === "tail" ? status(code) : well(call)));
  const { outcome, calls } = await ask();
  expect(calls).toEqual(["tail frame"]);
  expect(outcome).toMatchObject({ ok: false, sent: { route: "tail", setting: "4x4" }, mayHaveWorked: code === 500 });
});

test("a tail that keeps failing closes the way to itself only", async () => {
  const { ask, circuit, tail } = isolateOf((call) => (call.model === "tail" ? status(500) : well(call)));
  for (let k = 0; k < CIRCUIT.failures; k++) await ask();
  expect([circuit.isOpen(0), tail.isOffered(0)]).toEqual([false, false]);
  expect((await ask()).calls).toEqual(["large"]);
});

test.each([
  ["no number", Number.NaN],
  ["infinite", Number.POSITIVE_INFINITY],
])("features of which one is %s go nowhere; the image may be in order", async (_name, value) => {
  const { ask, tail } = isolateOf(well);
  const values = features.with(3, value);
  expect((await ask({ values })).calls).toEqual(["large"]);
  const { outcome, calls } = await ask({ values, mayChange: false });
  expect(calls).toEqual([]);
  expect(outcome).toMatchObject({ ok: false, reason: "cloud-error", mayHaveWorked: false, sent: { bytesSent: null } });
  expect(tail.isOffered(0)).toBe(true);
});

describe.each([
  ["another model", () => logitsFrom("large")],
  ["the tail of another first stage", () => logitsFrom("tail", { sha256: "0".repeat(64) })],
])("an answer of %s", (_name, other) => {
  test("is not taken for the tail's, and asked for no second time", async () => {
    const { ask, tail } = isolateOf(other);
    const { outcome, calls } = await ask({ mayChange: false, retries: 2 });
    expect(outcome).toMatchObject({ ok: false, reason: "cloud-error", mayHaveWorked: true, sent: { route: "tail" } });
    expect(calls).toEqual(["tail frame"]);
    expect(tail.isOffered(0)).toBe(false);
  });

  test("sends the image to the large model where the route may change", async () => {
    const { ask } = isolateOf((call) => (call.model === "tail" ? other() : well(call)));
    const { outcome, calls } = await ask({ retries: 2 });
    expect(calls).toEqual(["tail frame", "large"]);
    expect(outcome).toMatchObject({ ok: true, sent: { route: "large" } });
  });
});

test("an answer that names this tail is taken", async () => {
  const { ask } = isolateOf(() => logitsFrom("tail", { sha256: bundle.manifest.cloud.tail?.sha256 ?? "" }));
  expect((await ask()).outcome).toMatchObject({ ok: true, sent: { route: "tail" } });
});

test("a reply is the tail's calibrated answer, with its own way of fusing", async () => {
  const { ask } = isolateOf(well);
  const { outcome } = await ask();
  if (!outcome.ok) expect.fail(outcome.reason);
  const weights = [1, 2, 3].map(Math.exp);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  for (const [k, weight] of weights.entries()) expect(outcome.answer[k]).toBeCloseTo(weight / sum, 6);
  expect(outcome.fusion).toBeNull();
});
