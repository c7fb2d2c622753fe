// How long a caller waits, told beside the message: for callers whose message has no place for the protocol's
// own `timeout`, such as a bare image or frame, and for proxies that read no messages. Behind SageMaker, which
// strips the header, it travels in the custom attributes.
import { CUSTOM_ATTRIBUTES_FIELD, parseCustomAttributes } from "@spillway/shared/protocol/custom-attributes";
import { TIMEOUT_ATTRIBUTE, TIMEOUT_FIELD } from "@spillway/shared/protocol/request-timeout";
import { failure, type Outcome, success } from "../errors.ts";
import { MAX_TIMEOUT_MICROSECONDS } from "../limits.ts";

const MAX_TIMEOUT_MS = MAX_TIMEOUT_MICROSECONDS / 1000;

/** Whole milliseconds from the request's arrival; null when neither says. The header outweighs the attribute. */
export function requestTimeoutMs(header: (name: string) => string | undefined): Outcome<number | null> {
  const told = header(TIMEOUT_FIELD);
  const text = told ?? parseCustomAttributes(header(CUSTOM_ATTRIBUTES_FIELD)).get(TIMEOUT_ATTRIBUTE);
  if (text === undefined) return success(null);
  const timeoutMs = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS) return success(timeoutMs);
  const name = told === undefined ? TIMEOUT_ATTRIBUTE : TIMEOUT_FIELD;
  return failure("bad-request", `${name}: expected whole milliseconds from 1 to ${MAX_TIMEOUT_MS}`);
}
