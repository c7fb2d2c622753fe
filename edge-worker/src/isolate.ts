// What one isolate keeps between requests: the model's sessions, the configuration it read last, the
// circuit to the cloud, the request rates, and images that wait to be reported to a gate. Made by the
// first request, since an isolate may neither compute much nor read its environment before one.
import { createImageReports, type ImageReports } from "./bucket/image-reports.ts";
import { CircuitBreaker } from "./cloud/circuit-breaker.ts";
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
  meter: RequestMeter;
  now(): number;
}

/** @throws Error naming what is wrong with the environment */
export function createIsolate(env: Env, bundle: ModelBundle): Isolate {
  const now = () => performance.now();
  return {
    ...readEnvironment(env),
    bundle,
    edgeModel: createEdgeModel(bundle),
    configs: createConfigStore(env.CONFIG, bundle, now),
    policies: createPolicyStore(env.CONFIG, bundle.hash, now),
    reports: createImageReports(),
    circuit: new CircuitBreaker({ failures: CIRCUIT_FAILURES, openMs: CIRCUIT_OPEN_MS }),
    meter: createRequestMeter(MAX_TRACKED_CLIENTS),
    now,
  };
}
