// The Worker's side of the gate: when the gate fails or is late, and what it hears of images that do not ask. The
// working gate is in offload-gate.test.ts.
import type { GateDecision } from "@spillway/shared/policy/gate";
import { type Config, defaultConfig, type PolicyName } from "@spillway/shared/schema/config";
import type { SendName, SendReport } from "@spillway/shared/split/links";
import { describe, expect, test } from "vitest";
import { modelBundle } from "../../../edge-worker/generated/model.ts";
import { gateOf } from "../../../edge-worker/src/bucket/gate-client.ts";
import { createImageReports } from "../../../edge-worker/src/bucket/image-reports.ts";
import type { GateReport, GateRequest } from "../../../edge-worker/src/bucket/offload-gate.ts";
import { MAX_REPORTED_IMAGES, REPORT_AFTER_MS } from "../../../edge-worker/src/limits.ts";

const { offload } = defaultConfig(modelBundle.manifest, modelBundle.hash, modelBundle.calibration);
const granted: GateDecision = {
  offload: true,
  reason: "offloaded",
  threshold: 0.1,
  tokens: 4,
  policy: "threshold",
  option: null,
};
const by = (policy: PolicyName, enabled = true): Config["offload"] => ({ ...offload, policy, enabled });

const asConfigured = async ({ offload: { policy } }: GateRequest) => ({ ...granted, policy });

/** Gates of one isolate whose object answers as told, what it was told, and what was left running behind. */
function gateThat(decide: (request: GateRequest) => Promise<GateDecision> = asConfigured) {
  const calls = {
    decide: [] as GateRequest[],
    report: [] as GateReport[],
    refund: [] as (SendName | null)[],
    settle: [] as SendReport[],
  };
  let nowMs = 0;
  const stub = {
    decide(request: GateRequest) {
      calls.decide.push(request);
      return decide(request);
    },
    async report(report: GateReport) {
      calls.report.push(report);
      if (report.seen.some(({ metric }) => metric === -1)) throw new Error("overloaded");
    },
    async refund(send: SendName | null) {
      calls.refund.push(send);
    },
    async settle(report: SendReport) {
      calls.settle.push(report);
    },
  } as unknown as Parameters<typeof gateOf>[0];
  const pending: Promise<unknown>[] = [];
  const reports = createImageReports();
  const services = { reports, now: () => nowMs, background: (work: Promise<unknown>) => void pending.push(work) };
  const gateAt = (atMs: number, clientKey = "client") => gateOf(stub, { clientKey, atMs }, services);
  const advance = (ms: number) => {
    nowMs += ms;
  };
  return { gateAt, pending, calls, advance };
}

test("an object that fails grants nothing", async () => {
  const { gateAt } = gateThat(() => Promise.reject(new Error("overloaded")));
  expect(await gateAt(0).decide(0.5, offload, null, 1000)).toMatchObject({
    offload: false,
    reason: "gate-unavailable",
  });
});

test.each([
  ["granted", granted, [null]],
  ["refused", { ...granted, offload: false, reason: "no-tokens" } as const, []],
])("what is %s too late is given back %#", async (_name, late, refunds) => {
  const decision = Promise.withResolvers<GateDecision>();
  const { gateAt, pending, calls } = gateThat(() => decision.promise);
  expect(await gateAt(0).decide(0.5, offload, null, 5)).toMatchObject({ offload: false, reason: "gate-unavailable" });
  decision.resolve(late);
  await Promise.all(pending);
  expect(calls.refund).toEqual(refunds);
});

describe("what became of an offload", () => {
  const question = { link: "AMS", id: "a", options: [], deadlineLeftMs: null, timeoutMs: 500 };
  const end = { outcome: "answered", bytes: 300, durationMs: 40 } as const;

  test("is told to the gate that was asked how to send it, with how long sending took to begin", async () => {
    const { gateAt, calls, pending, advance } = gateThat();
    const gate = gateAt(0);
    await gate.decide(0.5, offload, question, 1000);
    advance(47);
    gate.settle(end);
    await Promise.all(pending);
    expect(calls.settle).toEqual([{ link: "AMS", id: "a", startDelayMs: 7, ...end }]);
    expect(calls.refund).toEqual([]);
  });

  test("is no news to one that was not", async () => {
    const { gateAt, calls, pending } = gateThat();
    const gate = gateAt(0);
    await gate.decide(0.5, offload, null, 1000);
    gate.settle(end);
    await Promise.all(pending);
    expect(calls).toMatchObject({ settle: [], refund: [] });
  });

  test.each([
    ["asked how", question, { link: "AMS", id: "a" }],
    ["not asked", null, null],
  ])("gives the token back when the cloud refused it, to a gate that was %s", async (_name, asked, send) => {
    const { gateAt, calls, pending } = gateThat();
    const gate = gateAt(0);
    await gate.decide(0.5, offload, asked, 1000);
    gate.settle({ outcome: "refused" });
    await Promise.all(pending);
    expect(calls).toMatchObject({ settle: [], refund: [send] });
  });

  test("that was granted too late is that it was not made", async () => {
    const decision = Promise.withResolvers<GateDecision>();
    const { gateAt, pending, calls } = gateThat(() => decision.promise);
    await gateAt(0).decide(0.5, offload, question, 5);
    decision.resolve(granted);
    await Promise.all(pending);
    expect(calls.refund).toEqual([{ link: "AMS", id: "a" }]);
  });
});

