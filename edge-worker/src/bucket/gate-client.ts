// The Worker's side of the gate: one short call, with a deadline. When the gate cannot be asked,
// nothing is offloaded: the budget is a promise, the cloud's better answer is not.
import { hasHistory } from "@spillway/shared/policy/decide";
import type { GateDecision, SeenImage } from "@spillway/shared/policy/gate";
import type { Config } from "@spillway/shared/schema/config";
import { log } from "../telemetry/log.ts";
import { withinTime } from "../within-time.ts";
import type { ImageReports } from "./image-reports.ts";
import type { OffloadGate } from "./offload-gate.ts";

export type GateAnswer = GateDecision | typeof UNAVAILABLE;

const UNAVAILABLE = {
  offload: false,
  reason: "gate-unavailable",
  threshold: null,
  tokens: null,
  policy: null,
} as const;

/** The gate of one client, for one of its images. */
export interface Gate {
  /** Asks whether this image is worth a token, and takes one when it is. Never throws. */
  decide(metric: number, offload: Config["offload"], timeoutMs: number): Promise<GateAnswer>;
  /**
   * The image is answered without asking. The gate may hear of it, but the answer waits for nothing.
   *
   * @param metric computed only when a policy wants to know
   */
  note(metric: () => number, offload: Config["offload"]): void;
  /** Gives the token of a granted offload back, after the answer has gone out. */
  refund(): void;
}

/**
 * @param reports of this isolate
 * @param image whose client's gate it is, and when it came, in milliseconds since 1970
 * @param background keeps a promise running after the response, as `waitUntil` does
 */
export function gateOf(
  stub: Pick<DurableObjectStub<OffloadGate>, "decide" | "report" | "refund">,
  reports: ImageReports,
  { clientKey, atMs }: { clientKey: string; atMs: number },
  background: (work: Promise<unknown>) => void,
): Gate {
  function inBackground(failure: string, work: Promise<void>): void {
    background(work.catch((error: unknown) => log(failure, { detail: String(error) })));
  }

  function refund(): void {
    inBackground("refund-failure", stub.refund());
  }

  return {
    refund,

    note(metric, offload) {
      if (!offload.enabled || !hasHistory({ kind: offload.policy })) return;
      const seen = reports.note(clientKey, { metric: metric(), atMs });
      if (seen !== null) inBackground("report-failure", stub.report({ seen, offload: choiceOf(offload) }));
    },

    async decide(metric, offload, timeoutMs) {
      const looksBack = hasHistory({ kind: offload.policy });
      const seen: readonly SeenImage[] = looksBack ? reports.take(clientKey) : [];
      const decision: Promise<GateDecision> = stub.decide({ metric, atMs, seen, offload: choiceOf(offload) });
      try {
        const answer = await withinTime(decision, timeoutMs);
        if (answer !== null) {
          // While a threshold stands in, nobody keeps the history.
          const isLost = looksBack && !hasHistory({ kind: answer.policy });
          if (isLost) reports.giveBack(clientKey, [...seen, { metric, atMs }]);
          return answer;
        }
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

function choiceOf({ policy, policyKey, threshold, bucket }: Config["offload"]) {
  return { policy, policyKey, threshold, bucket };
}
