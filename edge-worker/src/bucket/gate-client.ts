// The Worker's side of the gate: one short call, with a deadline. When the gate cannot be asked,
// nothing is offloaded: the budget is a promise, the cloud's better answer is not.
import type { Config } from "@spillway/shared/schema/config";
import { log } from "../telemetry/log.ts";
import { withinTime } from "../within-time.ts";
import type { GateDecision, OffloadGate } from "./offload-gate.ts";

export type GateAnswer = GateDecision | typeof UNAVAILABLE;

const UNAVAILABLE = {
  offload: false,
  reason: "gate-unavailable",
  threshold: null,
  tokens: null,
  policy: null,
} as const;

export interface Gate {
  /** Asks whether this image is worth a token, and takes one when it is. Never throws. */
  decide(metric: number, offload: Config["offload"], timeoutMs: number): Promise<GateAnswer>;
  /** Gives the token of a granted offload back, after the answer has gone out. */
  refund(): void;
}

/**
 * The gate of one client.
 *
 * @param background keeps a promise running after the response, as `waitUntil` does
 */
export function gateOf(
  stub: Pick<DurableObjectStub<OffloadGate>, "decide" | "refund">,
  background: (work: Promise<unknown>) => void,
): Gate {
  function refund(): void {
    const refunded: Promise<void> = stub.refund();
    background(refunded.catch((error: unknown) => log("refund-failure", { detail: String(error) })));
  }

  return {
    refund,
    async decide(metric, { threshold, bucket }, timeoutMs) {
      const decision: Promise<GateDecision> = stub.decide({ metric, threshold, bucket });
      try {
        const answer = await withinTime(decision, timeoutMs);
        if (answer !== null) return answer;
      } catch (error) {
        log("gate-failure", { detail: String(error) });
        return UNAVAILABLE;
      }
      // Nobody will use a token that is granted too late.
      background(decision.then((late) => (late.offload ? refund() : undefined)).catch(() => undefined));
      return UNAVAILABLE;
    },
  };
}
