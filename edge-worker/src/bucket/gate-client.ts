// The Worker's side of the gate: one short call, with a deadline. When the gate cannot be asked,
// nothing is offloaded: the budget is a promise, the cloud's better answer is not.
import { hasHistory } from "@spillway/shared/policy/decide";
import type { GateDecision, SeenImage } from "@spillway/shared/policy/gate";
import type { Config } from "@spillway/shared/schema/config";
import type { SendQuestion } from "@spillway/shared/split/client-link";
import type { SendReport } from "@spillway/shared/split/links";
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
  option: null,
} as const;

/** What became of an offload that was granted. `refused`: the cloud surely did no work for it. */
export type OffloadEnd = { outcome: "refused" } | Pick<SendReport, "outcome" | "bytes" | "durationMs">;

/** The gate of one client, for one of its images. */
export interface Gate {
  /**
   * Asks whether this image is worth a token, and takes one when it is. Never throws.
   *
   * @param question how it is best sent; null where there is nothing to choose, and nothing to be learnt from it
   */
  decide(
    metric: number,
    offload: Config["offload"],
    question: SendQuestion | null,
    timeoutMs: number,
  ): Promise<GateAnswer>;
  /**
   * The image is answered without asking. The gate may hear of it, but the answer waits for nothing.
   *
   * @param metric computed only when a policy wants to know
   */
  note(metric: () => number, offload: Config["offload"]): void;
  /**
   * To be called once for what was granted. The gate hears of it after the answer has gone out, and takes the token of a
   * refused offload back into the bucket.
   */
  settle(end: OffloadEnd): void;
}

export interface GateServices {
  /** Of this isolate. */
  reports: ImageReports;
  now(): number;
  /** Keeps a promise running after the response, as `waitUntil` does. */
  background(work: Promise<unknown>): void;
}

export interface GateImage {
  clientKey: string;
  /** When it came, in milliseconds since 1970. */
  atMs: number;
}

/** The gate of a client, whoever asks on its behalf: a request, or a stream for one of its frames. */
export function gateFor(gates: DurableObjectNamespace<OffloadGate>, image: GateImage, services: GateServices): Gate {
  return gateOf(gates.get(gates.idFromName(image.clientKey)), image, services);
}

export function gateOf(
  stub: Pick<DurableObjectStub<OffloadGate>, "decide" | "report" | "refund" | "settle">,
  { clientKey, atMs }: GateImage,
  { reports, now, background }: GateServices,
): Gate {
  /** Of the question that is open, and when it was asked. */
  let asked: { question: SendQuestion; atMs: number } | null = null;

  function inBackground(failure: string, work: Promise<void>): void {
    background(work.catch((error: unknown) => log(failure, { detail: String(error) })));
  }

  function refund(question: SendQuestion | null): void {
    const send = question === null ? null : { link: question.link, id: question.id };
    inBackground("refund-failure", stub.refund(send));
  }

  return {
    settle(end) {
      if (end.outcome === "refused") return refund(asked?.question ?? null);
      if (asked === null) return;
      const { link, id } = asked.question;
      const startDelayMs = now() - asked.atMs - end.durationMs;
      inBackground("report-failure", stub.settle({ link, id, startDelayMs, ...end }));
    },

    note(metric, offload) {
      if (!offload.enabled || !hasHistory({ kind: offload.policy })) return;
      const seen = reports.note(clientKey, { metric: metric(), atMs });
      if (seen !== null) inBackground("report-failure", stub.report({ seen, offload: choiceOf(offload) }));
    },

    async decide(metric, offload, question, timeoutMs) {
      asked = question === null ? null : { question, atMs: now() };
      const looksBack = hasHistory({ kind: offload.policy });
      const seen: readonly SeenImage[] = looksBack ? reports.take(clientKey) : [];
      const decision: Promise<GateDecision> = stub.decide({ metric, atMs, seen, offload: choiceOf(offload), question });
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
        if (looksBack) reports.giveBack(clientKey, [...seen, { metric, atMs }]);
        return UNAVAILABLE;
      }
      // Nobody will use a token that is granted too late.
      background(decision.then((late) => (late.offload ? refund(question) : undefined)).catch(() => undefined));
      return UNAVAILABLE;
    },
  };
}

function choiceOf({ policy, policyKey, threshold, bucket }: Config["offload"]) {
  return { policy, policyKey, threshold, bucket };
}
