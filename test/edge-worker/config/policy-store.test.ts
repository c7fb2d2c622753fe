// The policy that a configuration names: read from KV, checked, made ready for the bucket, or stood in for.
import { MAX_POLICY_BYTES, type PolicyFile, policyKeyOf } from "@spillway/shared/schema/policy";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { modelBundle } from "../../../edge-worker/generated/model.ts";
import {
  CONFIG_MAX_AGE_MS,
  MAX_HELD_POLICIES,
  MAX_PREPARED_POLICIES,
  SOLVE_TIMEOUT_MS,
} from "../../../edge-worker/src/limits.ts";
import { env, reset } from "../setup/app.ts";
import { beliefFile, choiceOf, mdpFile, qNetworkFile, storePolicy, storeWithClock } from "./policies.ts";

const UNKNOWN = "0".repeat(64);
const KEY = "policy of mine";
const put = (file: PolicyFile | string) => env.CONFIG.put(KEY, typeof file === "string" ? file : JSON.stringify(file));
const standIn = (error: unknown) => ({
  parameters: { kind: "threshold", threshold: 0.2 },
  identity: "threshold",
  error,
});

/** KV that counts its reads, and fails while it is told to. */
function watchedKv() {
  const kv = { reads: 0, isDown: false };
  const watched = new Proxy(env.CONFIG, {
    get(target, property) {
      const method = Reflect.get(target, property).bind(target);
      if (property !== "get") return method;
      return (...parameters: never[]) => {
        kv.reads++;
        return kv.isDown ? Promise.reject(new Error("KV is down")) : method(...parameters);
      };
    },
  });
  const clocked = storeWithClock(watched);
  return Object.assign(clocked, { kv });
}

beforeEach(reset);

test("the threshold needs no key, and nothing of KV", async () => {
  const { kv, inForce, report } = watchedKv();
  expect(await inForce(choiceOf("threshold", KEY))).toEqual(standIn(null));
  expect(await report(choiceOf("threshold", KEY))).toEqual({
    configured: "threshold",
    inForce: "threshold",
    key: KEY,
    error: null,
  });
  expect(kv.reads).toBe(0);
});

test.each([
  ["mdp", mdpFile()],
  ["q-network", qNetworkFile()],
  ["belief", beliefFile()],
] as const)("%s is read by its key, checked, and decides", async (policy, file) => {
  const key = await storePolicy(file);
  const { settled, report } = storeWithClock();
  const inForce = await settled(choiceOf(policy, key));
  expect(inForce).toMatchObject({ parameters: { kind: policy }, error: null });
  expect(policyKeyOf(inForce.identity)).toBe(key);
  expect(await report(choiceOf(policy, key))).toEqual({ configured: policy, inForce: policy, key, error: null });
});

