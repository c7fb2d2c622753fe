// The gate beside an object that does nothing, for the latency of a decision.
import { DurableObject } from "cloudflare:workers";
import type { PolicyName } from "@spillway/shared/schema/config";
import type { SendQuestion } from "@spillway/shared/split/client-link";
import type { SendOption } from "@spillway/shared/split/controller";
import { OffloadGate } from "../../../edge-worker/src/bucket/offload-gate.ts";

export interface BenchEnv extends Env {
  OFFLOAD_GATE: DurableObjectNamespace<BenchGate>;
  BARE: DurableObjectNamespace<BareObject>;
}

export class BareObject extends DurableObject {
  ping(): number {
    return 1;
  }

  /** As much as a decision writes. */
  put(): void {
    this.ctx.storage.kv.put("state", new Uint8Array(300));
  }
}

/** The gate, and a way to end the object as a deployment or a failing machine does. */
export class BenchGate extends OffloadGate {
  restart(): void {
    this.ctx.abort("restarted by the benchmark");
  }
}

/** One call of what is named: nothing, an object that does nothing, one that writes, or a gate. */
export async function callOnce(env: BenchEnv, name: string, policyKey: string): Promise<unknown> {
  if (name === "empty") return null;
  const bare = env.BARE.get(env.BARE.idFromName("bare"));
  if (name === "ping") return bare.ping();
  if (name === "put") return bare.put();
  if (name === "report") return gateOf(env, "auto").settle({ ...send, outcome: "answered", ...TOOK });
  const policy = name === "auto" ? "threshold" : (name as PolicyName);
  return gateOf(env, name).decide({
    metric: 1,
    atMs: Date.now(),
    seen: [],
    question: name === "auto" ? nextQuestion() : null,
    offload: {
      policy,
      policyKey: policy === "threshold" ? null : policyKey,
      threshold: 0.5,
      bucket: { rate: 1_000_000, depth: 10 },
    },
  });
}

/** As many ways as a model of twenty settings has left. */
const OPTIONS: SendOption[] = Array.from({ length: 10 }, (_, way) => {
  const isLarge = way === 9;
  const bytes = isLarge ? 3_400 : 30 * 2 ** way;
  return { route: isLarge ? "large" : "tail", setting: isLarge ? null : `${way}`, bytes, gainShare: 0.55 + way / 20 };
});
const TOOK = { bytes: 3_400, startDelayMs: 2, durationMs: 30 };
let send = { link: "AMS", id: "0" };

function nextQuestion(): SendQuestion {
  send = { ...send, id: `${Number(send.id) + 1}` };
  return { ...send, options: OPTIONS, deadlineLeftMs: 100, timeoutMs: 800 };
}

/** One decision on a bucket that many want; whether it was granted. */
export async function decideOnce(env: BenchEnv, bucket: { rate: number; depth: number }): Promise<boolean> {
  const offload = { policy: "threshold", policyKey: null, threshold: 0, bucket } as const;
  const image = { metric: 1, atMs: Date.now(), seen: [], question: null };
  const { offload: isGranted } = await gateOf(env, "wanted").decide({ ...image, offload });
  return isGranted;
}

/** The object ends at once, and with it whatever is being decided. */
export async function restartWanted(env: BenchEnv): Promise<void> {
  await gateOf(env, "wanted").restart();
}

function gateOf(env: BenchEnv, name: string) {
  return env.OFFLOAD_GATE.get(env.OFFLOAD_GATE.idFromName(name));
}
