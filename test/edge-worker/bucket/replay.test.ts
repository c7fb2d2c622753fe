// What was simulated is what happens: 20,000 images through the real object, its storage and its evictions, on a clock
// of the test's, against the simulator's decisions one by one.
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { tokenGrid } from "@spillway/shared/bucket/token-grid";
import type { PolicyParameters } from "@spillway/shared/policy/decide";
import type { GateDecision, SeenImage } from "@spillway/shared/policy/gate";
import { policyParameters } from "@spillway/shared/policy/policy-parameters";
import { solveThresholds } from "@spillway/shared/policy/value-iteration";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import type { PolicyFile } from "@spillway/shared/schema/policy";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { OffloadGate } from "../../../edge-worker/src/bucket/offload-gate.ts";
import type { PolicyChoice } from "../../../edge-worker/src/config/policy-store.ts";
import { play, type Traffic } from "../../../models/src/simulation/play.ts";
import { beliefFile, choiceOf, mdpFile, qNetworkFile, storePolicy } from "../config/policies.ts";
import { reset } from "../setup/app.ts";

const FRAMES = 20_000;
const START_MS = 1_800_000_000_000;
const BUCKET = { rate: 0.1, depth: 2 };
const THRESHOLD = 0.8;
/** Images of one life of the object: each ends with an eviction. */
const LIFE = 2_500;
/** Below it an image may have been answered at an exit, without asking. */
const CONFIDENT = 0.3;

beforeEach(reset);
afterEach(() => void vi.useRealTimers());

/** Easy and hard times that last, images every second or every third, and odd milliseconds in between. */
function recording(): Traffic {
  const random = mulberry32(11);
  const metrics = new Float64Array(FRAMES);
  const seconds = new Float64Array(FRAMES);
  let [isHard, isSlow] = [false, false];
  for (let frame = 0; frame < FRAMES; frame++) {
    if (random() < 0.1) isHard = !isHard;
    if (random() < 0.01) isSlow = !isSlow;
    metrics[frame] = isHard ? 0.3 + 0.7 * random() : 0.6 * random();
    seconds[frame] = (isSlow ? 3 : 1) + Math.floor(random() * 3) / 1000;
  }
  return { metrics, seconds, rewards: metrics };
}

function mdpOfBucket(): PolicyFile {
  const metrics = Float64Array.from({ length: 500 }, (_, image) => image / 500);
  const grid = tokenGrid(BUCKET.rate, BUCKET.depth);
  const thresholds = solveThresholds({ metrics, rewards: metrics }, grid, [{ units: 1, share: 1 }]);
  return { ...mdpFile(), kind: "mdp", grid, thresholds };
}

/** The policies under test: what they are in KV, and what the simulator makes of the same. */
const POLICIES: Record<string, () => PolicyFile | null> = {
  threshold: () => null,
  mdp: mdpOfBucket,
  // Its time unit is ten seconds, so one token a unit is this bucket's rate.
  "q-network": () => ({ ...qNetworkFile(), unitSeconds: 10 }),
  // Of this test alone: another's may still be held, with other prices.
  belief: () => beliefFile(0.91),
};

function parametersOf(file: PolicyFile | null): PolicyParameters {
  if (file === null) return { kind: "threshold", threshold: THRESHOLD };
  const checked = policyParameters(file, BUCKET);
  if (!checked.ok) throw new Error(checked.error);
  return checked.parameters;
}

test.each(Object.entries(POLICIES))(
  "20,000 images: the object decides by %s as the simulator does",
  async (name, make) => {
    const file = make();
    const traffic = recording();
    const granted = new Uint8Array(FRAMES);
    const played = play(parametersOf(file), traffic, BUCKET, granted);
    expect(played.offloads).toBeGreaterThan(1_000);
    const key = file === null ? null : await storePolicy(file);
    const choice = choiceOf(name as PolicyChoice["policy"], key, BUCKET, THRESHOLD);
    await untilReady(choice);

    vi.setSystemTime(START_MS);
    const gate = env.OFFLOAD_GATE.get(env.OFFLOAD_GATE.idFromName(`replay of ${name}`));
    const decided = new Uint8Array(FRAMES);
    let atMs = START_MS;
    for (let from = 0; from < FRAMES; from += LIFE) {
      atMs = await runInDurableObject(gate, (object) => replay(object, traffic, from, atMs, choice, granted, decided));
      await evictDurableObject(gate);
    }
    expect(decided).toEqual(granted);
  },
);

/** One life of the object; returns when the image after it comes. */
async function replay(
  object: OffloadGate,
  traffic: Traffic,
  from: number,
  startMs: number,
  offload: PolicyChoice,
  granted: Uint8Array,
  decided: Uint8Array,
): Promise<number> {
  let atMs = startMs;
  let seen: SeenImage[] = [];
  for (let frame = from; frame < from + LIFE; frame++) {
    const image = { metric: traffic.metrics[frame], atMs };
    vi.setSystemTime(atMs);
    // What the simulator kept may as well have been answered at an exit: the gate hears of it with the next question.
    const isConfident = image.metric < CONFIDENT && granted[frame] === 0 && frame < from + LIFE - 1;
    if (isConfident) seen.push(image);
    else {
      const decision: GateDecision = await object.decide({ ...image, seen, offload, question: null });
      expect(decision.policy).toBe(offload.policy);
      decided[frame] = decision.offload ? 1 : 0;
      seen = [];
    }
    atMs += Math.round(traffic.seconds[frame] * 1000);
  }
  return atMs;
}

/** The first decisions of an isolate may come before the prices of tokens are solved. */
async function untilReady(offload: PolicyChoice): Promise<void> {
  const other = env.OFFLOAD_GATE.get(env.OFFLOAD_GATE.idFromName(`ready for ${offload.policy}`));
  const ask = () => other.decide({ metric: 0, atMs: Date.now(), seen: [], offload, question: null });
  await vi.waitUntil(async () => (await ask()).policy === offload.policy, { timeout: 20_000, interval: 20 });
}
