// One request, from bytes to answer, in the order in which it happens.

import { expectedGain } from "@spillway/shared/offload/expected-gain";
import { fuse } from "@spillway/shared/offload/fusion";
import type { Config } from "@spillway/shared/schema/config";
import type { Result } from "@spillway/shared/schema/result";
import type { SendQuestion } from "@spillway/shared/split/client-link";
import type { SendOption } from "@spillway/shared/split/controller";
import { answerOf } from "./answer.ts";
import type { Gate } from "./bucket/gate-client.ts";
import type { Asker, Patience } from "./cloud/ask-cloud.ts";
import { askByRoute, type RouteServices } from "./cloud/ask-route.ts";
import { endOfOffload } from "./cloud/offload-end.ts";
import type { SendOptions } from "./cloud/send-options.ts";
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
  /** Names the link that its offload would take; see `SendQuestion`. */
  link: string;
  /** How many labels to list. */
  top: number;
  /** When it came, on the services' clock. */
  startedMs: number;
  /** Milliseconds from then in which the caller wants an answer; null when any time will do. */
  deadlineMs: number | null;
}

export interface ClassifyServices extends RouteServices {
  bundle: ModelBundle;
  edgeModel: EdgeModel;
  sendOptions: SendOptions;
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

  const { route } = config.offload;
  const options = services.sendOptions.offered(route, calibration, services.now());
  const question = questionOf(request, options, config.offload, timeForGate);
  const asked = await askGate(services.gate, metric, config.offload, question, timeForGate);
  const { offload: isGranted, option, ...verdict } = asked;
  watch.lap("gateMs");
  const deadlineLeft = timeLeft(request, watch.elapsedMs());
  if (deadlineLeft <= 0) {
    if (isGranted) services.gate.settle({ outcome: "refused" });
    return answer(edge, { ...verdict, reason: "deadline", metric });
  }
  if (!isGranted) return answer(edge, { ...verdict, metric });

  const sendable = { id: request.id, traceparent: request.traceparent, image: picture.large, features: edge.features };
  const ways = { chosen: option ?? options[0], mayChange: route === "auto" };
  const timeAllowed = patience(config.offload, deadlineLeft);
  const cloud = await askByRoute(ways, sendable, timeAllowed, { manifest, calibration }, services);
  watch.lap("cloudMs");
  services.gate.settle(endOfOffload(ways.chosen, cloud));
  if (!cloud.ok) return answer(edge, { ...verdict, metric, ...cloud.sent, reason: cloud.reason });
  const fusion = config.offload.fuse ? cloud.fusion : null;
  const probabilities = fusion === null ? cloud.answer : fuse(edge.probabilities, cloud.answer, fusion);
  return answer({ probabilities }, { ...verdict, metric, ...cloud.sent, tier: "cloud" });
}

function timeLeft({ deadlineMs }: ClassifyRequest, elapsedMs: number): number {
  return deadlineMs === null ? Number.POSITIVE_INFINITY : deadlineMs - elapsedMs;
}

/** Null where there is nothing to choose: the image may only go whole, or in one way and at any time. */
function questionOf(
  { id, link, deadlineMs }: ClassifyRequest,
  options: readonly SendOption[],
  { route, timeoutMs }: Config["offload"],
  timeLeftMs: number,
): SendQuestion | null {
  if (route === "large" || (options.length === 1 && deadlineMs === null)) return null;
  return { link, id, options, deadlineLeftMs: deadlineMs === null ? null : timeLeftMs, timeoutMs };
}

/** The gate's word; when it stays out because the caller has no time to wait for it, the reason is the deadline. */
async function askGate(
  gate: Gate,
  metric: number,
  offload: Config["offload"],
  question: SendQuestion | null,
  timeLeftMs: number,
) {
  const timeoutMs = Math.min(GATE_TIMEOUT_MS, timeLeftMs);
  const answer = await gate.decide(metric, offload, question, timeoutMs);
  const isCutShort = answer.reason === "gate-unavailable" && timeoutMs < GATE_TIMEOUT_MS;
  return isCutShort ? { ...answer, reason: "deadline" as const } : answer;
}

/** The cloud may take as long as configured, or as the caller has left. */
function patience({ timeoutMs, retries }: Config["offload"], deadlineLeft: number): Patience {
  return { timeoutMs: Math.min(timeoutMs, deadlineLeft), isDeadline: deadlineLeft < timeoutMs, retries };
}
