// What an offload tells the gate when it is over.
import type { SendOption } from "@spillway/shared/split/controller";
import type { OffloadEnd } from "../bucket/gate-client.ts";
import type { RouteOutcome } from "./ask-route.ts";

/** Only a single request that went the way it was to go, and was answered or waited for in vain, tells of the link. */
export function endOfOffload({ route }: Pick<SendOption, "route">, cloud: RouteOutcome): OffloadEnd {
  if (!cloud.ok && !cloud.mayHaveWorked) return { outcome: "refused" };
  const end = { bytes: cloud.bytesSent ?? 0, durationMs: cloud.durationMs };
  if (cloud.attempts !== 1 || cloud.sent.route !== route) return { outcome: "unclear", ...end };
  if (cloud.ok) return { outcome: "answered", ...end };
  const isLate = cloud.reason === "cloud-timeout" || cloud.reason === "deadline";
  return { outcome: isLate ? "given-up" : "unclear", ...end };
}
