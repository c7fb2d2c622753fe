// The policy that a configuration names, read from KV and checked against model and bucket before use. A missing or
// bad one is no reason to stop: the fixed threshold of the configuration stands in, and says why.
//
// Gate and `GET /v1/config` ask the same store, each the one of its own isolate.
import type { GatePolicy } from "@spillway/shared/policy/gate";
import type { Config, PolicyName } from "@spillway/shared/schema/config";
import { checkPolicyText, MAX_POLICY_BYTES, POLICY_HASH_KEY, policyKeyOf } from "@spillway/shared/schema/policy";
import { CONFIG_MAX_AGE_MS, MAX_HELD_POLICIES, POLICY_WAIT_MS, SHARED_LOAD_TIMEOUT_MS } from "../limits.ts";
import { sha256Hex } from "../sha256.ts";
import { log } from "../telemetry/log.ts";
import { withinTime } from "../within-time.ts";
import { keepNewest } from "./keep-newest.ts";
import { kvReadBytes } from "./kv-read.ts";
import { createPreparedPolicies, type PolicyText } from "./prepared-policies.ts";
import { createSharedLoads } from "./shared-loads.ts";

/** What of a configuration decides about offloads. */
export type PolicyChoice = Pick<Config["offload"], "policy" | "policyKey" | "threshold" | "bucket">;

export interface PolicyInForce extends GatePolicy {
  /** Why the threshold stands in for the configured policy, in one line; null where it does not. */
  error: string | null;
}

export interface PolicyReport {
  configured: PolicyName;
  inForce: PolicyName;
  key: string | null;
  error: string | null;
}

export interface PolicyStore {
  /**
   * What decides now. Waits for KV no longer than POLICY_WAIT_MS, and for prices not at all: what is still missing
   * then goes on behind the answer. Never throws.
   *
   * @param background keeps a promise running after the answer, as `waitUntil` does
   */
  inForce(choice: PolicyChoice, background: Background): Promise<PolicyInForce>;
  /** What will decide once everything is read and solved, for people. Never throws. */
  report(choice: PolicyChoice): Promise<PolicyReport>;
}

type Background = (work: Promise<unknown>) => void;
type NamedPolicy = ({ ok: true } & PolicyText) | { ok: false; error: string };
interface HeldPolicy {
  policy: NamedPolicy;
  readAtMs: number;
  /** Whether the key is the SHA-256 of what was read: then that never changes. */
  isFinal: boolean;
}

/**
 * @param modelHash of the model whose metrics the policies have to know
 * @param now milliseconds, of a clock that never goes backwards
 */
