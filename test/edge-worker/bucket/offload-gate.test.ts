// The gate as a real Durable Object.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { reset } from "../setup/app.ts";

const worth = (depth: number, rate = 0) => ({ metric: 0.5, threshold: 0.2, bucket: { rate, depth } });
const gate = () => env.OFFLOAD_GATE.get(env.OFFLOAD_GATE.idFromName("client"));

beforeEach(reset);

test("grants as many as the bucket holds, however many ask at once", async () => {
  const decisions = await Promise.all(Array.from({ length: 200 }, () => gate().decide(worth(7))));
  expect(decisions.filter((decision) => decision.offload)).toHaveLength(7);
  expect(decisions.filter((decision) => decision.reason === "no-tokens")).toHaveLength(193);
});

test("what is below the threshold costs nothing", async () => {
  const decision = await gate().decide({ ...worth(3), metric: 0.19 });
  expect(decision).toMatchObject({ offload: false, reason: "not-worth-it", tokens: 3, threshold: 0.2 });
});

test("a refund never overfills", async () => {
  await gate().decide(worth(2));
  await gate().refund();
  await gate().refund();
  expect((await gate().decide(worth(2))).tokens).toBe(1);
});

test("spent tokens stay spent when the object is evicted", async () => {
  await gate().decide(worth(2));
  await gate().decide(worth(2));
  await evictDurableObject(gate());
  expect(await gate().decide(worth(2))).toMatchObject({ offload: false, reason: "no-tokens" });
});

test("a deeper bucket is room, not tokens", async () => {
  await gate().decide(worth(1));
  expect(await gate().decide(worth(100))).toMatchObject({ offload: false, tokens: 0 });
});

test("keeps nothing for a client that spent nothing, and forgets a bucket that is full again", async () => {
  const stored = () => runInDurableObject(gate(), (_instance, state) => state.storage.list().then((map) => map.size));
  await gate().decide({ ...worth(2, 1_000_000), metric: 0 });
  expect(await stored()).toBe(0);
  await gate().decide(worth(2, 1_000_000));
  expect(await stored()).toBe(1);
  expect(await runDurableObjectAlarm(gate())).toBe(true);
  expect(await stored()).toBe(0);
});

test("remembers a bucket that is not full when its alarm comes", async () => {
  await gate().decide(worth(2, 0.000_001));
  expect(await runDurableObjectAlarm(gate())).toBe(true);
  expect((await gate().decide(worth(2, 0.000_001))).tokens).toBeCloseTo(0, 3);
});
