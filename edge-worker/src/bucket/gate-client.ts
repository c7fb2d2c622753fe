// The Worker's side of the gate: one short call, with a deadline. When the gate cannot be asked,
// nothing is offloaded: the budget is a promise, the cloud's better answer is not.
import type { Config } from "@spillway/shared/schema/config";
import { GATE_TIMEOUT_MS } from "../limits.ts";
import { log } from "../telemetry/log.ts";
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
  decide(metric: number, offload: Config["offload"]): Promise<GateAnswer>;
  /** Gives the token of a granted offload back, after the answer has gone out. */
  refund(): void;
}

/**
 * The gate of one client.
 *
 * @param background keeps a promise running after the response, as `waitUntil` does
 */
export function gateOf(
  namespace: DurableObjectNamespace<OffloadGate>,
  clientKey: string,
  background: (work: Promise<unknown>) => void,
): Gate {
  const stub = namespace.get(namespace.idFromName(clientKey));

  function refund(): void {
    background(stub.refund().catch((error: unknown) => log("refund-failure", { detail: String(error) })));
  }

  return {
    refund,
    async decide(metric, { threshold, bucket }) {
      const decision: Promise<GateDecision> = stub.decide({ metric, threshold, bucket });
      const answer = await withinTime(decision);
      if (answer !== null) return answer;
      // Nobody will use a token that is granted too late.
      background(decision.then((late) => (late.offload ? refund() : undefined)).catch(() => undefined));
      return UNAVAILABLE;
    },
  };
}

/** The decision, or null when it fails or takes longer than GATE_TIMEOUT_MS. */
async function withinTime(decision: Promise<GateDecision>): Promise<GateDecision | null> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), GATE_TIMEOUT_MS);
  });
  try {
    return await Promise.race([decision, late]);
  } catch (error) {
    log("gate-failure", { detail: String(error) });
    return null;
  } finally {
    clearTimeout(timer);
  }
}
