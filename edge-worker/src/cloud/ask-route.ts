// An offload by the way that was chosen for it. When the tail turns out not to be there and the route is `auto`, the
// image itself goes to the large model in the time that is left.
import type { ResizedImage } from "@spillway/shared/preprocess/image-tensor";
import type { Calibration, Fusion } from "@spillway/shared/schema/calibration";
import type { Manifest } from "@spillway/shared/schema/manifest";
import type { Decision } from "@spillway/shared/schema/result";
import type { SendOption } from "@spillway/shared/split/controller";
import { type Asker, askCloud, type CloudOutcome, type CloudServices, type Patience } from "./ask-cloud.ts";
import { largeQuestion } from "./large-route.ts";
import type { TailAccess } from "./tail-access.ts";
import { settingIndex, tailQuestion } from "./tail-route.ts";

/** What of one request can be sent. */
export interface Sendable extends Asker {
  image: ResizedImage;
  /** The first stage's; null for a model whose first stage gives none. */
  features: Float32Array | null;
}

export interface Ways {
  chosen: SendOption;
  /** Whether the large model may take the tail's place. */
  mayChange: boolean;
}

export interface CalibratedModel {
  manifest: Manifest;
  calibration: Calibration;
}

export interface RouteServices extends CloudServices {
  tail: TailAccess;
}

export type RouteOutcome = CloudOutcome<Float64Array> & {
  /** The way that it went last. */
  sent: Pick<Decision, "route" | "setting" | "bytesSent">;
  /** How its answer goes together with the edge's; null where it is better alone. */
  fusion: Fusion | null;
};

export async function askByRoute(
  { chosen, mayChange }: Ways,
  sendable: Sendable,
  patience: Patience,
  model: CalibratedModel,
  services: RouteServices,
): Promise<RouteOutcome> {
  if (chosen.route === "large") return askLarge(sendable, patience, model, services);
  const outcome = await askTail(chosen, sendable, patience, model, services);
  if (outcome.ok || !mayChange || !isElsewhere(outcome)) return outcome;
  const timeoutMs = patience.timeoutMs - outcome.durationMs;
  if (timeoutMs <= 0) return outcome;
  const large = await askLarge(sendable, { ...patience, timeoutMs }, model, services);
  return after(outcome, large);
}

async function askLarge(
  { image, ...asker }: Sendable,
  patience: Patience,
  { manifest, calibration }: CalibratedModel,
  services: RouteServices,
): Promise<RouteOutcome> {
  const outcome = await askCloud(largeQuestion(asker, image, manifest, calibration.cloud), patience, services);
  return { ...outcome, sent: sentBy("large", null, outcome), fusion: calibration.fusion };
}

async function askTail(
  { setting: name }: SendOption,
  { features, ...asker }: Sendable,
  patience: Patience,
  { manifest, calibration }: CalibratedModel,
  { tail: access, ...services }: RouteServices,
): Promise<RouteOutcome> {
  const { tail } = manifest.cloud;
  if (tail === null) throw new RangeError("route: expected a model with a tail");
  const setting = settingIndex(tail, name);
  const fusion = calibration.tail?.[setting].fusion ?? null;
  // What no quantiser can take is a matter of this image alone: as the large model sees it, it may be in order.
  if (features === null || !features.every(Number.isFinite)) return { ...NOT_SENDABLE, fusion };
  const form = access.form(services.now());
  const question = tailQuestion(asker, features, { tail, setting }, manifest, calibration, form);
  const outcome = await askCloud(question, patience, { ...services, circuit: access.circuit });
  if (outcome.ok && outcome.isPlain) access.takesOnlyTensors(services.now());
  if (!outcome.ok && outcome.refused !== null) access.isMissing(services.now());
  return { ...outcome, sent: sentBy("tail", name, outcome), fusion };
}

const NOT_SENDABLE: Omit<Extract<RouteOutcome, { ok: false }>, "fusion"> = {
  ok: false,
  reason: "cloud-error",
  mayHaveWorked: false,
  refused: "request",
  bytesSent: null,
  attempts: 0,
  durationMs: 0,
  isPlain: false,
  sent: { route: null, setting: null, bytesSent: null },
};

/** Whether it was the tail alone that could not be asked. */
function isElsewhere(outcome: Extract<RouteOutcome, { ok: false }>): boolean {
  return outcome.refused !== null || outcome.reason === "circuit-open";
}

/** The second outcome, with what the first one cost besides. */
function after(first: Extract<RouteOutcome, { ok: false }>, second: RouteOutcome): RouteOutcome {
  const attempts = first.attempts + second.attempts;
  const bytesSent = attempts === 0 ? null : (first.bytesSent ?? 0) + (second.bytesSent ?? 0);
  const both = { attempts, sent: { ...second.sent, bytesSent } };
  if (second.ok) return { ...second, ...both };
  return { ...second, ...both, mayHaveWorked: first.mayHaveWorked || second.mayHaveWorked };
}

function sentBy(route: "large" | "tail", setting: string | null, { bytesSent }: CloudOutcome<unknown>) {
  return bytesSent === null ? { route: null, setting: null, bytesSent } : { route, setting, bytesSent };
}
