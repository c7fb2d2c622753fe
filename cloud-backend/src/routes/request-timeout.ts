// How long a caller waits, told in a header: for callers whose message has no place for the protocol's
// own `timeout`, and for proxies that read no messages.
import { failure, type Outcome, success } from "../errors.ts";
import { MAX_TIMEOUT_MICROSECONDS } from "../limits.ts";

export const TIMEOUT_FIELD = "X-Request-Timeout-Ms";
const MAX_TIMEOUT_MS = MAX_TIMEOUT_MICROSECONDS / 1000;

/** Whole milliseconds from the request's arrival; null when the header is absent. */
export function requestTimeoutMs(header: string | undefined): Outcome<number | null> {
  if (header === undefined) return success(null);
  const timeoutMs = /^\d{1,7}$/.test(header) ? Number(header) : 0;
  if (timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS) return success(timeoutMs);
  return failure("bad-request", `${TIMEOUT_FIELD}: expected whole milliseconds from 1 to ${MAX_TIMEOUT_MS}`);
}
