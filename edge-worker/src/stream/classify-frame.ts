// One frame, as a request of its own: the same limits, the same gate of the client, the same order of steps.
import type { FrameAnswer } from "@spillway/shared/schema/stream";
import { type Gate, gateFor } from "../bucket/gate-client.ts";
import { classify } from "../classify.ts";
import { traceparentOf } from "../cloud/traceparent.ts";
import { type Failure, problemDocument } from "../errors.ts";
import { ModelError } from "../inference/edge-model.ts";
import type { Isolate } from "../isolate.ts";
import { log } from "../telemetry/log.ts";
import type { Frame } from "./frame-queue.ts";

export interface FrameClassifier {
  isolate: Isolate;
  gates: Env["OFFLOAD_GATE"];
  /** Whose bucket the stream spends, and whose requests its frames are. */
  clientKey: string;
  /** The stream's own: what is known of the way to the cloud, and how fast frames come. */
  link: string;
  /** Keeps a promise running after the answer. */
  background: (work: Promise<unknown>) => void;
}

/** Never rejects. @param endTurn called when the edge network is free for another frame */
export async function classifyFrame(
  frame: Frame,
  endTurn: () => void,
  classifier: FrameClassifier,
): Promise<FrameAnswer> {
  try {
    return await answerFrame(frame, endTurn, classifier);
  } catch (error) {
    if (error instanceof ModelError) {
      log("model-unusable", { detail: error.message });
      return problemAnswer(frame, { reason: "unavailable", detail: "the model cannot be run" });
    }
    log("internal-error", { frame: frame.id, detail: error instanceof Error ? error.stack : String(error) });
    return problemAnswer(frame, { reason: "internal", detail: "the frame could not be classified" });
  }
}

async function answerFrame(frame: Frame, endTurn: () => void, classifier: FrameClassifier): Promise<FrameAnswer> {
  const { isolate, gates, clientKey, link, background } = classifier;
  const atMs = Date.now();
  const effective = await isolate.configs.current(background);
  const { maxBytes, requestsPerMinute } = effective.config.limits;
  if (isolate.meter.waitSeconds(clientKey, requestsPerMinute, isolate.now()) > 0) {
    return problemAnswer(frame, {
      reason: "too-many-requests",
      detail: `more than ${requestsPerMinute} requests a minute`,
    });
  }
  const { image, top, arrivedMs: startedMs, deadlineMs } = frame;
  if (image.byteLength > maxBytes) {
    return problemAnswer(frame, { reason: "too-many-bytes", detail: `expected at most ${maxBytes} bytes` });
  }
  if (image.byteLength === 0) {
    return problemAnswer(frame, { reason: "not-an-image", detail: "expected an image, got no bytes" });
  }
  const id = crypto.randomUUID();
  // A trace a frame: one of the whole stream would have no end.
  const traceparent = traceparentOf(undefined, id, crypto.getRandomValues(new Uint8Array(8)));
  const gate = gateFor(gates, { clientKey, atMs }, { ...isolate, background });
  const request = { id, traceparent, image, link, top, startedMs, deadlineMs };
  const outcome = await classify(request, effective, { ...isolate, gate: endingTurn(gate, endTurn) });
  if (!outcome.ok) return problemAnswer(frame, outcome);
  return { type: "answer", frame: frame.id, result: outcome.result };
}

/** The edge network has spoken when the gate is asked, or told. */
function endingTurn(gate: Gate, endTurn: () => void): Gate {
  return {
    ...gate,
    note(...image) {
      endTurn();
      gate.note(...image);
    },
    decide(...image) {
      endTurn();
      return gate.decide(...image);
    },
  };
}

function problemAnswer({ id }: Frame, { reason, detail }: Failure): FrameAnswer {
  return { type: "problem", frame: id, problem: problemDocument({ reason, detail }) };
}
