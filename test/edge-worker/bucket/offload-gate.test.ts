// The gate as a real Durable Object.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { type GateState, HISTORY_KEPT_MS } from "@spillway/shared/policy/gate";
import type { SendOption } from "@spillway/shared/split/controller";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { GateRequest } from "../../../edge-worker/src/bucket/offload-gate.ts";
import { beliefFile, choiceOf, qNetworkFile, storePolicy } from "../config/policies.ts";
import { reset } from "../setup/app.ts";

const START_MS = 1_800_000_000_000;

const worth = (depth: number, rate = 0): GateRequest => ({
  metric: 0.5,
  atMs: Date.now(),
  seen: [],
  offload: choiceOf("threshold", null, { rate, depth }),
  question: null,
});
const gate = (name = "client") => env.OFFLOAD_GATE.get(env.OFFLOAD_GATE.idFromName(name));
const stored = () => runInDurableObject(gate(), (_instance, state) => state.storage.list().then((map) => map.size));

beforeEach(reset);
afterEach(() => void vi.useRealTimers());

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

test("keeps nothing for a client that spent nothing, and forgets a bucket that is full again", async () => {
  await gate().decide({ ...worth(2, 1_000_000), metric: 0 });
  await gate().report(worth(2, 1_000_000));
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

test("a bucket that takes longer to fill than a calendar lasts", async () => {
  expect(await gate().decide(worth(2, 1e-300))).toMatchObject({ offload: true, tokens: 1 });
});

describe("on a clock of the test's", () => {
  beforeEach(() => void vi.setSystemTime(START_MS));

  test("a token comes when its time has come, and not a millisecond before", async () => {
    const ask = () => gate().decide(worth(1, 0.5));
    expect(await ask()).toMatchObject({ offload: true, tokens: 0 });
    vi.setSystemTime(START_MS + 1_999);
    expect(await ask()).toMatchObject({ offload: false, reason: "no-tokens", tokens: 0.9995 });
    vi.setSystemTime(START_MS + 2_000);
    expect(await ask()).toMatchObject({ offload: true, tokens: 0 });
  });

  test("a deeper bucket is room, not tokens, and a faster one fills from now on", async () => {
    await gate().decide(worth(1, 1));
    vi.setSystemTime(START_MS + 500);
    expect(await gate().decide(worth(100, 1_000))).toMatchObject({ offload: false, tokens: 0.5 });
    vi.setSystemTime(START_MS + 510);
    expect(await gate().decide(worth(100, 1_000))).toMatchObject({ offload: true, tokens: 9.5 });
  });

  test("a change of the rate holds through an eviction", async () => {
    await gate().decide(worth(10, 1_000));
    await gate().decide({ ...worth(10, 0), metric: 0 });
    await evictDurableObject(gate());
    vi.setSystemTime(START_MS + 60_000);
    expect((await gate().decide({ ...worth(10, 0), metric: 0 })).tokens).toBe(9);
  });

  test("a shallower bucket spills, and a token that was lent before never overfills it", async () => {
    await gate().decide(worth(10));
    expect((await gate().decide(worth(3))).tokens).toBe(2);
    for (let k = 0; k < 3; k++) await gate().refund();
    expect((await gate().decide(worth(3))).tokens).toBe(2);
  });

  test("a clock that goes backwards grants nothing until it is where it was", async () => {
    await gate().decide(worth(1, 1));
    for (const atMs of [START_MS - 60_000, START_MS, START_MS + 999]) {
      vi.setSystemTime(atMs);
      expect(await gate().decide(worth(1, 1))).toMatchObject({ offload: false, reason: "no-tokens" });
    }
    vi.setSystemTime(START_MS + 1_000);
    expect(await gate().decide(worth(1, 1))).toMatchObject({ offload: true });
  });

  test.each([
    ["a depth below one", 0.999, 1_000],
    ["no depth", 0, 1_000],
  ])("%s never grants", async (_name, depth, rate) => {
    for (const seconds of [0, 1, 3_600]) {
      vi.setSystemTime(START_MS + seconds * 1_000);
      expect(await gate().decide(worth(depth, rate))).toMatchObject({ offload: false, reason: "no-tokens" });
    }
  });

  test("10,000 who ask at once while the object is evicted again and again get no more than rate x time + depth", async () => {
    const [rate, depth, seconds] = [50, 100, 10];
    let granted = 0;
    const ask = async () => {
      // Calls that an eviction cuts off grant nothing that anybody knows of.
      const decision = await gate()
        .decide(worth(depth, rate))
        .catch(() => null);
      if (decision?.offload) granted++;
    };
    for (let second = 0; second < seconds; second++) {
      vi.setSystemTime(START_MS + second * 1_000);
      const asking = Array.from({ length: 500 }, ask);
      const evicted = evictDurableObject(gate());
      asking.push(...Array.from({ length: 500 }, ask));
      await Promise.all([...asking, evicted]);
      expect(granted).toBeLessThanOrEqual(rate * second + depth);
    }
    // Most calls get through, or this would show nothing.
    expect(granted).toBeGreaterThan((rate * (seconds - 1) + depth) / 2);
  });
});

/** Until the isolate that the gates share has read and solved it; a file of the test's own has no other prices. */
async function ready(offload: GateRequest["offload"]) {
  const isInForce = async () => (await gate("warm").decide({ ...worth(1), offload })).policy === offload.policy;
  await vi.waitUntil(isInForce, { timeout: 10_000 });
  return offload;
}

test("after a live change of the rate a token has another price, and the same policy decides meanwhile", async () => {
  const key = await storePolicy(beliefFile(0.7));
  let clients = 0;
  // A client of whom nothing is known: only the price can make a difference.
  const ask = (rate: number) =>
    gate(`new ${clients++}`).decide({ ...worth(1), offload: choiceOf("belief", key, { rate, depth: 2 }) });
  await ready(choiceOf("belief", key, { rate: 0.25, depth: 2 }));
  const { threshold } = await ask(0.25);
  const decisions = [await ask(0.01)];
  expect(decisions[0].threshold).toBe(threshold);
  await vi.waitUntil(
    async () => {
      decisions.push(await ask(0.01));
      return (decisions.at(-1)?.threshold ?? 0) > (threshold ?? 0) + 0.01;
    },
    { timeout: 10_000 },
  );
  expect(new Set(decisions.map(({ policy }) => policy))).toEqual(new Set(["belief"]));
  expect((await ask(0.25)).threshold).toBe(threshold);
});

describe("the history", () => {
  const METRICS = [0.5, 0.1, 0.45, 0.6, 0.3, 0.05, 0.1, 0.5, 0.55, 0.2];
  const traffic = METRICS.map((metric, at) => ({ metric, atMs: START_MS + at * 700 }));

  /** What a client's gate says to this traffic; a function may be called between two images. */
  async function play(name: string, offload: GateRequest["offload"], between = async () => {}) {
    const decisions = [];
    for (const image of traffic) {
      vi.setSystemTime(image.atMs);
      decisions.push(await gate(name).decide({ ...image, seen: [], offload, question: null }));
      await between();
    }
    return decisions;
  }

  test.each([
    // Few enough tokens for a price that depends on what is believed.
    ["belief", beliefFile(0.6), { rate: 0.25, depth: 2 }],
    ["q-network", qNetworkFile(), { rate: 1, depth: 2 }],
  ] as const)("of %s survives evictions, like the bucket", async (policy, file, bucket) => {
    const offload = await ready(choiceOf(policy, await storePolicy(file), bucket));
    const undisturbed = await play(`undisturbed ${policy}`, offload);
    expect(new Set(undisturbed.map(({ reason }) => reason)).size).toBeGreaterThan(1);
    const evicted = `evicted ${policy}`;
    expect(await play(evicted, offload, () => evictDurableObject(gate(evicted)))).toEqual(undisturbed);
  });

  test("images that did not ask count like those that did, whether they ride along or come alone", async () => {
    // A bucket that never grants: whoever asks finds the same tokens.
    const offload = await ready(choiceOf("belief", await storePolicy(beliefFile(0.8)), { rate: 0.1, depth: 0.5 }));
    vi.setSystemTime(START_MS + 60_000);
    const [before, last] = [traffic.slice(0, -1), traffic[traffic.length - 1]];
    const ask = async (name: string, seen: typeof traffic, image = last) =>
      (await gate(name).decide({ ...image, seen, offload, question: null })).threshold;
    for (const image of before) await ask("asked", [], image);
    await gate("reported").report({ seen: before.slice(0, 3), offload });
    const threshold = await ask("asked", []);
    expect(await ask("rode along", before)).toBe(threshold);
    expect(await ask("reported", before.slice(3))).toBe(threshold);
    expect(await ask("unheard of", [])).not.toBe(threshold);
  });

  test("is written with the bucket, in one record", async () => {
    const offload = await ready(choiceOf("belief", await storePolicy(beliefFile())));
    await gate().decide({ ...traffic[0], seen: traffic.slice(1), offload, question: null });
    expect(await stored()).toBe(1);
  });

  test("outlives the alarm of an active client, and not that of one who left", async () => {
    const offload = await ready(choiceOf("belief", await storePolicy(beliefFile())));
    vi.setSystemTime(START_MS);
    await gate().report({ seen: traffic.slice(0, 1), offload });
    vi.setSystemTime(START_MS + HISTORY_KEPT_MS - 1);
    expect(await runDurableObjectAlarm(gate())).toBe(true);
    expect(await stored()).toBe(1);
    vi.setSystemTime(START_MS + HISTORY_KEPT_MS);
    expect(await runDurableObjectAlarm(gate())).toBe(true);
    expect(await stored()).toBe(0);
  });
});

describe("how an image is best sent", () => {
  const TAIL: SendOption = { route: "tail", setting: "2x1", bytes: 60, gainShare: 0.5 };
  const LARGE: SendOption = { route: "large", setting: null, bytes: 3_400, gainShare: 1 };
  let sends = 0;

  const ask = (deadlineLeftMs: number | null, depth = 1_000, rate = 0) => {
    const question = { link: "AMS", id: `${sends++}`, options: [TAIL, LARGE], deadlineLeftMs, timeoutMs: 800 };
    return { question, decision: gate().decide({ ...worth(depth, rate), question }) };
  };
  /** An image and its answer after so long, on the clock of the test. */
  async function askAndAnswer(durationMs: number) {
    const { question, decision } = ask(null);
    const { option } = await decision;
    vi.setSystemTime(Date.now() + durationMs + 4);
    const { link, id } = question;
    await gate().settle({ link, id, outcome: "answered", bytes: option?.bytes ?? 0, startDelayMs: 4, durationMs });
    return option;
  }

  beforeEach(() => void vi.setSystemTime(START_MS));

  test("is said with the token, in one call", async () => {
    expect(await ask(null, 5).decision).toMatchObject({ offload: true, tokens: 4, option: LARGE });
    expect(await gate().decide(worth(5))).toMatchObject({ offload: true, tokens: 3, option: null });
  });

  test("follows what the link did, as long as it is remembered: in memory, and in writing", async () => {
    for (let k = 0; k < 10; k++) await askAndAnswer(150);
    // The first of them tries what looks hopeless.
    await ask(50).decision;
    expect(await ask(50).decision).toMatchObject({ offload: false, reason: "deadline", option: null });
    expect(await ask(400).decision).toMatchObject({ option: LARGE });
    await evictDurableObject(gate());
    expect(await ask(50).decision).toMatchObject({ offload: false, reason: "deadline" });
    expect(await stored()).toBe(1);
  });

  test("starts anew without a memory", async () => {
    for (let k = 0; k < 10; k++) await askAndAnswer(150);
    await runInDurableObject(gate(), async (_object, { storage }) => {
      const { bucket, history } = storage.kv.get<GateState>("gate") ?? expect.fail("nothing stored");
      storage.kv.put("gate", { bucket, history });
    });
    await evictDurableObject(gate());
    expect(await ask(100).decision).toMatchObject({ offload: true });
    expect(await ask(null).decision).toMatchObject({ offload: true });
  });

  test("costs no token when nothing would be in time, nor when the policy says no", async () => {
    await ask(null, 3).decision;
    expect(await ask(8, 3).decision).toMatchObject({ offload: false, reason: "deadline", tokens: 2 });
    const { question } = ask(8, 3);
    const decision = await gate().decide({ ...worth(3), metric: 0.19, question });
    expect(decision).toMatchObject({ offload: false, reason: "not-worth-it", tokens: 2 });
  });

  test("a refusal gives the token back and teaches nothing; a report gives back nothing", async () => {
    const { question, decision } = ask(null, 3);
    await decision;
    await gate().refund(question);
    expect((await ask(null, 3).decision).tokens).toBe(2);
    const { link, id } = question;
    for (const outcome of ["answered", "given-up", "unclear"] as const) {
      await gate().settle({ link, id, outcome, bytes: 60, startDelayMs: 1, durationMs: 1 });
    }
    expect((await ask(null, 3).decision).tokens).toBe(1);
  });

  test("reports cost no write, and none is needed to forget the client", async () => {
    await askAndAnswer(20);
    const written = await runInDurableObject(gate(), (_object, { storage }) => storage.kv.get("gate"));
    await gate().settle({ link: "AMS", id: "unknown", outcome: "answered", bytes: 1, startDelayMs: 1, durationMs: 1 });
    expect(await runInDurableObject(gate(), (_object, { storage }) => storage.kv.get("gate"))).toEqual(written);
  });

  test("1,000 who ask at once get no more than there are tokens, whatever they say of their links", async () => {
    const asking = Array.from({ length: 1_000 }, (_, k) => {
      const { question } = ask(null);
      const odd = { ...question, link: `link ${k % 50}`, id: `${k % 7}`, deadlineLeftMs: k % 3 === 0 ? null : k };
      const told = {
        link: odd.link,
        id: odd.id,
        outcome: "answered",
        bytes: 1,
        startDelayMs: 0,
        durationMs: k,
      } as const;
      return Promise.all([gate().decide({ ...worth(40), question: odd }), gate().settle(told)]);
    });
    const decisions = (await Promise.all(asking)).map(([decision]) => decision);
    const granted = decisions.filter(({ offload }) => offload);
    expect(granted.length).toBeLessThanOrEqual(40);
    expect(granted.length).toBeGreaterThan(10);
    expect(granted.every(({ option }) => option !== null)).toBe(true);
  });
});
