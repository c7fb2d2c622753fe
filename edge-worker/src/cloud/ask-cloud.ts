// One question to the cloud: the circuit breaker, the deadline, retries within it of what may pass, and
// a reply that is checked before it is believed.

import type { InferenceResponse } from "@spillway/shared/protocol/message";
import type { Reason } from "@spillway/shared/schema/result";
import { log } from "../telemetry/log.ts";
import type { CircuitBreaker } from "./circuit-breaker.ts";
import type { CloudBody, CloudCall, CloudClient, CloudFailure, Refusal } from "./cloud-client.ts";
import { failureOfError } from "./failure-of-error.ts";

/** The request on whose behalf the cloud is asked. */
export interface Asker {
  id: string;
  /** The trace that it belongs to, as the header of that name says it. */
  traceparent: string;
}

export interface CloudQuestion<Answer> {
  model: string;
  /** For the log. */
  id: string;
  traceparent: string;
  /** @param timeLeftMs for which the answer will be waited for: told, a cloud can drop what nobody wants any more */
  encode(timeLeftMs: number): CloudBody;
  /** Reads the reply. @throws when it is not what was asked for */
  read(response: InferenceResponse): Answer;
  /** The same in a form that every server takes, where this one may be refused as it is. */
  plainly?: CloudQuestion<Answer>;
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

export type CloudOutcome<Answer> = (
  | { ok: true; answer: Answer; bytesSent: number }
  | { ok: false; reason: Reason; mayHaveWorked: boolean; refused: Refusal | null; bytesSent: number | null }
) & {
  /** Requests that were made. */
  attempts: number;
  /** From the first one to the end. */
  durationMs: number;
  /** Whether the last of them was the question in its plain form. */
  isPlain: boolean;
};

export async function askCloud<Answer>(
  question: CloudQuestion<Answer>,
  patience: Patience,
  { cloud, circuit, now }: CloudServices,
): Promise<CloudOutcome<Answer>> {
  const signal = AbortSignal.timeout(patience.timeoutMs);
  const startMs = now();
  const endMs = startMs + patience.timeoutMs;
  let asked = question;
  let attempts = 0;
  let bytesSent = 0;
  let mayHaveWorked = false;
  let last: { reason: Reason; refused: Refusal | null } = { reason: "circuit-open", refused: null };

  const attempt = async () => {
    const call = { ...asked.encode(endMs - now()), model: asked.model, traceparent: asked.traceparent };
    attempts += 1;
    bytesSent += call.message.body.byteLength;
    const outcome = await askOnce(asked, call, cloud, signal);
    if (!outcome.ok) logFailure(asked, outcome);
    return outcome;
  };
  const effort = () => ({ attempts, durationMs: now() - startMs, isPlain: asked !== question });
  const failed = (reason: Reason) => {
    const { refused } = last;
    return {
      ok: false,
      reason,
      refused,
      mayHaveWorked,
      bytesSent: attempts === 0 ? null : bytesSent,
      ...effort(),
    } as const;
  };

  for (let retriesLeft = patience.retries; circuit.allows(now()); retriesLeft--) {
    let outcome = await attempt();
    if (!outcome.ok && outcome.refused === "request" && asked.plainly !== undefined) {
      // The server is well; it is only not ours.
      asked = asked.plainly;
      outcome = await attempt();
    }
    if (outcome.ok) {
      circuit.succeeded();
      return { ok: true, answer: outcome.answer, bytesSent, ...effort() };
    }
    mayHaveWorked ||= outcome.mayHaveWorked;
    last = outcome;
    const isTimeout = outcome.reason === "cloud-timeout";
    // A caller in a hurry says nothing about the cloud's health.
    if (isTimeout && patience.isDeadline) return failed("deadline");
    circuit.failed(now());
    // A cloud that refuses would refuse again, and one that has no room must not be asked more often for it.
    const mayPass = outcome.mayHaveWorked && !isTimeout && outcome.refused === null;
    if (!mayPass || retriesLeft === 0) break;
  }
  return failed(last.reason);
}

/** Its id and trace are also in the cloud's own log. */
function logFailure({ id, traceparent }: CloudQuestion<unknown>, { reason, detail }: CloudFailure): void {
  log("cloud-failure", { id, traceparent, reason, detail });
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
  const detail = "no reply in time";
  const failure: CloudFailure = { ok: false, reason: "cloud-timeout", mayHaveWorked: true, refused: null, detail };
  return new Promise((resolve) => {
    if (signal.aborted) resolve(failure);
    signal.addEventListener("abort", () => resolve(failure), { once: true });
  });
}
