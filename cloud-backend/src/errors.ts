// What can be expected to go wrong, and how each case is told over HTTP. An expected failure is a
// value; anything thrown is a bug and becomes a 500 that says nothing (see app.ts).
import { ProtocolError } from "@spillway/shared/protocol/tensor";
import { RETRY_AFTER_SECONDS } from "./limits.ts";

export type FailureReason =
  | "bad-request"
  | "not-an-image"
  | "bad-frame"
  | "not-found"
  | "method-not-allowed"
  | "unsupported-type"
  | "body-too-large"
  | "image-too-large"
  | "already-loaded"
  | "no-room"
  | "overloaded"
  | "not-ready"
  | "unloaded"
  | "timeout"
  | "client-gone"
  | "inference-failed"
  | "internal";

export interface Failure {
  ok: false;
  reason: FailureReason;
  /** Fit for the caller: no paths, no stack. */
  message: string;
}

export type Outcome<Value> = { ok: true; value: Value } | Failure;

/** A step of starting up; `error` is one line for the operator. */
export type StartupStep<Value> = { ok: true; value: Value } | { ok: false; error: string };

export function success<Value>(value: Value): { ok: true; value: Value } {
  return { ok: true, value };
}

export function failure(reason: FailureReason, message: string): Failure {
  return { ok: false, reason, message };
}

/** Runs a shared protocol function; what it finds wrong with the caller's message becomes a value. */
export function protocolOutcome<Value>(run: () => Value): Outcome<Value> {
  try {
    return success(run());
  } catch (error) {
    if (error instanceof ProtocolError) return failure("bad-request", error.message);
    throw error;
  }
}

/** The answer to a failed request, in the form the v2 protocol prescribes. */
export function failureResponse({ reason, message }: Failure, headers: Record<string, string> = {}): Response {
  const status = statusOf(reason);
  // A 503 of ours passes by itself, as the queue empties and the thread comes back; what somebody took away does not.
  const retry = status === 503 && reason !== "unloaded" ? { "Retry-After": String(RETRY_AFTER_SECONDS) } : {};
  const response = Response.json({ error: message }, { status, headers: { ...retry, ...headers } });
  messages.set(response, message);
  return response;
}

/** What a failed request was told, for the log; undefined for any other response. */
export function failureMessage(response: Response): string | undefined {
  return messages.get(response);
}

/** Beside the response: to read its body would cost more than to answer it. */
const messages = new WeakMap<Response, string>();

function statusOf(reason: FailureReason): number {
  switch (reason) {
    case "bad-request":
    case "not-an-image":
    case "bad-frame":
      return 400;
    case "not-found":
      return 404;
    case "method-not-allowed":
      return 405;
    // Triton says 400 for its own size limit; 413 is what HTTP means by it and what SageMaker's clients know.
    case "body-too-large":
    case "image-too-large":
      return 413;
    case "unsupported-type":
      return 415;
    // These two are SageMaker's words of a multi-model container.
    case "already-loaded":
      return 409;
    case "no-room":
      return 507;
    // Nobody reads it; it keeps logs and metrics honest. nginx's number for a closed request.
    case "client-gone":
      return 499;
    case "inference-failed":
    case "internal":
      return 500;
    // Triton's UNAVAILABLE, which is also how it rejects a request whose `timeout` ran out in the queue.
    case "overloaded":
    case "not-ready":
    case "unloaded":
    case "timeout":
      return 503;
    default:
      return reason satisfies never;
  }
}