export function createPolicyStore(kv: KVNamespace, modelHash: string, now: () => number): PolicyStore {
  /** By key, the longest unused first. */
  const held = new Map<string, HeldPolicy>();
  const loads = createSharedLoads<NamedPolicy>(SHARED_LOAD_TIMEOUT_MS);
  const prepared = createPreparedPolicies(now);

  /** A refusal is held like a policy, or a missing one would cost every decision a read. */
  function hold(key: string, policy: NamedPolicy, isFinal = false): NamedPolicy {
    keepNewest(held, key, { policy, readAtMs: now(), isFinal }, MAX_HELD_POLICIES);
    if (!policy.ok) log("policy-refused", { detail: `${key}: ${policy.error}` });
    return policy;
  }

  async function load(key: string): Promise<NamedPolicy> {
    const before = held.get(key)?.policy;
    try {
      const bytes = await kvReadBytes(kv, key, MAX_POLICY_BYTES);
      if (bytes === "missing") return hold(key, { ok: false, error: "not in KV" });
      if (bytes === "too-many") return hold(key, { ok: false, error: `more than ${MAX_POLICY_BYTES} bytes in KV` });
      const sha256 = await sha256Hex(bytes);
      const isFinal = key === policyKeyOf(sha256);
      if (POLICY_HASH_KEY.test(key) && !isFinal) {
        return hold(key, { ok: false, error: `damaged in KV: its SHA-256 is ${sha256}` });
      }
      if (before?.ok && before.sha256 === sha256) return hold(key, before);
      return hold(key, checkedPolicy(new TextDecoder().decode(bytes), sha256, modelHash), isFinal);
    } catch (error) {
      log("policy-unreadable", { detail: `${key}: ${error}` });
      // What was good a moment ago is a better guess than the threshold.
      return hold(key, before?.ok ? before : { ok: false, error: "KV could not be read" });
    }
  }

  /** What is held under the key, with the reading that has to come before it is used, if any. */
  function look(key: string): { known: NamedPolicy; reading: Promise<NamedPolicy> | null } {
    const found = held.get(key);
    const isFresh = found !== undefined && (found.isFinal || now() - found.readAtMs < CONFIG_MAX_AGE_MS);
    if (isFresh) keepNewest(held, key, found, MAX_HELD_POLICIES);
    const known = found?.policy ?? UNREAD;
    const reading = isFresh ? null : loads.load(key, () => load(key)).catch(() => known);
    return { known, reading };
  }

  /** One that was good when it was read last decides until the next reading is done. */
  async function atHand(key: string, background: Background): Promise<NamedPolicy> {
    const { known, reading } = look(key);
    if (reading === null) return known;
    background(reading);
    return known.ok ? known : ((await withinTime(reading, POLICY_WAIT_MS)) ?? known);
  }

  return {
    async inForce(choice, background) {
      const { policy, policyKey } = choice;
      if (policy === "threshold") return standIn(choice, null);
      if (policyKey === null) return standIn(choice, noKey(policy));
      const named = matching(await atHand(policyKey, background), policy);
      if (!named.ok) return standIn(choice, `${policyKey}: ${named.error}`);
      const ready = prepared.parameters(named, choice.bucket, background);
      if (ready === null) return standIn(choice, `${policyKey}: its token prices are still being solved`);
      if (!ready.ok) return standIn(choice, `${policyKey}: ${ready.error}`);
      return { parameters: ready.parameters, identity: named.sha256, error: null };
    },

    async report({ policy, policyKey, bucket }) {
      const configured = { configured: policy, key: policyKey } as const;
      if (policy === "threshold") return { ...configured, inForce: policy, error: null };
      if (policyKey === null) return { ...configured, inForce: "threshold", error: noKey(policy) };
      const { known, reading } = look(policyKey);
      const named = matching((await reading) ?? known, policy);
      // Prices can be solved for every bucket; the rest is made for one, and nothing of it takes time.
      const fits = named.ok && named.file.kind !== "belief" ? prepared.parameters(named, bucket, ignored) : named;
      const error = fits === null || fits.ok ? null : `${policyKey}: ${fits.error}`;
      return { ...configured, inForce: error === null ? policy : "threshold", error };
    },
  };
}

const UNREAD: NamedPolicy = { ok: false, error: "not read yet" };

function ignored(): void {}

/** The threshold knows nothing of who came before, so all thresholds are the same policy. */
function standIn({ threshold }: PolicyChoice, error: string | null): PolicyInForce {
  return { parameters: { kind: "threshold", threshold }, identity: "threshold", error };
}

function noKey(policy: PolicyName): string {
  return `policyKey: expected the key of a ${policy} policy, got null`;
}

function checkedPolicy(text: string, sha256: string, modelHash: string): NamedPolicy {
  const checked = checkPolicyText(text);
  if (!checked.ok) return checked;
  const { file } = checked;
  if (file.model === modelHash) return { ok: true, file, sha256 };
  return { ok: false, error: `model: made for ${file.model ?? "none"}, but this Worker runs ${modelHash}` };
}

/** The same text under the same key may be named as what it is not. */
function matching(named: NamedPolicy, policy: PolicyName): NamedPolicy {
  if (!named.ok || named.file.kind === policy) return named;
  return { ok: false, error: `kind: expected ${policy}, got ${named.file.kind}` };
}
