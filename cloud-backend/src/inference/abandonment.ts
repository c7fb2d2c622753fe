// Why a request's signal fired: its client went away, or the time it allowed ran out.
import { type Failure, failure } from "../errors.ts";

/** A signal that fires with the client's own, or after the time the request allows. */
export interface RequestSignal {
  signal: AbortSignal;
  /** Lets go of clock and client; to be called when the request is answered. */
  close(): void;
}

/**
 * Holds its timer itself: a signal of `AbortSignal.any` keeps those that it follows only weakly, and a
 * timeout that nobody else holds may be collected before it fires.
 */
export function openRequestSignal(client: AbortSignal, timeoutMs: number | null): RequestSignal {
  const controller = new AbortController();
  const leave = () => controller.abort(client.reason);
  const timer = timeoutMs === null ? undefined : setTimeout(() => controller.abort(TIMED_OUT), timeoutMs);
  client.addEventListener("abort", leave, { once: true });
  if (client.aborted) leave();
  return {
    signal: controller.signal,
    close() {
      clearTimeout(timer);
      client.removeEventListener("abort", leave);
    },
  };
}

export function abandonment({ reason }: AbortSignal): Failure {
  return reason === TIMED_OUT
    ? failure("timeout", "the request's timeout ran out before the model was free")
    : failure("client-gone", "the client closed the connection");
}

const TIMED_OUT = Symbol("timed out");
