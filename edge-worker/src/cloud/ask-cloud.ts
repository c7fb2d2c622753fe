// One question to the cloud: the circuit breaker, the deadline, retries within it of what may pass, and
// a reply that is checked before it is believed.

import { encodeRequest, type InferenceRequest, type InferenceResponse } from "@spillway/shared/protocol/message";
import type { Reason } from "@spillway/shared/schema/result";
import { log } from "../telemetry/log.ts";
import type { CircuitBreaker } from "./circuit-breaker.ts";
import type { CloudCall, CloudClient, CloudFailure } from "./cloud-client.ts";
import { failureOfError } from "./failure-of-error.ts";

/** The request on whose behalf the cloud is asked. */
export interface Asker {
  id: string;
  /** The trace that it belongs to, as the header of that name says it. */
  traceparent: string;
}

export interface CloudQuestion<Answer> {
  model: string;
  request: InferenceRequest;
  traceparent: string;
  /** Reads the reply. @throws when it is not what was asked for */
  read(response: InferenceResponse): Answer;
}

export interface Patience {
  timeoutMs: number;
  /** True when the caller's deadline, and not the configuration, sets the timeout. */
  isDeadline: boolean;
  retries: number;
}

export interface CloudServices {
  cloud: CloudClient;
  circuit: CircuitBreaker;
  now(): number;
}

export type CloudOutcome<Answer> =
  | { ok: true; answer: Answer; bytesSent: number }
  | { ok: false; reason: Reason; mayHaveWorked: boolean; bytesSent: number | null };

export async function askCloud<Answer>(
  question: CloudQuestion<Answer>,
  patience: Patience,
  { cloud, circuit, now }: CloudServices,
): Promise<CloudOutcome<Answer>> {
  const signal = AbortSignal.timeout(patience.timeoutMs);
  const endMs = now() + patience.timeoutMs;
  let mayHaveWorked = false;
  let bytesSent = 0;
  let last: Reason = "circuit-open";
  for (let retriesLeft = patience.retries; circuit.allows(now()); retriesLeft--) {
    const call = callWithin(question, endMs - now());
    bytesSent += call.message.body.byteLength;
    const outcome = await askOnce(question, call, cloud, signal);
    if (outcome.ok) {
      circuit.succeeded();
      return { ...outcome, bytesSent };
    }
    mayHaveWorked ||= outcome.mayHaveWorked;
    last = outcome.reason;
    // Its id and trace are also in the cloud's own log.
    const { request, traceparent } = question;
    log("cloud-failure", { id: request.id, traceparent, reason: outcome.reason, detail: outcome.detail });
    const isTimeout = outcome.reason === "cloud-timeout";
    // A caller in a hurry says nothing about the cloud's health.
    if (isTimeout && patience.isDeadline) return { ok: false, reason: "deadline", mayHaveWorked, bytesSent };
    circuit.failed(now());
    // A cloud that refuses would refuse again, and one that has no room must not be asked more often for it.
    const mayPass = outcome.mayHaveWorked && !isTimeout;
    if (!mayPass || retriesLeft === 0) break;
  }
  return { ok: false, reason: last, mayHaveWorked, bytesSent: bytesSent === 0 ? null : bytesSent };
}

/** The protocol's `timeout`, in microseconds, lets the cloud drop what nobody waits for any more. */
function callWithin({ model, request, traceparent }: CloudQuestion<unknown>, timeLeftMs: number): CloudCall {
  const timeout = Math.max(1, Math.round(timeLeftMs * 1000));
  return { model, traceparent, message: encodeRequest({ ...request, parameters: { ...request.parameters, timeout } }) };
}

async function askOnce<Answer>(
  question: CloudQuestion<Answer>,
  call: CloudCall,
  client: CloudClient,
  signal: AbortSignal,
): Promise<{ ok: true; answer: Answer } | CloudFailure> {
  const reply = await Promise.race([client.infer(call, signal), timedOut(signal)]);
  if (!reply.ok) return reply;
  try {
    return { ok: true, answer: question.read(reply.response) };
  } catch (error) {
    return failureOfError(error, signal);
  }
}

/** Settles when the signal aborts, whatever the client is still waiting for. */
function timedOut(signal: AbortSignal): Promise<CloudFailure> {
  const failure: CloudFailure = { ok: false, reason: "cloud-timeout", mayHaveWorked: true, detail: "no reply in time" };
  return new Promise((resolve) => {
    if (signal.aborted) resolve(failure);
    signal.addEventListener("abort", () => resolve(failure), { once: true });
  });
}
