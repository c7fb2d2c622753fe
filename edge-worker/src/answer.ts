// Shapes an answer: the labels, and a decision in which whatever does not apply is null.
import { confidenceOf } from "@spillway/shared/calibration/confidence";
import type { Config } from "@spillway/shared/schema/config";
import type { Decision, Result } from "@spillway/shared/schema/result";
import type { ModelBundle } from "./inference/model-bundle.ts";
import type { Stopwatch } from "./stopwatch.ts";

type DecisionParts = Partial<Decision> & Pick<Decision, "reason">;

/** A function that turns probabilities and what was decided into the response of this request. */
export function answerOf(request: { id: string; top: number }, config: Config, bundle: ModelBundle, watch: Stopwatch) {
  const { labels } = bundle.manifest;
  return (answer: { probabilities: Float64Array }, parts: DecisionParts): { ok: true; result: Result } => {
    const { probabilities } = answer;
    const top = topClasses(probabilities, request.top).map((index) => ({
      label: labels[index],
      index,
      probability: probabilities[index],
    }));
    const decision: Decision = {
      tier: "edge",
      exit: null,
      route: null,
      setting: null,
      metric: null,
      threshold: null,
      tokens: null,
      policy: null,
      bytesSent: null,
      ...parts,
    };
    const result = {
      id: request.id,
      label: top[0].label,
      index: top[0].index,
      confidence: confidenceOf(probabilities, config.edge.confidence),
      top,
      decision,
      model: bundle.hash,
      configVersion: config.version,
      timings: watch.timings(),
    };
    return { ok: true, result };
  };
}

/** Indices of the `count` largest, largest first; of equals the first. */
function topClasses(probabilities: Float64Array, count: number): number[] {
  const order = Array.from(probabilities.keys());
  order.sort((a, b) => probabilities[b] - probabilities[a] || a - b);
  return order.slice(0, count);
}
