// The trace under which the cloud is asked. The Worker records no spans, so a caller's context goes on as it
// came, and the cloud's spans hang below the caller's own.
import { formatTraceparent, idOfBytes, parseTraceparent, traceIdOfUuid } from "@spillway/shared/protocol/trace-context";

/**
 * @param header the caller's `traceparent`
 * @param id of the request, a UUID: names the trace where the caller named none
 * @param random eight bytes
 */
export function traceparentOf(header: string | undefined, id: string, random: Uint8Array): string {
  const caller = parseTraceparent(header);
  if (caller !== null) return formatTraceparent(caller);
  return formatTraceparent({ traceId: traceIdOfUuid(id), spanId: idOfBytes(random), isSampled: true, isRandom: true });
}
