// Why a request's signal fired: its client went away, or the time it allowed ran out.
import { type Failure, failure } from "../errors.ts";

/** A signal that fires with the client's own, or after the time the request allows. */
export function requestSignal(client: AbortSignal, timeoutMs: number | null): AbortSignal {
  return timeoutMs === null ? client : AbortSignal.any([client, AbortSignal.timeout(timeoutMs)]);
}

export function abandonment(signal: AbortSignal): Failure {
  const isTimeout = signal.reason instanceof DOMException && signal.reason.name === "TimeoutError";
  return isTimeout
    ? failure("timeout", "the request's timeout ran out before the model was free")
    : failure("client-gone", "the client closed the connection");
}
