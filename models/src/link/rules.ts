// The rules that are compared: every option by itself, two rules of video streaming made for frames with a deadline,
// and the controller.
import type { BucketOptions } from "@spillway/shared/bucket/token-bucket";
import type { ControllerWeights, SendOption } from "@spillway/shared/split/controller";
import { forecastMetrics, rememberMetric } from "@spillway/shared/split/metric-forecast";
import { chooseOrTry, nextProbeMs } from "@spillway/shared/split/send-choice";
import type { LinkSetting, Rule } from "./play.ts";

/** The same option for every frame. */
export function fixedRule(option: number): Rule {
  return () => option;
}

/** The largest option that is predicted to be in time behind all that waits; the edge where none is. */
export function rateRule(options: readonly SendOption[], { deadlineMs }: Pick<LinkSetting, "deadlineMs">): Rule {
  return ({ link: view }) => {
    const { link, queuedBytes } = view();
    let chosen: number | null = null;
    options.forEach(({ bytes, route }, index) => {
      const arrivalMs = (queuedBytes + bytes) / link.throughput + link.latencyMs[route];
      if (arrivalMs <= deadlineMs && (chosen === null || bytes >= options[chosen].bytes)) chosen = index;
    });
    return chosen;
  };
}

export interface BufferRuleOptions {
  /** Shares of the deadline for which the oldest send may be under way: below all is sent, above nothing. */
  low: number;
  high: number;
}

/** From BBA (Huang et al., SIGCOMM 2014): no prediction, the size falls evenly with what is under way. */
export function bufferRule(
  options: readonly SendOption[],
  { deadlineMs }: Pick<LinkSetting, "deadlineMs">,
  { low, high }: BufferRuleOptions,
): Rule {
  const bySize = options.map((_, index) => index).sort((a, b) => options[a].bytes - options[b].bytes);
  return ({ oldestMs }) => {
    const fullness = (oldestMs / deadlineMs - low) / (high - low);
    if (fullness >= 1) return null;
    const most = options[bySize[bySize.length - 1]].bytes;
    const allowed = most * (1 - Math.max(0, fullness));
    return bySize.findLast((index) => options[index].bytes <= allowed) ?? null;
  };
}

export interface ControllerRuleOptions {
  weights: ControllerWeights;
  bucket: BucketOptions | null;
  tokenPrice: number;
}

export function controllerRule(
  options: readonly SendOption[],
  { deadlineMs, intervalMs }: Pick<LinkSetting, "deadlineMs" | "intervalMs">,
  { weights, bucket, tokenPrice }: ControllerRuleOptions,
): Rule {
  let recent: number[] = [];
  let probedAtMs: number | null = null;
  return ({ nowMs, metric, tokens, link: view }) => {
    const futureMetrics = forecastMetrics(recent);
    recent = rememberMetric(recent, metric);
    const { link, queuedBytes } = view();
    const { decision, isProbe } = chooseOrTry(
      {
        options,
        metric,
        futureMetrics,
        queuedBytes,
        deadlineLeftMs: deadlineMs,
        deadlineMs,
        intervalMs,
        tokens,
        bucket: bucket ?? { rate: 0, depth: tokens + 1 },
        tokenPrice,
        link,
      },
      weights,
      nowMs >= nextProbeMs(probedAtMs, bucket?.rate ?? Infinity),
    );
    if (isProbe) probedAtMs = nowMs;
    return decision.option === null ? null : options.indexOf(decision.option);
  };
}
