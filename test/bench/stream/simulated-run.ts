// The same run as the simulator sees it: the frames' own metrics, the same trace, frame rate, deadline and ways to
// send; latencies are drawn from those that the stack had on a link without a limit.
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import { DEFAULT_WEIGHTS, paretoOptions, type SendOption } from "@spillway/shared/split/controller";
import { playLink } from "../../../models/src/link/play.ts";
import type { LinkReplay } from "../../../models/src/link/replay.ts";
import { controllerRule } from "../../../models/src/link/rules.ts";
import { type CameraRun, decisionOf } from "./camera-run.ts";

const SEEDS = 20;

export interface SimulatedCamera {
  /** With the bytes of headers, which the link carries too. */
  options: readonly SendOption[];
  /** From frame to answer without a limit, a sample. */
  latenciesMs: readonly number[];
  replay: LinkReplay;
  framesPerSecond: number;
  deadlineMs: number;
}

export function simulateCamera(run: CameraRun, camera: SimulatedCamera) {
  const { latenciesMs, replay, framesPerSecond, deadlineMs } = camera;
  const metrics = metricsOf(run);
  const shortestMs = Math.min(...latenciesMs);
  const latencyMs = { tail: shortestMs, large: shortestMs };
  const options = paretoOptions(camera.options, latencyMs);
  const setting = { intervalMs: 1000 / framesPerSecond, deadlineMs, bucket: null, latencyMs, fromMs: 0 };
  const control = { weights: DEFAULT_WEIGHTS, bucket: null, tokenPrice: 0 };
  let misses = 0;
  let sent = 0;
  let bytes = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = mulberry32(seed);
    const draw = () => latenciesMs[Math.floor(random() * latenciesMs.length)] - shortestMs;
    const jitterMs = Float64Array.from(metrics, draw);
    const { choices, answerMs } = playLink(
      controllerRule(options, setting, control),
      options,
      metrics,
      jitterMs,
      replay,
      setting,
    );
    choices.forEach((choice, frame) => {
      if (choice < 0) return;
      sent++;
      bytes += options[choice].bytes;
      if (answerMs[frame] > deadlineMs) misses++;
    });
  }
  const frames = metrics.length * SEEDS;
  return { missRate: misses / frames, cloud: (sent - misses) / frames, bytesAFrame: bytes / frames };
}

/** What each frame expected to gain; a dropped one as much as the mean. */
function metricsOf({ told }: CameraRun): Float64Array {
  const known = told.map((one) => decisionOf(one)?.metric ?? null);
  const values = known.filter((metric) => metric !== null);
  const mean = values.reduce((sum, metric) => sum + metric, 0) / Math.max(1, values.length);
  return Float64Array.from(known, (metric) => metric ?? mean);
}
