// The Worker's side of the gate when the gate fails or is late; the working gate is in offload-gate.test.ts.
import { defaultConfig } from "@spillway/shared/schema/config";
import { expect, test } from "vitest";
import { modelBundle } from "../../../edge-worker/generated/model.ts";
import { gateOf } from "../../../edge-worker/src/bucket/gate-client.ts";
import type { GateDecision } from "../../../edge-worker/src/bucket/offload-gate.ts";

const { offload } = defaultConfig(modelBundle.manifest, modelBundle.hash, modelBundle.calibration);
const granted: GateDecision = { offload: true, reason: "offloaded", threshold: 0.1, tokens: 4, policy: "threshold" };

/** A gate whose object answers as told, and what was left running behind it. */
function gateThat(decide: () => Promise<GateDecision>) {
  let refunds = 0;
  const refund = async () => {
    refunds += 1;
  };
  const pending: Promise<unknown>[] = [];
  const stub = { decide, refund } as unknown as Parameters<typeof gateOf>[0];
  const gate = gateOf(stub, (work) => pending.push(work));
  return { gate, pending, refunds: () => refunds };
}

test("an object that fails grants nothing", async () => {
  const { gate } = gateThat(() => Promise.reject(new Error("overloaded")));
  expect(await gate.decide(0.5, offload, 1000)).toMatchObject({ offload: false, reason: "gate-unavailable" });
});

test.each([
  ["granted", granted, 1],
  ["refused", { ...granted, offload: false, reason: "no-tokens" } as const, 0],
])("what is %s too late is given back %#", async (_name, late, refunds) => {
  const decision = Promise.withResolvers<GateDecision>();
  const told = gateThat(() => decision.promise);
  expect(await told.gate.decide(0.5, offload, 5)).toMatchObject({ offload: false, reason: "gate-unavailable" });
  decision.resolve(late);
  await Promise.all(told.pending);
  expect(told.refunds()).toBe(refunds);
});
