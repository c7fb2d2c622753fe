// What one isolate keeps between requests: the model's sessions, the configuration it read last, the circuits to the
// cloud and what it found out about the tail, the request rates, and images that wait to be reported to a gate. Made by
// the first request, since an isolate may neither compute much nor read its environment before one.

import { MAX_MAP_CHANNELS, MAX_MAP_VALUES } from "@spillway/shared/split/frame";
import { createImageReports, type ImageReports } from "./bucket/image-reports.ts";
import { CircuitBreaker } from "./cloud/circuit-breaker.ts";
import { createSendOptions, type SendOptions } from "./cloud/send-options.ts";
import { TailAccess } from "./cloud/tail-access.ts";
import { type ConfigStore, createConfigStore } from "./config/config-store.ts";
import { createPolicyStore, type PolicyStore } from "./config/policy-store.ts";
import { type Environment, readEnvironment } from "./environment.ts";
import { createEdgeModel, type EdgeModel } from "./inference/edge-model.ts";
import type { ModelBundle } from "./inference/model-bundle.ts";
import { CIRCUIT_FAILURES, CIRCUIT_OPEN_MS, MAX_TRACKED_CLIENTS } from "./limits.ts";
import { createRequestMeter, type RequestMeter } from "./request-meter.ts";

export interface Isolate extends Environment {
  bundle: ModelBundle;
  edgeModel: EdgeModel;
  configs: ConfigStore;
  /** Only to tell people; the gates decide, each by the store of its own isolate. */
  policies: PolicyStore;
  reports: ImageReports;
  circuit: CircuitBreaker;
  tail: TailAccess;
  sendOptions: SendOptions;
  meter: RequestMeter;
  now(): number;
}

/** Whether a frame may hold the first stage's features. */
function fitsFrame({ edge }: ModelBundle["manifest"]): boolean {
  const [channels, height, width] = edge.stages[0].features?.shape ?? [0, 0, 0];
  return channels <= MAX_MAP_CHANNELS && channels * height * width <= MAX_MAP_VALUES;
}

/** @throws Error naming what is wrong with the environment */
export function createIsolate(env: Env, bundle: ModelBundle): Isolate {
  const now = () => performance.now();
  const newCircuit = () => new CircuitBreaker({ failures: CIRCUIT_FAILURES, openMs: CIRCUIT_OPEN_MS });
  const tail = new TailAccess(newCircuit(), fitsFrame(bundle.manifest));
  return {
    ...readEnvironment(env),
    bundle,
    edgeModel: createEdgeModel(bundle),
    configs: createConfigStore(env.CONFIG, bundle, now),
    policies: createPolicyStore(env.CONFIG, bundle.hash, now),
    reports: createImageReports(),
    circuit: newCircuit(),
    tail,
    sendOptions: createSendOptions(bundle.manifest, tail),
    meter: createRequestMeter(MAX_TRACKED_CLIENTS),
    now,
  };
}
