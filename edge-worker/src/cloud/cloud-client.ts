// What the Worker needs from a cloud, whatever serves it.
//
// Requests are Open Inference Protocol v2, because every GPU server speaks it (ours, Triton, KServe,
// MLServer, each also behind SageMaker): the endpoint can be replaced without touching the Worker.
import type { EncodedMessage, InferenceResponse } from "@spillway/shared/protocol/message";

/** What is wrong with a question for as long as the cloud is as it is: its form, or that it has not the model. */
export type Refusal = "request" | "model";

export interface CloudFailure {
  ok: false;
  reason: "cloud-timeout" | "cloud-error" | "cloud-overloaded";
  /** False only when the cloud surely computed nothing, so that the token can go back. */
  mayHaveWorked: boolean;
  /** Null when it is not a matter of what was asked. */
  refused: Refusal | null;
  /** For the log. */
  detail: string;
}

export type CloudReply = { ok: true; response: InferenceResponse } | CloudFailure;

/** A body, and what has to be told beside it. */
export interface CloudBody {
  message: EncodedMessage;
  /** How long the answer is waited for, in whole milliseconds; null where the message says it itself. */
  timeoutMs: number | null;
}

/** One inference request on its way. */
export interface CloudCall extends CloudBody {
  model: string;
  /** The trace that it belongs to, as the header of that name says it. */
  traceparent: string;
}

export interface CloudClient {
  /** Never throws; ends as soon as the signal aborts. */
  infer(call: CloudCall, signal: AbortSignal): Promise<CloudReply>;
}

/** Cloudflare's own answers for an origin it never spoke to: down, unreachable, no TLS. */
const NEVER_REACHED = [521, 523, 525, 526];
/** Timed out, SageMaker's "the container failed", the client left. */
const MAY_HAVE_RUN = [408, 424, 499];
/** What servers answer to a body that they cannot read: Triton 400, others also 415 and 422. */
const BAD_REQUEST = [400, 415, 422];

/** A failure by the status of an HTTP reply that is not a success. */
export function failureOfStatus(status: number, detail: string): CloudFailure {
  if (status === 429 || status === 503) {
    return { ok: false, reason: "cloud-overloaded", mayHaveWorked: false, refused: null, detail };
  }
  // Most 4xx answer a request that was never run.
  const isRefusal = status >= 400 && status < 500 && !MAY_HAVE_RUN.includes(status);
  const wasNotRun = isRefusal || NEVER_REACHED.includes(status);
  const refused = status === 404 ? "model" : BAD_REQUEST.includes(status) ? "request" : null;
  return { ok: false, reason: "cloud-error", mayHaveWorked: !wasNotRun, refused, detail };
}
