// One request, from bytes to answer, in the order in which it happens.

import { expectedGain } from "@spillway/shared/offload/expected-gain";
import { fuse } from "@spillway/shared/offload/fusion";
import type { Config } from "@spillway/shared/schema/config";
import type { Result } from "@spillway/shared/schema/result";
import { answerOf } from "./answer.ts";
import type { Gate } from "./bucket/gate-client.ts";
import { type Asker, askCloud, type CloudServices, type Patience } from "./cloud/ask-cloud.ts";
import { largeQuestion } from "./cloud/large-route.ts";
import type { CalibratedConfig } from "./config/config-store.ts";
import type { ImageFailure } from "./image/failure.ts";
import { readPicture } from "./image/picture.ts";
import type { EdgeModel } from "./inference/edge-model.ts";
import { runExits } from "./inference/exits.ts";
import type { ModelBundle } from "./inference/model-bundle.ts";
import { GATE_TIMEOUT_MS } from "./limits.ts";
import { startStopwatch } from "./stopwatch.ts";

export interface ClassifyRequest extends Asker {
  /** The encoded image. */
  image: Uint8Array;
  /** How many labels to list. */
  top: number;
  /** When it came, on the services' clock. */
  startedMs: number;
  /** Milliseconds from then in which the caller wants an answer; null when any time will do. */
  deadlineMs: number | null;
}

export interface ClassifyServices extends CloudServices {
  bundle: ModelBundle;
  edgeModel: EdgeModel;
  gate: Gate;
}

export type ClassifyOutcome = { ok: true; result: Result } | ({ ok: false } & ImageFailure);

export async function classify(
  request: ClassifyRequest,
  { config, calibration }: CalibratedConfig,
  services: ClassifyServices,
): Promise<ClassifyOutcome> {
  const { manifest } = services.bundle;
  const watch = startStopwatch(services.now, request.startedMs);
  const answer = answerOf(request, config, services.bundle, watch);

  const picture = readPicture(request.image, config.limits, manifest);
  if ("reason" in picture) return { ok: false, ...picture };
  watch.lap("decodeMs");

  const edge = await runExits(picture.edge, config.edge, calibration, services.edgeModel);
  watch.lap("edgeMs");
  const gain = () => expectedGain(calibration, config.edge.confidence, edge.probabilities, edge.confidence);
  if (edge.exit !== null) {
    services.gate.note(gain, config.offload);
    return answer(edge, { reason: "confident", exit: edge.exit });
  }

  const metric = gain();
  if (!config.offload.enabled) return answer(edge, { reason: "offload-disabled", metric });
  const timeForGate = timeLeft(request, watch.elapsedMs());
  if (timeForGate <= 0) {
    services.gate.note(() => metric, config.offload);
    return answer(edge, { reason: "deadline", metric });
  }

  const { offload: isGranted, ...verdict } = await askGate(services.gate, metric, config.offload, timeForGate);
  watch.lap("gateMs");
  const deadlineLeft = timeLeft(request, watch.elapsedMs());
  if (deadlineLeft <= 0) {
    if (isGranted) services.gate.refund();
    return answer(edge, { ...verdict, reason: "deadline", metric });
  }
  if (!isGranted) return answer(edge, { ...verdict, metric });

  // The tail joins here as a second route; until then every offload takes the large model.
  const route = "large";
  const question = largeQuestion(request, picture.large, manifest, calibration.cloud);
  const cloud = await askCloud(question, patience(config.offload, deadlineLeft), services);
  watch.lap("cloudMs");
  const { bytesSent } = cloud;
  const sent = { ...verdict, metric, route: bytesSent === null ? null : route, bytesSent } as const;
  if (!cloud.ok) {
    if (!cloud.mayHaveWorked) services.gate.refund();
    return answer(edge, { ...sent, reason: cloud.reason });
  }
  const fusion = config.offload.fuse ? calibration.fusion : null;
  const probabilities = fusion === null ? cloud.answer : fuse(edge.probabilities, cloud.answer, fusion);
  return answer({ probabilities }, { ...sent, tier: "cloud" });
}

function timeLeft({ deadlineMs }: ClassifyRequest, elapsedMs: number): number {
  return deadlineMs === null ? Number.POSITIVE_INFINITY : deadlineMs - elapsedMs;
}

/** The gate's word; when it stays out because the caller has no time to wait for it, the reason is the deadline. */
async function askGate(gate: Gate, metric: number, offload: Config["offload"], timeLeftMs: number) {
  const timeoutMs = Math.min(GATE_TIMEOUT_MS, timeLeftMs);
  const answer = await gate.decide(metric, offload, timeoutMs);
  const isCutShort = answer.reason === "gate-unavailable" && timeoutMs < GATE_TIMEOUT_MS;
  return isCutShort ? { ...answer, reason: "deadline" as const } : answer;
}

/** The cloud may take as long as configured, or as the caller has left. */
function patience({ timeoutMs, retries }: Config["offload"], deadlineLeft: number): Patience {
  return { timeoutMs: Math.min(timeoutMs, deadlineLeft), isDeadline: deadlineLeft < timeoutMs, retries };
}
