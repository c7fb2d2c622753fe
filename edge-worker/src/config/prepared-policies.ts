// Policies made ready for a bucket: tables and networks at once, token prices when there is time.
//
// Solving prices takes the CPU for up to some seconds, which is longer than a decision may take. So they are solved after
// the answer, a few milliseconds at a time, so that other clients' gates in the isolate wait no longer than that; until
// then those of the same policy for another bucket serve, if there are any. What a token is worth is off then for a
// moment, while the bucket itself is the new one from the first.
import type { BucketOptions } from "@spillway/shared/bucket/token-bucket";
import {
  type PolicyParametersCheck,
  policyParameters,
  policyParametersInSteps,
} from "@spillway/shared/policy/policy-parameters";
import type { PolicyFile } from "@spillway/shared/schema/policy";
import { MAX_PREPARED_POLICIES, SOLVE_AFTER_MS, SOLVE_TIMEOUT_MS } from "../limits.ts";
import { keepNewest } from "./keep-newest.ts";

/** A checked policy, and the SHA-256 of its text. */
export interface PolicyText {
  file: PolicyFile;
  sha256: string;
}

export interface PreparedPolicies {
  /**
   * The policy's parameters for this bucket, or for an earlier one while they are being solved; null while there are
   * none at all. Nothing is made ready twice as long as it is held.
   *
   * @param background keeps a promise running after the answer
   */
  parameters(
    policy: PolicyText,
    bucket: BucketOptions,
    background: (work: Promise<unknown>) => void,
  ): PolicyParametersCheck | null;
}

/** @param now milliseconds, of a clock that never goes backwards */
export function createPreparedPolicies(now: () => number): PreparedPolicies {
  /** By policy and bucket, the longest unused first. */
  const prepared = new Map<string, PolicyParametersCheck & { sha256: string }>();
  /** Since when, by policy and bucket. */
  const beingSolved = new Map<string, number>();

  function hold(name: string, sha256: string, check: PolicyParametersCheck): PolicyParametersCheck {
    keepNewest(prepared, name, { ...check, sha256 }, MAX_PREPARED_POLICIES);
    return check;
  }

  /** Unless somebody is at it; one that never ended was lost with the object that began it. */
  async function solveLater(name: string, policy: PolicyText, bucket: BucketOptions): Promise<void> {
    const sinceMs = beingSolved.get(name);
    if (sinceMs !== undefined && now() - sinceMs < SOLVE_TIMEOUT_MS) return;
    beingSolved.set(name, now());
    await scheduler.wait(SOLVE_AFTER_MS);
    const steps = policyParametersInSteps(policy.file, bucket);
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done) {
        hold(name, policy.sha256, step.value);
        break;
      }
      await scheduler.wait(0);
    }
    beingSolved.delete(name);
  }

  return {
    parameters(policy, bucket, background) {
      const name = `${policy.sha256} ${bucket.rate} ${bucket.depth}`;
      const ready = prepared.get(name);
      if (ready !== undefined) {
        keepNewest(prepared, name, ready, MAX_PREPARED_POLICIES);
        return ready;
      }
      if (policy.file.kind !== "belief") return hold(name, policy.sha256, policyParameters(policy.file, bucket));
      background(solveLater(name, policy, bucket));
      return Array.from(prepared.values()).findLast(({ sha256 }) => sha256 === policy.sha256) ?? null;
    },
  };
}