describe("images that do not ask", () => {
  const notOfInterest = () => expect.fail("nobody wants to know");

  test.each([
    ["threshold", true],
    ["mdp", true],
    ["belief", false],
    ["q-network", false],
  ] as const)("are of no interest to %s while offloading is enabled: %s", async (policy, enabled) => {
    const { gateAt, calls } = gateThat();
    for (let k = 0; k < 2 * MAX_REPORTED_IMAGES; k++) gateAt(k).note(notOfInterest, by(policy, enabled));
    await gateAt(0).decide(0.5, by(policy, enabled), null, 1000);
    expect(calls.report).toEqual([]);
    expect(calls.decide).toMatchObject([{ metric: 0.5, seen: [] }]);
  });

  test.each(["belief", "q-network"] as const)("ride along with the next that asks %s, once", async (policy) => {
    const { gateAt, calls } = gateThat();
    gateAt(10).note(() => 0.1, by(policy));
    gateAt(20).note(() => 0.2, by(policy));
    gateAt(20, "other").note(() => 0.9, by(policy));
    await gateAt(30).decide(0.5, by(policy), null, 1000);
    await gateAt(40).decide(0.6, by(policy), null, 1000);
    const seen = [
      { metric: 0.1, atMs: 10 },
      { metric: 0.2, atMs: 20 },
    ];
    expect(calls.decide).toMatchObject([
      { metric: 0.5, atMs: 30, seen, offload: { policy, policyKey: null, bucket: offload.bucket } },
      { metric: 0.6, atMs: 40, seen: [] },
    ]);
    expect(calls.report).toEqual([]);
  });

  test("wait on while a threshold stands in for the policy that looks back, as many as may", async () => {
    const { gateAt, calls } = gateThat(async () => granted);
    gateAt(10).note(() => 0.1, by("belief"));
    await gateAt(20).decide(0.5, by("belief"), null, 1000);
    for (let atMs = 30; atMs < 30 + MAX_REPORTED_IMAGES; atMs++)
      await gateAt(atMs).decide(0.6, by("belief"), null, 1000);
    expect(calls.decide[1].seen).toEqual([
      { metric: 0.1, atMs: 10 },
      { metric: 0.5, atMs: 20 },
    ]);
    const last = calls.decide.at(-1)?.seen.map(({ atMs }) => atMs);
    expect(last).toEqual(Array.from({ length: MAX_REPORTED_IMAGES - 1 }, (_, k) => 30 + k));
    expect(calls.report).toEqual([]);
  });

  test("wait on when the gate fails, with the one that asked", async () => {
    let isDown = true;
    const { gateAt, calls } = gateThat(async (request) => {
      if (isDown) throw new Error("overloaded");
      return asConfigured(request);
    });
    gateAt(10).note(() => 0.1, by("belief"));
    await gateAt(20).decide(0.5, by("belief"), null, 1000);
    isDown = false;
    await gateAt(30).decide(0.6, by("belief"), null, 1000);
    expect(calls.decide[1].seen).toEqual([
      { metric: 0.1, atMs: 10 },
      { metric: 0.5, atMs: 20 },
    ]);
  });

  test("go out together when they are as many as may wait, and not one before", async () => {
    const { gateAt, calls, pending } = gateThat();
    for (let k = 1; k < MAX_REPORTED_IMAGES; k++) gateAt(k).note(() => k, by("belief"));
    expect(pending).toEqual([]);
    gateAt(MAX_REPORTED_IMAGES).note(() => MAX_REPORTED_IMAGES, by("belief"));
    await Promise.all(pending);
    expect(calls.report).toHaveLength(1);
    expect(calls.report[0].seen.map(({ atMs }) => atMs)).toEqual(Array.from({ length: 32 }, (_, k) => k + 1));
    await gateAt(99).decide(0.5, by("belief"), null, 1000);
    expect(calls.decide[0].seen).toEqual([]);
  });

  test("go out when the oldest is too old as another comes, and not before", async () => {
    const { gateAt, calls } = gateThat();
    gateAt(0).note(() => 0.1, by("belief"));
    gateAt(REPORT_AFTER_MS).note(() => 0.2, by("belief"));
    expect(calls.report).toEqual([]);
    gateAt(REPORT_AFTER_MS + 1).note(() => 0.3, by("belief"));
    expect(calls.report).toMatchObject([{ seen: [{ metric: 0.1 }, { metric: 0.2 }, { metric: 0.3 }] }]);
  });

  test("a report that fails is dropped", async () => {
    const { gateAt, calls, pending } = gateThat();
    gateAt(0).note(() => -1, by("belief"));
    gateAt(REPORT_AFTER_MS + 1).note(() => 0.1, by("belief"));
    await Promise.all(pending);
    expect(calls.report).toHaveLength(1);
    await gateAt(REPORT_AFTER_MS + 2).decide(0.5, by("belief"), null, 1000);
    expect(calls.decide[0].seen).toEqual([]);
  });
});