describe("a policy that is not to be had is stood in for by the threshold", () => {
  const padded = (bytes: number) => JSON.stringify(mdpFile()).padEnd(bytes);
  const causes: [cause: string, store: () => Promise<unknown>, error: string][] = [
    ["missing", async () => {}, "not in KV"],
    ["one byte too many", () => put(padded(MAX_POLICY_BYTES + 1)), `more than ${MAX_POLICY_BYTES} bytes in KV`],
    ["no JSON", () => put("{"), "expected JSON"],
    ["no policy", () => put("{}"), "kind: "],
    ["another kind", () => put(beliefFile()), "kind: expected mdp, got belief"],
    [
      "another model's",
      () => put({ ...mdpFile(), model: UNKNOWN }),
      `model: made for ${UNKNOWN}, but this Worker runs ${modelBundle.hash}`,
    ],
    [
      "no model's",
      () => put({ ...mdpFile(), model: null }),
      `model: made for none, but this Worker runs ${modelBundle.hash}`,
    ],
    [
      "another bucket's",
      () => put({ ...mdpFile(), unitSeconds: 2 }),
      "grid: made for 0.5 tokens a second and a depth of 2, but the bucket has 1 and 2",
    ],
  ];

  test.each(causes)("%s", async (_cause, store, error) => {
    await store();
    const { settled, report } = storeWithClock();
    const wanted = expect.stringMatching(RegExp(`^${KEY}: ${error}`));
    expect(await settled(choiceOf("mdp", KEY))).toEqual(standIn(wanted));
    const reported = { configured: "mdp", inForce: "threshold", key: KEY, error: wanted };
    expect(await report(choiceOf("mdp", KEY))).toEqual(reported);
  });

  test("no key", async () => {
    const { inForce, report } = storeWithClock();
    const error = "policyKey: expected the key of a belief policy, got null";
    expect(await inForce(choiceOf("belief", null))).toEqual(standIn(error));
    expect(await report(choiceOf("belief", null))).toMatchObject({ inForce: "threshold", key: null, error });
  });

  test("another text than the key says", async () => {
    const key = policyKeyOf(UNKNOWN);
    await env.CONFIG.put(key, JSON.stringify(mdpFile()));
    const error = expect.stringContaining(`${key}: damaged in KV: its SHA-256 is `);
    expect(await storeWithClock().inForce(choiceOf("mdp", key))).toEqual(standIn(error));
  });

  test("KV that cannot be read", async () => {
    const { kv, inForce, report } = watchedKv();
    kv.isDown = true;
    expect(await inForce(choiceOf("mdp", KEY))).toEqual(standIn(`${KEY}: KV could not be read`));
    expect(await report(choiceOf("mdp", KEY))).toMatchObject({ error: `${KEY}: KV could not be read` });
  });

  test("KV that does not answer in time; what it says later counts", async () => {
    await put(mdpFile());
    const late = Promise.withResolvers<void>();
    const slow = new Proxy(env.CONFIG, {
      get: (target, property) => {
        const method = Reflect.get(target, property).bind(target);
        return (...parameters: never[]) => late.promise.then(() => method(...parameters));
      },
    });
    const { inForce, pending } = storeWithClock(slow);
    expect(await inForce(choiceOf("mdp", KEY))).toEqual(standIn(`${KEY}: not read yet`));
    late.resolve();
    await Promise.all(pending);
    expect(await inForce(choiceOf("mdp", KEY))).toMatchObject({ parameters: { kind: "mdp" }, error: null });
  });

  test("the most bytes are accepted", async () => {
    await put(padded(MAX_POLICY_BYTES));
    expect(await storeWithClock().inForce(choiceOf("mdp", KEY))).toMatchObject({ error: null });
  });
});

describe("reading again", () => {
  test("what lies under a key that is no hash is in force when it is too old, and not before", async () => {
    await put(mdpFile(0.25));
    const { kv, inForce, advance } = watchedKv();
    const threshold = async () => {
      const { parameters } = await inForce(choiceOf("mdp", KEY));
      return parameters.kind === "mdp" ? parameters.thresholds[0] : null;
    };
    expect(await threshold()).toBe(0.25);
    await put(mdpFile(0.75));
    advance(CONFIG_MAX_AGE_MS - 1);
    expect([await threshold(), kv.reads]).toEqual([0.25, 1]);
    advance(1);
    // The old one decides until the new one is read.
    expect(await threshold()).toBe(0.25);
    await vi.waitFor(async () => expect(await threshold()).toBe(0.75));
    expect(kv.reads).toBe(2);
    await env.CONFIG.delete(KEY);
    advance(CONFIG_MAX_AGE_MS);
    await vi.waitFor(async () => expect(await inForce(choiceOf("mdp", KEY))).toEqual(standIn(`${KEY}: not in KV`)));
  });

  test("what lies under its own hash is read once", async () => {
    const key = await storePolicy(mdpFile());
    const { kv, inForce, advance } = watchedKv();
    for (let k = 0; k < 3; k++) {
      expect(await inForce(choiceOf("mdp", key))).toMatchObject({ error: null });
      advance(CONFIG_MAX_AGE_MS);
    }
    expect(kv.reads).toBe(1);
  });

  test("many who need it at the same time read it once", async () => {
    await put(mdpFile());
    const { kv, inForce } = watchedKv();
    const all = await Promise.all(Array.from({ length: 20 }, () => inForce(choiceOf("mdp", KEY))));
    expect(kv.reads).toBe(1);
    expect(new Set(all.map(({ parameters }) => parameters)).size).toBe(1);
  });

  test("a good one stays in force while KV cannot be read, a refusal does not become one", async () => {
    await put(mdpFile());
    const { kv, inForce, report, advance } = watchedKv();
    const before = await inForce(choiceOf("mdp", KEY));
    kv.isDown = true;
    advance(CONFIG_MAX_AGE_MS);
    expect(await inForce(choiceOf("mdp", KEY))).toEqual(before);
    expect(await report(choiceOf("mdp", KEY))).toMatchObject({ inForce: "mdp", error: null });
    await put("{");
    kv.isDown = false;
    advance(CONFIG_MAX_AGE_MS);
    const refusal = standIn(`${KEY}: expected JSON`);
    await vi.waitFor(async () => expect(await inForce(choiceOf("mdp", KEY))).toEqual(refusal));
  });

  test("a missing one is in force when it has come", async () => {
    const { inForce, advance } = storeWithClock();
    expect(await inForce(choiceOf("mdp", KEY))).toEqual(standIn(`${KEY}: not in KV`));
    await put(mdpFile());
    advance(CONFIG_MAX_AGE_MS);
    expect(await inForce(choiceOf("mdp", KEY))).toMatchObject({ error: null });
  });

  test("the one before is still held when it comes back, the one before that is not", async () => {
    expect(MAX_HELD_POLICIES).toBe(2);
    const keys = [];
    for (const threshold of [0.1, 0.2, 0.3]) keys.push(await storePolicy(mdpFile(threshold)));
    const { kv, inForce } = watchedKv();
    const reads = [];
    for (const at of [0, 1, 0, 2, 0, 1]) {
      await inForce(choiceOf("mdp", keys[at]));
      reads.push(kv.reads);
    }
    expect(reads).toEqual([1, 2, 2, 3, 3, 4]);
  });
});

