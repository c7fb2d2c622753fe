// Which trace a request belongs to, as the header `traceparent` carries it from the caller through the
// Worker to the backend: `00-<trace id>-<span id>-<flags>`. W3C Trace Context, level 2. Randomness is an
// argument.

export const TRACEPARENT_FIELD = "traceparent";

export interface TraceContext {
  /** 32 lower-case hexadecimal digits, not all of them zero. */
  traceId: string;
  /** The caller's span: 16 such digits. */
  spanId: string;
  /** Whether the caller may have recorded the trace, and would like others to. */
  isSampled: boolean;
  /** Whether the trace id was drawn at random, so that its digits may decide about sampling. */
  isRandom: boolean;
}

const SAMPLED = 1;
const RANDOM = 2;
/** A version that is still to come may append fields of its own after the flags. */
const FORMAT =
  /^(?<version>[0-9a-f]{2})-(?<traceId>[0-9a-f]{32})-(?<spanId>[0-9a-f]{16})-(?<flags>[0-9a-f]{2})(?<rest>-.*)?$/;
const ALL_ZERO = /^0+$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Null for anything that the standard tells receivers to ignore. */
export function parseTraceparent(header: string | null | undefined): TraceContext | null {
  const fields = FORMAT.exec(header ?? "")?.groups;
  if (fields === undefined) return null;
  const { version, traceId, spanId, rest } = fields;
  if (version === "ff" || (version === "00" && rest !== undefined)) return null;
  if (ALL_ZERO.test(traceId) || ALL_ZERO.test(spanId)) return null;
  const flags = Number.parseInt(fields.flags, 16);
  return { traceId, spanId, isSampled: (flags & SAMPLED) !== 0, isRandom: (flags & RANDOM) !== 0 };
}

export function formatTraceparent({ traceId, spanId, isSampled, isRandom }: TraceContext): string {
  const flags = (isSampled ? SAMPLED : 0) | (isRandom ? RANDOM : 0);
  return `00-${traceId}-${spanId}-0${flags}`;
}

/** A trace id from 16 random bytes, a span id from 8. */
export function idOfBytes(random: Uint8Array): string {
  const id = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
  // Once in 2^64 draws; the standard has no such id.
  return ALL_ZERO.test(id) ? id.replace(/0$/, "1") : id;
}

/**
 * A UUID is a trace id written with dashes.
 *
 * @throws RangeError for anything but a UUID
 */
export function traceIdOfUuid(uuid: string): string {
  if (!UUID.test(uuid)) throw new RangeError(`uuid: expected a UUID, got ${JSON.stringify(uuid.slice(0, 64))}`);
  return uuid.replaceAll("-", "").toLowerCase();
}
