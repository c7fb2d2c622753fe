// A policy on its way into KV: checked as the Worker will check it, for the model that it runs and the bucket that
// will be in force.
import { policyParameters } from "@spillway/shared/policy/policy-parameters";
import type { Config } from "@spillway/shared/schema/config";
import { checkPolicyText, POLICY_HASH_KEY, type PolicyFile, policyKeyOf } from "@spillway/shared/schema/policy";
import { sha256Hex } from "../sha256.ts";
import type { NamedText, PublishStore } from "./publish.ts";

export interface FreshPolicy {
  name: string;
  text: string;
  key: string;
  file: PolicyFile;
}

const FALLBACK = 'the Worker will fall back to "threshold"';

/** @throws Error with one line naming the document, if it is no policy of this model */
export function freshPolicy({ name, text }: NamedText, modelHash: string): FreshPolicy {
  const checked = checkedPolicy(text, modelHash);
  if (!checked.ok) throw new Error(`${name}: ${checked.error}`);
  return { name, text, key: policyKeyOf(sha256Hex(text)), file: checked.file };
}

/** The configuration with the policy in it. @throws Error with one line if it does not fit the bucket */
export function withPolicy(config: Config, { name, key, file }: FreshPolicy): Config {
  const fit = policyParameters(file, config.offload.bucket);
  if (!fit.ok) throw new Error(`${name}: ${fit.error}`);
  return { ...config, offload: { ...config.offload, policy: file.kind, policyKey: key } };
}

/** Why the policy that a configuration names will not decide; nothing where it will. */
export async function policyWarnings({ offload }: Config, modelHash: string, store: PublishStore): Promise<string[]> {
  const { policy, policyKey, bucket } = offload;
  if (policy === "threshold") return [];
  if (policyKey === null) return [`offload.policy is "${policy}", but offload.policyKey is null: ${FALLBACK}`];
  const text = await store.get(policyKey);
  if (text === null) return [`${policyKey}: not in KV, publish it with --policy: ${FALLBACK}`];
  const sha256 = sha256Hex(text);
  if (POLICY_HASH_KEY.test(policyKey) && policyKey !== policyKeyOf(sha256)) {
    return [`${policyKey}: damaged in KV, its SHA-256 is ${sha256}: ${FALLBACK}`];
  }
  const checked = checkedPolicy(text, modelHash);
  if (!checked.ok) return [`${policyKey}: ${checked.error}: ${FALLBACK}`];
  const { kind } = checked.file;
  if (kind !== policy) return [`${policyKey}: kind: it is "${kind}", but offload.policy is "${policy}": ${FALLBACK}`];
  const fit = policyParameters(checked.file, bucket);
  return fit.ok ? [] : [`${policyKey}: ${fit.error}: ${FALLBACK}`];
}

function checkedPolicy(text: string, modelHash: string): ReturnType<typeof checkPolicyText> {
  const checked = checkPolicyText(text);
  if (!checked.ok || checked.file.model === modelHash) return checked;
  const made = checked.file.model === null ? "for no model" : `for ${checked.file.model}`;
  return { ok: false, error: `model: made ${made}, but this model is ${modelHash}` };
}