describe("token prices", () => {
  const belief = async () => {
    const key = await storePolicy(beliefFile());
    return (rate: number, depth = 2) => choiceOf("belief", key, { rate, depth });
  };

  test("the first decision does not wait for them", async () => {
    const choice = (await belief())(1);
    const { inForce, pending } = storeWithClock();
    const error = `${choice.policyKey}: its token prices are still being solved`;
    expect(await inForce(choice)).toEqual(standIn(error));
    await Promise.all(pending);
    expect(await inForce(choice)).toMatchObject({ parameters: { kind: "belief" }, error: null });
  });

  test("after a live change of the rate the old ones serve until the new ones are solved, with the same history", async () => {
    const choice = await belief();
    const { settled, inForce, pending } = storeWithClock();
    const slow = await settled(choice(0.1));
    expect(await inForce(choice(0.2))).toEqual(slow);
    await Promise.all(pending);
    const fast = await inForce(choice(0.2));
    expect(fast.identity).toBe(slow.identity);
    expect(fast.parameters).not.toEqual(slow.parameters);
    expect((await inForce(choice(0.1))).parameters).toBe(slow.parameters);
  });

  test("are solved once for each bucket, whoever asks", async () => {
    const choice = await belief();
    const { settled, inForce, pending } = storeWithClock();
    const { parameters } = await settled(choice(1));
    const all = await Promise.all(Array.from({ length: 20 }, () => inForce(choice(2))));
    expect(all.every((each) => each.parameters === parameters)).toBe(true);
    await Promise.all(pending);
    const solved = await inForce(choice(2));
    await Promise.all(pending);
    expect((await inForce(choice(2))).parameters).toBe(solved.parameters);
  });

  test("are held for as many buckets as an isolate has room for, and one more drops the longest unused", async () => {
    const choice = await belief();
    const { settled, inForce } = storeWithClock();
    const first = (await settled(choice(1))).parameters;
    const second = (await settled(choice(2))).parameters;
    for (let rate = 3; rate <= MAX_PREPARED_POLICIES; rate++) await settled(choice(rate));
    expect((await inForce(choice(1))).parameters).toBe(first);
    await settled(choice(MAX_PREPARED_POLICIES + 1));
    expect((await inForce(choice(1))).parameters).toBe(first);
    expect((await settled(choice(2))).parameters).not.toBe(second);
  });

  test.each([
    ["no rate", 0, 2],
    ["a depth below one", 1, 0.5],
    ["no depth", 1, 0],
    ["the fastest and deepest", 1_000_000, 1_000_000],
  ])("can be solved for %s", async (_name, rate, depth) => {
    const { settled } = storeWithClock();
    expect(await settled((await belief())(rate, depth))).toMatchObject({ parameters: { kind: "belief" }, error: null });
  });

  test("are solved anew when the object that was at it is gone, and not before", async () => {
    const choice = (await belief())(1);
    const { inForce, report, pending, advance } = storeWithClock();
    await report(choice);
    const asked = async () => {
      const before = pending.length;
      await inForce(choice);
      return Promise.race(pending.slice(before).concat(new Promise((resolve) => setTimeout(resolve, 10, "at it"))));
    };
    expect(await asked()).toBe("at it");
    // Another one is at it: this one has nothing to do.
    expect(await asked()).toBeUndefined();
    advance(SOLVE_TIMEOUT_MS - 1);
    expect(await asked()).toBeUndefined();
    advance(1);
    expect(await asked()).toBe("at it");
    await Promise.all(pending);
    expect(await inForce(choice)).toMatchObject({ error: null });
  });
});
